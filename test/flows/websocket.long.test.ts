/** What only time shows, through the built program with the settings that it comes with: a websocket that is silent for 70 s. */
import { equal } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { WebSocket } from 'undici';
import { Sidecar } from '../support/program.js';
import { echo, webSocketServer } from '../support/websocket.js';

it('a websocket goes on after 70 s of silence', { timeout: 150_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zidecar-websocket-'));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 }));
  const server = await webSocketServer(echo);
  t.after(() => server.stop());
  await mkdir(join(folder, 'services', 'chat'), { recursive: true });
  await writeFile(join(folder, 'services', 'chat', 'c1'), JSON.stringify({ address: '127.0.0.1', port: server.port }));
  const sidecar = Sidecar.start({ ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_UPSTREAMS: 'chat' });
  t.after(() => sidecar.kill());
  await sidecar.fact('endpoints_changed', { upstream: 'chat', total: 1 });
  const socket = new WebSocket(`ws://${await sidecar.at('outbound')}/svc/chat/`);
  await once(socket as unknown as EventTarget, 'open');
  await new Promise((resolve) => setTimeout(resolve, 70_000));
  socket.send('still here');
  const [{ data }] = (await once(socket as unknown as EventTarget, 'message')) as [{ data: unknown }];
  equal(data, 'still here');
  socket.close();
  await once(socket as unknown as EventTarget, 'close');
  equal(await sidecar.stop(), 0);
});
