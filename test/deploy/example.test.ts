/** The app of the example, alone: its sidecar may begin after it, and may be away. */
import { deepEqual, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { it } from 'node:test';
import { dieWithUs } from '../support/die-with-us.js';
import { freePort } from '../support/ports.js';
import { eventually } from '../support/program.js';

it('an app of the example answers when there is no sidecar to call through, and lives on', async () => {
  const port = await freePort();
  const app = spawn(process.execPath, ['deploy/example/orders.mjs'], {
    env: { PORT: String(port) },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  dieWithUs(app);
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
  await eventually(async () => (await get('/healthz').catch(() => undefined))?.ok);

  const answer = await get('/orders/1');
  ok([502, 503].includes(answer.status), `${answer.status}`); // 502 from whoever runs a sidecar on this machine
  deepEqual([(await get('/healthz')).status, app.exitCode], [200, null]);
});
