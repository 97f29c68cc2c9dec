/** The health check of the image, as Docker runs it: a process whose exit code counts. */
import { deepEqual, equal } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, ListenOptions } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../deploy/live.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'zidecar-live-'));
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

const asked: (string | undefined)[] = [];
async function answering(status: number, at: ListenOptions): Promise<number> {
  const server = createServer((request, answer) => (asked.push(request.url), answer.writeHead(status).end()));
  servers.push(server);
  await once(server.listen(at), 'listening');
  return at.path === undefined ? (server.address() as AddressInfo).port : 0;
}
const check = (setting: string): Promise<number> =>
  new Promise((resolve) =>
    execFile(process.execPath, [program], { env: { ZIDECAR_HEALTH: setting } }, (error) =>
      resolve(error ? Number(error.code) : 0),
    ),
  );

describe('live', () => {
  it('ends with 0 when /live answers 200, wherever the listener is', async () => {
    const port = await answering(200, { host: '127.0.0.1', port: 0 });
    const path = join(folder, 'health.sock');
    await answering(200, { path });
    for (const setting of [`127.0.0.1:${port}`, `0.0.0.0:${port}`, `[::]:${port}`, `unix:${path}`, `127.0.0.1:${port}, [::1]:1`])
      equal(await check(setting), 0, setting);
    deepEqual(asked, Array(5).fill('/live'));
  });

  it('ends with 1 when it answers anything else', async () => {
    equal(await check(`127.0.0.1:${await answering(500, { host: '127.0.0.1', port: 0 })}`), 1);
  });

  it('ends with 1 when nobody answers', async () => {
    equal(await check(`unix:${join(folder, 'nobody.sock')}`), 1);
  });

  it('ends with 0 when there is no health listener to ask', async () => {
    equal(await check('off'), 0);
  });

  it('asks the default listener where nothing is set', async () => {
    const out = await new Promise<string>((resolve) =>
      execFile(process.execPath, [program], { env: {} }, (_, stdout) => resolve(stdout)),
    );
    equal(out.split(': ')[0], '[::]:6191');
  });
});
