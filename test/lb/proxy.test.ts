/** The proxy as a whole: where it listens, how it drains, and what it says when it cannot. */
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { lstat, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { closeOne, openAll } from '../../lb/listen.js';
import { ListenError } from '../../lb/proxy.js';
import { RawServer } from '../support/raw.js';
import { deadPort, eventually, get, house, ok } from './full/house.js';

const folder = async (t: TestContext): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'zidecar-proxy-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
};
const unix = (path: string) => ({ kind: 'unix', path, setting: 'ZIDECAR_OUTBOUND' }) as const;

describe('a listener', () => {
  it('may be a socket file, for which the rules are the same', async (t) => {
    const path = join(await folder(t), 'out.sock');
    const { at, app } = await house(t, { orders: [await RawServer.always(ok())] }, { listener: unix(path) });
    equal(at, `unix:${path}`);
    const wire = await app();
    match(await wire.write(get()).message(), /^HTTP\/1\.1 200 OK/);
    match((await wire.write('nonsense\r\n\r\n').rest()).text, /^HTTP\/1\.1 400 /);
    const cut = await RawServer.start(async (endpoint) => {
      await endpoint.head();
      endpoint.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello').end();
    });
    const other = await house(t, { orders: [cut] }, { listener: unix(`${path}2`) });
    match((await (await other.app()).write(get()).rest()).text, /hello$/);
  });

  it('takes a socket file over that a dead process left, and no other', async (t) => {
    const path = join(await folder(t), 'out.sock');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('listening'))`;
    const other = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    await rejects(house(t, {}, { listener: unix(path) }), /is taken already/);
    other.kill('SIGKILL');
    await once(other, 'close');
    equal((await lstat(path)).isSocket(), true);
    equal((await house(t, {}, { listener: unix(path) })).at, `unix:${path}`);
    await writeFile(`${path}.note`, 'not a socket');
    await rejects(house(t, {}, { listener: unix(`${path}.note`) }), ListenError);
    equal(await readFile(`${path}.note`, 'utf8'), 'not a socket');
  });

  it('lets as many connections wait as the system allows, when many come in one turn', async (t) => {
    const allowed = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
    const count = Math.min(allowed, 1_500);
    const { at } = await house(t, {});
    const script = `let connected = 0;
      const end = () => (console.log(connected), process.exit());
      for (let n = 0; n < ${count}; n++)
        require('node:net').connect(${at.split(':')[1]}, '127.0.0.1', () => ++connected === ${count} && end());
      setTimeout(end, 20_000);`;
    // we wait for it, and accept nobody meanwhile: who is connected is in the queue, however often the others try again
    equal(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }), `${count}\n`);
  });

  it('that is taken is told of with its address and its setting', async (t) => {
    const { at } = await house(t, {});
    const port = Number(at.split(':')[1]);
    await rejects(house(t, {}, { listener: { port, setting: 'ZIDECAR_OUTBOUND' } }), (error) => {
      equal(error instanceof ListenError, true);
      match(String(error), new RegExp(`ZIDECAR_OUTBOUND: 127\\.0\\.0\\.1:${port} is taken already, .*change ZIDECAR_OUTBOUND`));
      return true;
    });
  });

  it('outlives an accept that fails', async () => {
    const [open] = await openAll([{ kind: 'tcp', host: '127.0.0.1', port: 0, setting: 'ZIDECAR_OUTBOUND' }], () => undefined);
    equal(open!.server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' })), true); // as node tells it
    equal(open!.server.listening, true);
    await closeOne(open!);
  });

  it('that cannot be opened closes those that could', async (t) => {
    const taken = await RawServer.start(() => undefined);
    t.after(() => taken.stop());
    const free = await deadPort();
    const listeners = [free, taken.port].map((port) => ({ kind: 'tcp', host: '127.0.0.1', port, setting: 'X' }) as const);
    await rejects(house(t, {}, { proxy: { listeners } }), ListenError);
    await (await RawServer.start(() => undefined, free)).stop();
  });

  it('of one upstream serves that one, with the Host and the path of the app', async (t) => {
    const heads: string[] = [];
    const orders = await RawServer.start(async (wire) => {
      heads.push(await wire.head());
      wire.write(ok());
    });
    const { app } = await house(t, { orders: [orders] }, { listener: { upstream: 'orders' } });
    match(await (await app()).write('GET /svc/users/1 HTTP/1.1\r\nHost: example.org:99\r\n\r\n').message(), /200 OK/);
    match(heads[0]!, /^GET \/svc\/users\/1 HTTP\/1\.1\r\nhost: example\.org:99\r\n/i);
  });
});

describe('a proxy that drains', () => {
  it('ends idle connections, serves the others once more, and is quiet when the app has gone', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      for (;;) {
        if ((await wire.head()).includes('/slow')) await wire.until('go on');
        wire.write(ok());
      }
    });
    const { app, proxy } = await house(t, { orders: [orders] });
    const [idle, unused, slow] = [await app(), await app(), await app()];
    await idle.write(get()).message();
    slow.write(get('/slow'));
    await eventually(() => proxy.quiet().calls === 1 && proxy.quiet().connections === 3);
    proxy.drain();
    deepEqual([(await idle.rest()).text, (await unused.rest()).text], ['', '']);
    unused.end();
    const late = await app();
    match((await late.write(get()).rest()).text, /^HTTP\/1\.1 200 OK(?:.|\r\n)*connection: close\r\n/i);
    for (const wire of orders.wires) wire.socket.emit('data', Buffer.from('go on'));
    const { text } = await slow.rest();
    match(text, /^HTTP\/1\.1 200 OK(?:.|\r\n)*connection: close\r\n/i);
    await eventually(() => proxy.quiet().connections === 0 && proxy.quiet().calls === 0);
  });

  it('does not cut off a head that is on its way', async (t) => {
    const { app, ask, proxy } = await house(t, { orders: [await RawServer.always(ok())] });
    const wire = await app();
    await wire.write(get()).message();
    wire.write('GET / HTTP/1.1\r\nHo');
    await ask(get()); // by then it was read
    proxy.drain();
    match((await wire.write('st: orders\r\n\r\n').rest()).text, /^HTTP\/1\.1 200 OK(?:.|\r\n)*connection: close/i);
  });
});

describe('a proxy that closes', () => {
  it('cuts what still runs, tunnels too, and leaves nothing open', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      const head = await wire.head();
      if (head.includes('websocket')) wire.write('HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n');
    });
    const { app, proxy } = await house(t, { orders: [orders] });
    const tunnel = await app();
    await tunnel.write(get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')).head();
    const running = (await app()).write(get());
    await eventually(() => proxy.quiet().calls === 2 && orders.wires.length === 2);
    await proxy.close();
    deepEqual(proxy.quiet(), { connections: 0, calls: 0 });
    for (const wire of [tunnel, running, ...orders.wires]) await wire.gone();
    await rejects(app());
  });

  it('more than once closes once', async (t) => {
    const { proxy } = await house(t, {});
    await proxy.close();
    await proxy.close();
  });
});
