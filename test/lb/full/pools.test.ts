/** Kept connections: which is used, how many there are, and when they go. */
import { deepEqual, equal } from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { CallError } from '../../../lb/errors.js';
import type { Answer } from '../../../lb/full/answer.js';
import { attempt } from '../../../lb/full/attempt.js';
import { Stop } from '../../../lb/full/stop.js';
import { Pools, type ConnectionSettings, type PoolOptions } from '../../../lb/full/pools.js';
import { defaultLimits, Usage } from '../../../lb/limits.js';
import { UpstreamStats } from '../../../lb/stats.js';
import { RawServer, Wire } from '../../support/raw.js';
import { clock } from '../../support/running-clock.js';
import { eventually, ok } from './house.js';

const settings = { connectTimeoutMs: 1_000, idleTimeoutMs: 60_000 };

const pooled = (
  t: TestContext,
  options: Partial<PoolOptions> & { readonly maxConnections?: number } = {},
  used?: () => () => void,
): Pools => {
  const limits = { ...defaultLimits, connections: options.maxConnections ?? 1024 };
  const usage = new Usage({ limits, enforced: { limits: true }, stats: new UpstreamStats(), reached: () => undefined });
  const pools = new Pools({ clock, usage, maxHeadBytes: 32_768, ...options }, used);
  usage.keeps(() => pools.closeIdle());
  t.after(() => pools.close());
  return pools;
};

const terms = {
  clock,
  responseTimeoutMs: undefined,
  stop: new Stop(),
  inform: () => undefined,
  moved: () => undefined,
};

/** An exchange that has reached the server, whose end is up to the test. */
const exchange = async (
  pools: Pools,
  server: RawServer,
  name: string,
  more: Partial<ConnectionSettings> = {},
): Promise<{ nth: number; finish: () => Promise<void> }> => {
  const request = { method: 'GET', target: `/${name}`, fields: () => ['Host', 'a'] };
  const result = attempt(pools.take(server.endpoint('a'), { ...settings, ...more })!, request, terms);
  const mine = ({ unread }: { unread: string }): boolean => unread.includes(`GET /${name} `);
  await eventually(() => server.wires.some(mine));
  const nth = server.wires.findIndex(mine);
  const finish = async (): Promise<void> => {
    const wire = server.wires[nth]!;
    await wire.head();
    wire.write(ok());
    const { body } = (await result) as Answer;
    body.resume();
    await new Promise((resolve) => body.once('close', resolve));
    await clock.sleep(20);
  };
  return { nth, finish };
};

describe('the connections to an endpoint', () => {
  it('are made as calls need them, and the last one used is the next one used', async (t) => {
    const server = await RawServer.start(() => undefined);
    t.after(() => server.stop());
    const pools = pooled(t);
    const [first, second] = [await exchange(pools, server, 'first'), await exchange(pools, server, 'second')];
    deepEqual([first.nth, second.nth], [0, 1]);
    await second.finish();
    await first.finish();
    for (const name of ['third', 'fourth', 'fifth']) {
      const next = await exchange(pools, server, name);
      equal(next.nth, 0);
      await next.finish();
    }
    equal(pools.size, 2);
  });

  it('close when nobody has used them for a while, and their owner is told when none is left', async (t) => {
    const server = await RawServer.start(() => undefined);
    t.after(() => server.stop());
    const told: string[] = [];
    const pools = pooled(t, {}, () => (told.push('used'), () => told.push('empty')));
    await (await exchange(pools, server, 'a', { idleTimeoutMs: 50 })).finish();
    await server.wires[0]!.gone();
    await eventually(() => pools.size === 0);
    deepEqual(told, ['used', 'empty']);
  });

  it('are kept as long as the endpoint says, less a second', async (t) => {
    const server = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(ok('ok', 'Keep-Alive: timeout=1\r\n'));
    });
    t.after(() => server.stop());
    const pools = pooled(t);
    const request = { method: 'GET', target: '/', fields: () => ['Host', 'a'] };
    await attempt(pools.take(server.endpoint('a'), settings)!, request, terms);
    await server.wires[0]!.gone();
  });

  it('are so many at most: for another one the longest idle goes', async (t) => {
    const servers = [
      await RawServer.start(() => undefined),
      await RawServer.start(() => undefined),
      await RawServer.start(() => undefined),
    ];
    t.after(() => Promise.all(servers.map((server) => server.stop())));
    const pools = pooled(t, { maxConnections: 2 });
    for (const server of servers.slice(0, 2)) await (await exchange(pools, server, 'a')).finish();
    await exchange(pools, servers[2]!, 'b');
    await servers[0]!.wires[0]!.gone();
    equal(servers[1]!.wires[0]!.socket.destroyed, false);
    equal(pools.size, 2);
  });

  it('go by the settings of the call that they were made for, not of the first one', async (t) => {
    const server = await RawServer.start(() => undefined);
    t.after(() => server.stop());
    const pools = pooled(t);
    const before = await exchange(pools, server, 'before');
    const after = await exchange(pools, server, 'after', { idleTimeoutMs: 50 });
    await before.finish();
    await after.finish();
    await server.wires[after.nth]!.gone();
    equal(server.wires[before.nth]!.over, false);
  });

  it('leave no trace where there is no room for them', async (t) => {
    const server = await RawServer.start(() => undefined);
    t.after(() => server.stop());
    const told: string[] = [];
    const pools = pooled(t, { maxConnections: 1 }, () => (told.push('used'), () => told.push('empty')));
    await exchange(pools, server, 'a');
    equal(pools.take(server.endpoint('a'), settings), undefined);
    deepEqual(told, ['used']);
    const full = pooled(t, { maxConnections: 0 }, () => (told.push('never'), () => told.push('never')));
    equal(full.take(server.endpoint('a'), settings), undefined);
    deepEqual(told, ['used']);
  });

  it('are known to their owner when the only one went for another', async (t) => {
    const servers = [await RawServer.start(() => undefined), await RawServer.start(() => undefined)];
    t.after(() => Promise.all(servers.map((server) => server.stop())));
    const told: string[] = [];
    const pools = pooled(t, { maxConnections: 1 }, () => (told.push('used'), () => told.push('empty')));
    for (const server of servers) await (await exchange(pools, server, 'a')).finish();
    deepEqual([pools.size, told], [1, ['used', 'empty', 'used']]);
  });

  it('write a request as it is at the moment when they are there', async (t) => {
    const server = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(ok());
    });
    t.after(() => server.stop());
    let asked = 0;
    const connection = pooled(t).take(server.endpoint('a'), settings)!;
    const result = attempt(connection, { method: 'GET', target: '/', fields: () => (asked++, ['Host', 'a']) }, terms);
    equal(asked, 0);
    equal((await result).kind, 'answer');
    equal(asked, 1);
  });

  it('whose endpoint leaves the list, or which are closed, while they are being made, leave no attempt without an end', async (t) => {
    const server = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(ok());
    });
    t.after(() => server.stop());
    const [leaving, closing] = [pooled(t), pooled(t)];
    const request = { method: 'GET', target: '/', fields: () => ['Host', 'a'] };
    const results = [leaving, closing].map((pools) => attempt(pools.take(server.endpoint('a'), settings)!, request, terms));
    leaving.drop([server.endpoint('a')]);
    closing.close();
    const [answered, failed] = await Promise.all(results);
    deepEqual([answered!.kind, 'code' in failed! && failed.code, closing.size], ['answer', 'local', 0]);
  });

  it('are not made anew for an attempt that was given up', async (t) => {
    const server = await RawServer.start(async (wire) => {
      if ((await wire.head()).includes('/answered')) wire.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf');
    });
    t.after(() => server.stop());
    const pools = pooled(t);
    for (const target of ['/silent', '/answered']) {
      const before = server.wires.length;
      const stop = new Stop();
      const request = { method: 'GET', target, fields: () => ['Host', 'a'] };
      const result = attempt(pools.take(server.endpoint('a'), settings)!, request, { ...terms, stop });
      await eventually(() => server.wires[before]?.unread === '' && server.wires[before].socket.bytesRead > 0);
      if (target === '/silent') stop.now(new CallError('client_gone', 'the app went away'));
      else ((await result) as Answer).body.destroy();
      await result;
      await server.wires[before]!.gone();
      const other = await Wire.dial(server.port); // whatever was dialled before it was accepted before it
      await eventually(() => server.wires.some(({ socket }) => socket.remotePort === other.socket.localPort));
      equal(server.wires.length, before + 2);
      equal(pools.size, 0);
    }
  });

  it('that failed leave nothing behind', async (t) => {
    const server = await RawServer.start((wire) => wire.reset());
    const pools = pooled(t);
    const request = { method: 'GET', target: '/', fields: () => ['Host', 'a'] };
    await attempt(pools.take(server.endpoint('a'), settings)!, request, terms);
    const dead = server.endpoint('a');
    await server.stop();
    await attempt(pools.take(dead, settings)!, request, terms);
    await attempt(pools.take(dead, settings)!, { ...request, target: 'not a target' }, terms);
    await eventually(() => pools.size === 0);
  });
});
