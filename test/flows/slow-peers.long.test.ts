/** Slow peers and kept connections, through the built program and each of its lanes: what they cost in memory, calls and connections. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Calling } from '../support/calls.js';
import { eventually, Sidecar } from '../support/program.js';
import { RawServer, Wire } from '../support/raw.js';
import { endpointsOf } from './peers.js';

const get = (path = '/'): string => `GET ${path} HTTP/1.1\r\nHost: orders\r\n\r\n`;
const small = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const piece = Buffer.alloc(64 * 1024, 'x');
const MB = 1_000_000;
const drained = (wire: Wire): Promise<void> => new Promise((resolve) => wire.socket.once('drain', resolve));

const residentMb = (pid: number): number =>
  (Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024) / MB;

/** Answers `/large` with so many bytes, as fast as they are taken, and all else with a word; an upload when it is whole. */
const orders = (largeBytes: number): Promise<RawServer> =>
  RawServer.start(async (wire) => {
    for (;;) {
      const head = await wire.head();
      if (head.startsWith('PUT')) await wire.bytes(Number(/content-length: (\d+)/i.exec(head)![1]));
      if (!head.includes('/large')) {
        wire.write(small);
        continue;
      }
      wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${largeBytes}\r\n\r\n`);
      for (let left = largeBytes; left > 0 && !wire.over; left -= piece.length)
        if (!wire.socket.write(piece.subarray(0, left))) await Promise.race([drained(wire), wire.gone()]);
    }
  });

async function start(
  t: TestContext,
  peer: RawServer,
  env: Readonly<Record<string, string>>,
): Promise<{ sidecar: Sidecar; at: string; app: () => Promise<Wire> }> {
  const folder = await mkdtemp(join(tmpdir(), 'zidecar-slow-'));
  await mkdir(join(folder, 'services', 'orders'), { recursive: true });
  await writeFile(join(folder, 'services', 'orders', 'one'), JSON.stringify({ address: '127.0.0.1', port: peer.port }));
  const sidecar = Sidecar.start({ ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_UPSTREAMS: 'orders', ...env });
  t.after(async () => {
    sidecar.kill();
    await peer.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });
  const at = await sidecar.at('outbound');
  await sidecar.fact('endpoints_changed', { upstream: 'orders', total: 1 });
  const app = async (): Promise<Wire> => {
    const wire = await Wire.dial(Number(at.split(':').at(-1)));
    wire.socket.on('error', () => undefined);
    return wire;
  };
  return { sidecar, at, app };
}

for (const lane of ['on', 'off'])
  describe(`with FAST_LANE=${lane}`, { timeout: 240_000 }, () => {
    it('a slow reader of an answer of 1 GB costs no memory, and gets it whole', async (t) => {
      const total = 1_000 * MB;
      const { sidecar, app } = await start(t, await orders(total), { ZIDECAR_FAST_LANE: lane });
      await (await app()).write(get()).message();
      const before = residentMb(sidecar.pid);
      const wire = (await app()).write(get('/large'));
      await wire.head();
      let [came, most] = [wire.unread.length, before];
      wire.socket.removeAllListeners('data').on('data', (bytes: Buffer) => {
        const step = 50 * MB;
        if (came + bytes.length < total && Math.floor(came / step) < Math.floor((came + bytes.length) / step)) {
          wire.socket.pause(); // long enough for all that could pile up
          setTimeout(() => {
            most = Math.max(most, residentMb(sidecar.pid));
            wire.socket.resume();
          }, 200);
        }
        came += bytes.length;
      });
      await eventually(() => came >= total);
      equal(came, total);
      t.diagnostic(`${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most`);
      ok(
        most - before < 100, // of 1,000; in the full lane much of it is garbage to be
        `${before} MB before, ${most} MB at most`,
      );
    });

    it('there are no more connections to an endpoint than calls at a time, the last one used is used next, and idle ones close', async (t) => {
      const peer = await orders(MB);
      const { app } = await start(t, peer, { ZIDECAR_FAST_LANE: lane, ZIDECAR_IDLE_TIMEOUT: '3s' });
      const apps = await Promise.all(Array.from({ length: 8 }, app));
      for (let wave = 0; wave < 20; wave++) await Promise.all(apps.map((each) => each.write(get()).message()));
      ok(peer.wires.length <= 8, `${peer.wires.length} connections for 8 calls at a time`);
      const read = (): number[] => peer.wires.map(({ socket }) => socket.bytesRead);
      const before = read();
      for (let call = 0; call < 20; call++) await apps[call % 8]!.write(get()).message();
      equal(read().filter((bytes, nth) => bytes > before[nth]!).length, 1);
      await eventually(() => peer.wires.every(({ over }) => over));
    });

    it('1,000 slow clients cost normal ones no call, and no endpoint its name', async (t) => {
      const limit = '4s';
      const limits = { ZIDECAR_HEADER_TIMEOUT: limit, ZIDECAR_BODY_TIMEOUT: limit, ZIDECAR_CLIENT_IDLE_TIMEOUT: limit };
      const { sidecar, at, app } = await start(t, await orders(50 * MB), { ZIDECAR_FAST_LANE: lane, ...limits });
      const slow: Wire[] = [];
      for (let n = 0; n < 1_000; n++) {
        const wire = await app();
        slow.push(wire);
        if (n % 10 < 4) wire.write('GET / HTTP/1.1\r\nHost: ord');
        else if (n % 10 < 8) wire.write('PUT / HTTP/1.1\r\nHost: orders\r\nContent-Length: 100000\r\n\r\nx');
        else if (n % 10 < 9) wire.write(get('/large')).socket.pause();
      }
      const trickle = setInterval(() => {
        for (const [n, wire] of slow.entries()) if (n % 10 < 8 && !wire.over) wire.write('x');
      }, 200);
      t.after(() => clearInterval(trickle));
      const calling = new Calling(at, 'orders', { workers: 4, pauseMs: 5 });
      await eventually(() => calling.total >= 400);
      clearInterval(trickle);
      await eventually(() => slow.every(({ over }, n) => over || n % 10 === 8)); // who does not read does not see its end
      for (const { socket } of slow) socket.destroy();
      const { lost, total } = await calling.stop();
      t.diagnostic(`${lost.length} of ${total} normal calls lost`);
      deepEqual(lost, []);
      deepEqual(
        (await endpointsOf(sidecar)).map(({ circuit }) => circuit),
        ['closed'],
      );
    });
  });
