import { deepEqual, equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { serveAdmin } from '../../agent/admin/server.js';
import type { Listener } from '../../agent/config/addresses.js';
import type { Listening } from '../../agent/listen.js';
import { drain, overrule, status, undrain, why, type Asking, type Told } from '../../agent/status.js';
import { paintFor } from '../../agent/text.js';
import { FakeClock } from '../support/clock.js';
import { freePort } from '../support/ports.js';
import { announcement, at, sidecar } from './admin/fixture.js';

const folder = mkdtempSync(join(tmpdir(), 'zidecar-status-'));
const side = sidecar();
const tcp = (port: number, host = '127.0.0.1'): Listener => ({ kind: 'tcp', host, port });
const paint = paintFor({}, {});
const asking = (admin: Listener | undefined, more: Partial<Asking> = {}): Asking => ({
  admin: admin ? [admin] : [],
  json: false,
  paint,
  width: undefined,
  clock: { wall: () => at + 12_000, after: () => () => undefined },
  ...more,
});
/** A server that is no sidecar. */
async function withServer(server: Server, use: (port: number) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await use((server.address() as AddressInfo).port);
  for (const socket of sockets) socket.destroy();
  server.close();
}

describe('the commands that ask a sidecar', () => {
  let listening: Listening;
  let port: number;
  const unix: Listener = { kind: 'unix', path: join(folder, 'admin.sock') };
  before(async () => {
    listening = await serveAdmin(side.views, side.changes, [tcp(0), unix], () => undefined);
    port = Number(listening.addresses[0]!.split(':')[1]);
  });
  after(async () => {
    await listening.close();
    rmSync(folder, { recursive: true });
  });

  it('why begins with the verdict', async () => {
    const told = await why(asking(tcp(port)), 'orders');
    equal(told.code, 0);
    equal(
      told.text.split('\n')[0],
      'orders: ill since 12:04:10, 1 of 3 out, 0 calls lost, 4 % of the calls of the last 10 s sent again (20 %, and 30 more, may be)',
    );
  });

  it('why finds a name with a slash, and ends with 1 for one that is not there', async () => {
    equal((await why(asking(tcp(port)), 'us/ers')).code, 0);
    deepEqual(await why(asking(tcp(port)), 'nobody'), {
      code: 1,
      text:
        '"nobody" is not followed here: followed are orders, us/ers. A peer is followed once it is called or ZIDECAR_UPSTREAMS ' +
        'names it; zidecar services NAME looks into the registry',
    } satisfies Told);
  });

  it('doubtful overrules, and shows why calls go where they go from then on', async () => {
    const told = await overrule(asking(tcp(port)), 'orders', 'drop');
    equal(told.code, 0);
    match(told.text, /^orders: ill since/);
    deepEqual(side.done.splice(0), [{ overrule: { name: 'orders', what: 'drop' } }]);
  });

  it('status asks a TCP address, a Unix socket, and the loopback for a listener everywhere', async () => {
    for (const place of [tcp(port), unix, tcp(port, '0.0.0.0'), tcp(port, '::')])
      match((await status(asking(place))).text, /^zidecar 0\.1\.0 {2}ready, started 12:04:10 \(12 s ago\)\n/);
  });

  it('prints the view as it is with json', async () => {
    const { code, text } = await why(asking(tcp(port), { json: true }), 'orders');
    equal(code, 0);
    equal((JSON.parse(text) as { name: string }).name, 'orders');
  });

  it('drain withdraws, with or without waiting for peers', async () => {
    deepEqual(await drain(asking(tcp(port)), false), { code: 0, text: 'shop: withdrawn' });
    deepEqual(side.done.pop(), { drain: { wait: false } });
    const draining = drain(asking(tcp(port)), true);
    while (side.done.length === 0) await status(asking(tcp(port)));
    side.drained.finish();
    equal((await draining).code, 0);
    deepEqual(side.done.pop(), { drain: { wait: true } });
  });

  it('undrain asks for what the drain took, and says where the app is not well', async () => {
    side.announcements.splice(0, 1, announcement(), announcement({ service: 'ill', wish: 'withdrawn', fact: 'withdrawn' }));
    deepEqual(await undrain(asking(tcp(port))), {
      code: 0,
      text: 'shop: announced\nill: not drained, and withdrawn while the app is down',
    });
    equal(side.done.pop(), 'undrain');
  });

  it('drain has nothing to do where nothing is announced', async () => {
    side.announcements.length = 0;
    side.changes.drain = () => Promise.resolve();
    deepEqual(await drain(asking(tcp(port)), true), { code: 0, text: 'nothing is announced here' });
    side.announcements.push(announcement());
  });

  it('end with 69 and a sentence where nobody answers', async () => {
    const free = await freePort();
    deepEqual(await status(asking(tcp(free))), {
      code: 69,
      text: `no sidecar answers at 127.0.0.1:${free}: is it running? its address is set by ZIDECAR_ADMIN`,
    });
    const nowhere: Listener = { kind: 'unix', path: join(folder, 'none.sock') };
    match((await status(asking(nowhere))).text, /^no sidecar answers at unix:.*none\.sock: is it running\?/);
    deepEqual(await status(asking(undefined)), { code: 69, text: 'there is no sidecar to ask: ZIDECAR_ADMIN is off' });
  });

  it('end with 69 where somebody else answers', async () => {
    for (const body of ['hello', '{"version":"1"}'])
      await withServer(
        createHttpServer((_request, response) => void response.end(body)),
        async (other) => {
          const { code, text } = await status(asking(tcp(other)));
          equal(code, 69);
          match(text, /^what answers at 127\.0\.0\.1:\d+ is not a sidecar: its address is set by ZIDECAR_ADMIN$/);
        },
      );
    await withServer(
      createServer((socket) => void socket.end('220 mail\r\n')),
      async (other) => {
        equal((await status(asking(tcp(other)))).code, 69);
      },
    );
  });

  it('end with 69 where the answer does not come in time, or breaks off', async () => {
    const clock = new FakeClock();
    await withServer(createServer(), async (silent) => {
      const asked = status(asking(tcp(silent), { clock }));
      await clock.advance(5_000);
      deepEqual(await asked, {
        code: 69,
        text: `no sidecar answers at 127.0.0.1:${silent}: no answer in 5 s; its address is set by ZIDECAR_ADMIN`,
      });
    });
    const cut = createServer((socket) => void socket.end('HTTP/1.1 200 OK\r\nserver: zidecar\r\ncontent-length: 99\r\n\r\n{'));
    await withServer(cut, async (other) => equal((await status(asking(tcp(other)))).code, 69));
  });

  it('do not read an answer without end', async () => {
    const endless = createHttpServer((_request, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write(Buffer.alloc(1 << 20, 32), more);
      };
      more();
    });
    await withServer(endless, async (other) => {
      const { code, text } = await status(asking(tcp(other)));
      equal(code, 69);
      match(text, /answers without end/);
    });
  });
});
