/** Websockets through the built program: an app that is a real client, or speaks frame by frame, and a server that sees each frame. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { metric } from '../support/metric.js';
import { freePort } from '../support/ports.js';
import { eventually, Sidecar } from '../support/program.js';
import { RawServer, Wire } from '../support/raw.js';
import { clientFrame, connected, echo, opcode, webSocketServer, type Client, type Peer } from '../support/websocket.js';

const handshake = (service: string): string =>
  `GET / HTTP/1.1\r\nHost: ${service}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n\r\n`;
const inFlight = 'zidecar_requests_in_flight{service="chat"}';

describe('a websocket through the program', { timeout: 240_000 }, () => {
  let folder = '';
  let server: RawServer;
  let sidecar: Sidecar;
  let at = '';
  let script: (peer: Peer) => unknown = echo;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zidecar-websocket-'));
    // it ends when it is let go: then the sidecar has nobody to carry calls for
    const go = JSON.stringify(join(folder, 'go'));
    const app = `process.on('SIGTERM', () => {}); console.log('{"kind":"app_up"}'); setInterval(() => fs.existsSync(${go}) && process.exit(0), 20)`;
    server = await webSocketServer((peer) => script(peer));
    const ports = { chat: server.port, dead: await freePort() };
    for (const [service, port] of Object.entries(ports)) {
      await mkdir(join(folder, 'services', service), { recursive: true });
      await writeFile(join(folder, 'services', service, 'one'), JSON.stringify({ address: '127.0.0.1', port }));
    }
    const env = { ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_UPSTREAMS: 'chat,dead,nobody', ZIDECAR_GRACE: '60s' };
    sidecar = Sidecar.start(env, [process.execPath, '-e', app]);
    at = await sidecar.at('outbound');
    await sidecar.fact('app_up');
    for (const upstream of Object.keys(ports)) await sidecar.fact('endpoints_changed', { upstream, total: 1 });
  });
  after(async () => {
    sidecar.kill();
    await server.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  const client = (how: (peer: Peer) => unknown = echo): Promise<Client> => {
    script = how;
    return connected(`${at}/svc/chat/`);
  };
  const raw = async (service = 'chat'): Promise<Wire> =>
    (await Wire.dial(Number(at.split(':').at(-1)))).write(handshake(service));
  const idle = (): Promise<unknown> => eventually(async () => (await metric(sidecar, inFlight)) === 0);

  it('carries frames of 1 MB both ways, and is a call in flight that long', async () => {
    const app = await client();
    equal(await metric(sidecar, inFlight), 1);
    const message = randomBytes(1024 * 1024);
    app.socket.send(message);
    equal((await app.message()).equals(message), true);
    app.socket.close();
    await app.closed();
    await idle();
    await eventually(async () => (await metric(sidecar, 'zidecar_requests_total{service="chat",code="1xx"}')) === 1);
    ok((await metric(sidecar, 'zidecar_tunnel_bytes_total{service="chat",direction="sent"}')) > message.length);
    ok((await metric(sidecar, 'zidecar_tunnel_bytes_total{service="chat",direction="received"}')) > message.length);
  });

  it('is closed by the server, and by the app, with the code and the reason that they give', async () => {
    const gone = await client(async (peer) => {
      peer.close(4321, 'theirs');
      await peer.frame();
      peer.wire.end();
    });
    deepEqual(await gone.closed(), { code: 4321, reason: 'theirs', clean: true });
    const leaving = await client();
    leaving.socket.close(4001, 'ours');
    deepEqual(await leaving.closed(), { code: 4001, reason: 'ours', clean: true });
    await idle();
  });

  it('keeps fragments apart, with a ping between them; each side answers the ping of the other', async () => {
    const got: [number, boolean, string][] = [];
    script = async (peer: Peer) => {
      for (let n = 0; n < 4; n++) {
        const { opcode: kind, final, payload } = await peer.frame();
        got.push([kind, final, payload.toString()]);
        if (kind === opcode.ping) peer.send(opcode.pong, payload);
      }
      peer.send(opcode.text, 'three ', false);
      peer.send(opcode.ping, 'theirs');
      peer.send(opcode.continuation, 'four');
    };
    const wire = await raw();
    await wire.head();
    wire.write(
      clientFrame(opcode.text, 'one ', false),
      clientFrame(opcode.ping, 'ours'),
      clientFrame(opcode.continuation, 'two'),
    );
    equal(await wire.until('ours'), '\x8a\x04ours');
    wire.write(clientFrame(opcode.pong, 'unasked'));
    equal(await wire.until('four'), '\x01\x06three \x89\x06theirs\x80\x04four');
    deepEqual(got, [
      [opcode.text, false, 'one '],
      [opcode.ping, true, 'ours'],
      [opcode.continuation, true, 'two'],
      [opcode.pong, true, 'unasked'],
    ]);
    wire.reset();
    await idle();
  });

  it('may be ended by one side while the other still speaks', async () => {
    script = async ({ wire }: Peer) => void wire.write(`heard ${(await wire.rest()).text.length}`).end();
    const speaks = await raw();
    await speaks.head();
    equal((await speaks.write('x'.repeat(300_000)).end().rest()).text, 'heard 300000');
    let heard = '';
    script = async ({ wire }: Peer) => void (heard = (await wire.write('bye').end().rest()).text);
    const listens = await raw();
    await listens.head();
    equal((await listens.rest()).text, 'bye');
    listens.write('still here').end();
    await eventually(() => heard === 'still here');
    await idle();
  });

  it('piles nothing up for an app that does not read', async () => {
    const total = 64 * 1024 * 1024;
    let written = 0;
    script = async ({ wire: { socket } }: Peer) => {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      for (; written < total && !socket.destroyed; written += chunk.length)
        if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
    };
    const wire = await raw();
    await wire.head();
    wire.socket.pause();
    // the sidecar has a turn with each look: it answers in it
    let [before, same] = ['', 0];
    await eventually(async () => {
      const now = `${written} ${await metric(sidecar, 'zidecar_tunnel_bytes_total{service="chat",direction="received"}')}`;
      same = now === before && written > 0 ? same + 1 : 0;
      before = now;
      return same > 20;
    });
    ok(written < total / 2, `${written} bytes went off while nobody read`);
    let came = wire.unread.length;
    wire.socket.removeAllListeners('data').on('data', (part: Buffer) => (came += part.length));
    wire.socket.resume();
    await eventually(() => came >= total);
    wire.reset();
    await idle();
  });

  it('is a 503 while nobody is registered, and a 502 while nobody listens', async () => {
    for (const [service, status, code] of [
      ['nobody', 503, 'no_endpoints'],
      ['dead', 502, 'connect_refused'],
    ] as const) {
      const wire = await raw(service);
      const { text } = await wire.rest();
      wire.end();
      match(text, new RegExp(`^HTTP/1\\.1 ${status} [^]*\\r\\nx-zidecar-error: ${code}\\r\\n`));
      await eventually(async () => (await metric(sidecar, `zidecar_requests_total{service="${service}",code="${code}"}`)) === 1);
    }
  });

  it('goes on while the sidecar drains, and gets a close frame with 1001 when it stops', async () => {
    let last: Buffer | undefined;
    const app = await client(async (peer) => {
      for (;;) {
        const { opcode: kind, payload } = await peer.frame();
        if (kind === opcode.close) return void ((last = payload), peer.send(opcode.close, payload), peer.wire.end());
        peer.send(opcode.text, payload);
      }
    });
    sidecar.signal('SIGTERM');
    await sidecar.fact('phase_changed', { phase: 'draining' });
    app.socket.send('still');
    equal((await app.message()).toString(), 'still');
    await writeFile(join(folder, 'go'), '');
    deepEqual(await app.closed(), { code: 1001, reason: '', clean: true });
    equal(await sidecar.ended(), 0);
    equal(last?.readUInt16BE(), 1001);
  });
});
