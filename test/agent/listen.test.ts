import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, createServer as createNetServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Listener } from '../../agent/config/addresses.js';
import { listen, type Listening } from '../../agent/listen.js';
import { ListenError } from '../../lb/listen.js';
import { freePort } from '../support/ports.js';
import { ask } from './ask.js';

const folder = mkdtempSync(join(tmpdir(), 'zidecar-listen-'));
after(() => rmSync(folder, { recursive: true }));

const makeServer = (): Server => createServer((_request, response) => void response.end('here'));
const tcp = (host: string, port = 0): Listener => ({ kind: 'tcp', host, port });
const unix = (name: string): Listener & { kind: 'unix' } => ({ kind: 'unix', path: join(folder, name) });
const warnings: string[] = [];
const open = (...listeners: Listener[]): Promise<Listening> =>
  listen(makeServer, listeners, 'ZIDECAR_ADMIN', (why) => warnings.push(why));
const fails = (sentence: RegExp, ...listeners: Listener[]): Promise<void> =>
  rejects(open(...listeners), (error) => {
    ok(error instanceof ListenError, String(error));
    match(error.message, sentence);
    return true;
  });
/** A socket file as a killed process leaves it: bound, and nobody behind it. */
async function leaveStale(path: string): Promise<void> {
  const server = createNetServer().listen(`${path}.made`);
  await once(server, 'listening');
  linkSync(`${path}.made`, path); // the server removes the name it knows when it closes, not this one
  await new Promise((resolve) => server.close(resolve));
}

describe('listen', () => {
  it('listens at every place it was told, and says where', async () => {
    const listening = await open(tcp('127.0.0.1'), tcp('127.0.0.1'), unix('both.sock'));
    equal(listening.addresses.length, 3);
    for (const at of listening.addresses) equal((await ask(at, '/')).text, 'here');
    await listening.close();
  });

  it('listens nowhere when told none', async () => {
    const listening = await open();
    deepEqual(listening.addresses, []);
    await listening.close();
  });

  it('has ended every connection, the idle ones too, when close resolves', async () => {
    const listening = await open(tcp('127.0.0.1'));
    const socket = connect(Number(listening.addresses[0]!.split(':')[1]), '127.0.0.1');
    await once(socket, 'connect');
    const gone = once(socket, 'close');
    await listening.close();
    await gone;
  });

  it('takes callers of both families on [::]', async () => {
    const listening = await open(tcp('::'));
    const port = listening.addresses[0]!.split(':').at(-1)!;
    const loopback = Object.values(networkInterfaces()).flatMap((all) => all!.filter(({ internal }) => internal));
    for (const { address, family } of loopback.filter(({ address }) => address === '127.0.0.1' || address === '::1'))
      equal((await ask(family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`, '/')).text, 'here');
    await listening.close();
  });

  it('names the setting, the place and the ways out when the port is taken', async () => {
    const first = await open(tcp('127.0.0.1'));
    const port = Number(first.addresses[0]!.split(':')[1]);
    await fails(
      new RegExp(`^ZIDECAR_ADMIN: 127\\.0\\.0\\.1:${port} is taken already.*change ZIDECAR_ADMIN$`),
      tcp('127.0.0.1', port),
    );
    await first.close();
  });

  it('says that an address is not of this machine', () =>
    fails(/192\.0\.2\.1:0 is not an address of this machine/, tcp('192.0.2.1')));

  it('closes those that it had opened when one cannot be had', async () => {
    const port = await freePort();
    await fails(/192\.0\.2\.1/, tcp('127.0.0.1', port), tcp('192.0.2.1'));
    await (await open(tcp('127.0.0.1', port))).close();
  });
});

describe('listen without IPv6', () => {
  /** A machine without IPv6 cannot be had here, so the server says what such a machine says. */
  const without = (code: string) => (): Server => {
    const server = makeServer();
    const real = server.listen.bind(server);
    server.listen = ((options: { host?: string }) =>
      options.host?.includes(':') === true
        ? (queueMicrotask(() => server.emit('error', Object.assign(new Error(code), { code }))), server)
        : real(options)) as typeof server.listen;
    return server;
  };
  const openWithout = async (code: string, ...listeners: Listener[]): Promise<readonly string[]> => {
    const listening = await listen(without(code), listeners, 'ZIDECAR_HEALTH', (why) => warnings.push(why));
    await listening.close();
    return listening.addresses;
  };

  for (const code of ['EAFNOSUPPORT', 'EADDRNOTAVAIL']) {
    it(`takes [::] for 0.0.0.0 and says so (${code})`, async () => {
      warnings.length = 0;
      const [at] = await openWithout(code, tcp('::'));
      match(at!, /^0\.0\.0\.0:\d+$/);
      deepEqual(warnings, [`ZIDECAR_HEALTH: this machine has no IPv6, so [::]:0 is ${at!} here`]);
    });

    it(`leaves [::1] out beside 127.0.0.1, but not alone (${code})`, async () => {
      const found = await openWithout(code, tcp('127.0.0.1'), tcp('::1'));
      deepEqual([found.length, found[0]!.startsWith('127.0.0.1:')], [1, true]);
      await rejects(openWithout(code, tcp('::1')), ListenError);
    });
  }
});

describe('listen on a socket file', () => {
  it('takes the file of a dead process over', async () => {
    const at = unix('stale.sock');
    await leaveStale(at.path);
    ok(existsSync(at.path));
    const listening = await open(at);
    equal((await ask(`unix:${at.path}`, '/')).text, 'here');
    await listening.close();
    equal(existsSync(at.path), false);
  });

  it('never takes the file of a living one', async () => {
    const at = unix('live.sock');
    const first = await open(at);
    await fails(/^ZIDECAR_ADMIN: unix:.*live\.sock is taken already/, at);
    equal((await ask(`unix:${at.path}`, '/')).text, 'here');
    await first.close();
  });

  it('never removes a file that is no socket', async () => {
    const at = unix('file');
    writeFileSync(at.path, 'precious');
    await fails(/is taken already/, at);
    ok(existsSync(at.path));
  });

  it('says that the folder is missing', () => fails(/its folder does not exist/, unix('none/here.sock')));
});
