import { deepEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../../lb/endpoint.js';
import { Sweeper, type Swept } from '../../lb/sweeper.js';
import { blackHole } from '../support/black-hole.js';
import { FakeClock } from '../support/clock.js';
import { freePort } from '../support/ports.js';

describe('sweeper', () => {
  let server: Server;
  let openPort: number;
  let closedPort: number;

  before(async () => {
    server = createServer((socket) => socket.on('error', () => undefined).resume());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    openPort = (server.address() as AddressInfo).port;
    closedPort = await freePort();
  });
  after(() => server.close());

  const at = (id: string, port: number): Endpoint => ({ id, host: '127.0.0.1', port, weight: 1, meta: {} });
  const sweeping = (endpoints: Endpoint[], concurrency = 16, connectTimeoutMs: number | 'off' = 1_000) => {
    const clock = new FakeClock();
    const reached: string[] = [];
    const unreached: string[] = [];
    const suspects: Endpoint[] = [];
    const upstream: Swept = {
      name: 'orders',
      unreachable: () => endpoints.filter(({ id }) => !reached.includes(id)),
      suspects: () => suspects.filter(({ id }) => !reached.includes(id)),
      reached: ({ id }) => void reached.push(id),
      unreached: ({ id }, code) => void unreached.push(`${id} ${code}`),
    };
    const sweeper = new Sweeper({
      clock,
      upstreams: () => [upstream],
      connectTimeoutMs: () => (connectTimeoutMs === 'off' ? undefined : connectTimeoutMs),
      concurrency,
    });
    return { clock, reached, unreached, suspects, sweeper };
  };
  const until = async (what: () => boolean): Promise<void> => {
    while (!what()) await sleep(5);
  };

  it('tells which endpoints can be reached, and not the others', async () => {
    const { clock, reached, sweeper } = sweeping([at('shut', closedPort), at('open', openPort)]);
    sweeper.start();
    await clock.advance(499);
    deepEqual(reached, []);
    await clock.advance(1);
    await until(() => reached.length > 0);
    await clock.advance(2_000);
    deepEqual(reached, ['open']);
    sweeper.stop();
  });

  it('connects to a suspect soon, again while it is one, and tells how that went', async () => {
    const { clock, reached, unreached, suspects, sweeper } = sweeping([]);
    suspects.push(at('shut', closedPort));
    sweeper.soon(); // before the start: nothing
    sweeper.start();
    await clock.advance(200);
    deepEqual(unreached, []);
    sweeper.soon();
    for (const times of [1, 2]) {
      await clock.advance(100);
      await until(() => unreached.length === times);
    }
    deepEqual(unreached, ['shut connect_refused', 'shut connect_refused']);
    suspects.splice(0, 1, at('open', openPort));
    await clock.advance(100);
    await until(() => reached.length > 0);
    await clock.advance(1_000);
    deepEqual([reached, unreached.length], [['open'], 2]);
    sweeper.stop();
  });

  it('goes on where it stopped when there are more endpoints than it may try at one time', async () => {
    const endpoints = ['a', 'b', 'c', 'd', 'e'].map((id) => at(id, openPort));
    const { clock, reached, sweeper } = sweeping(endpoints, 2);
    sweeper.start();
    for (const expected of [2, 4, 5]) {
      await clock.advance(500);
      await until(() => reached.length === expected);
    }
    deepEqual(reached.sort(), ['a', 'b', 'c', 'd', 'e']);
    sweeper.stop();
  });

  it('does not let dead ones keep the living from their turn', async () => {
    const endpoints = [...['a', 'b', 'c', 'd'].map((id) => at(id, closedPort)), at('open', openPort)];
    const { clock, reached, sweeper } = sweeping(endpoints, 1);
    sweeper.start();
    while (reached.length === 0) {
      await clock.advance(500);
      await sleep(5);
    }
    deepEqual(reached, ['open']);
    sweeper.stop();
  });

  it('gives up on one that does not answer, and lets the next have its place', async (test) => {
    const { port, release } = await blackHole();
    test.after(release);
    const { clock, reached, sweeper } = sweeping([at('silent', port), at('open', openPort)], 1);
    sweeper.start();
    await clock.advance(1_499); // the first sweep was at 500, so the second before its end had no place left
    deepEqual(reached, []);
    await clock.advance(1); // the end of the connect comes with the third sweep, whichever is first
    await clock.advance(500);
    await until(() => reached.length > 0);
    deepEqual(reached, ['open']);
    sweeper.stop();
  });

  it('waits for each as long as a connect to its upstream may take, ten seconds at most', async (test) => {
    for (const [connectTimeoutMs, waitedMs] of [
      [3_000, 3_000],
      ['off', 10_000],
    ] as const) {
      const { port, release } = await blackHole();
      test.after(release);
      const { clock, reached, sweeper } = sweeping([at('silent', port), at('open', openPort)], 1, connectTimeoutMs);
      sweeper.start();
      await clock.advance(500 + waitedMs - 1);
      await sleep(20); // what had been begun would be done by now
      deepEqual(reached, []);
      await clock.advance(501);
      await until(() => reached.length > 0);
      deepEqual(reached, ['open']);
      sweeper.stop();
    }
  });

  it('stops, with whatever it has begun', async () => {
    const clock = new FakeClock();
    const reached: string[] = [];
    const upstream: Swept = {
      name: 'orders',
      unreachable: () => [at('open', openPort)],
      suspects: () => [],
      reached: ({ id }) => void reached.push(id),
      unreached: () => undefined,
    };
    let sweeps = 0;
    const sweeper = new Sweeper({
      clock,
      connectTimeoutMs: () => 1_000,
      upstreams: () => {
        sweeps++;
        queueMicrotask(() => sweeper.stop()); // the connect has begun and cannot have ended
        return [upstream];
      },
    });
    sweeper.start();
    await clock.advance(5_000);
    deepEqual([sweeps, reached], [1, []]);
  });
});
