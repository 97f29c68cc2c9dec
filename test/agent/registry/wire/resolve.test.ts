import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Resolver } from '../../../../agent/registry/wire/resolve.js';
import type { Lookup, Server } from '../../../../agent/registry/wire/resolve.js';
import { FakeClock } from '../../../support/clock.js';
import { seeded } from '../../../support/random.js';

const never = new Promise<readonly string[]>(() => undefined);

function staged(servers: readonly Server[], names: Readonly<Record<string, readonly string[]>>, lookup?: Lookup) {
  const unresolved: string[] = [];
  const clock = new FakeClock();
  const known = new Map(Object.entries(names));
  const resolver = new Resolver({
    servers,
    clock,
    random: seeded(1),
    unresolved: (host) => unresolved.push(host),
    routes: async ({ host }) => !host.startsWith('192.0.2.'),
    lookup:
      lookup ??
      (async (host) => {
        const found = known.get(host);
        if (!found) throw new Error(`ENOTFOUND ${host}`);
        return found;
      }),
  });
  return {
    resolver,
    clock,
    known,
    unresolved: () => unresolved,
  };
}
const labels = async (resolver: Resolver): Promise<readonly string[]> =>
  (await resolver.resolve()).map(({ label }) => label).sort();

describe('resolver', () => {
  it('finds every address of every name, and takes addresses as they are', async () => {
    const { resolver } = staged(
      [
        { host: 'zk', port: 2181 },
        { host: '10.0.0.9', port: 2182 },
        { host: 'fd00::9', port: 2183 },
      ],
      {
        zk: ['10.0.0.1', '10.0.0.2', 'fd00::1'],
      },
    );
    deepEqual(await labels(resolver), [
      '10.0.0.9:2182',
      '[fd00::9]:2183',
      'zk:2181 (10.0.0.1)',
      'zk:2181 (10.0.0.2)',
      'zk:2181 (fd00::1)',
    ]);
  });

  it('names an address once, however many names lead to it', async () => {
    const { resolver } = staged(
      [
        { host: 'a', port: 1 },
        { host: 'b', port: 1 },
        { host: 'b', port: 2 },
      ],
      { a: ['10.0.0.1'], b: ['10.0.0.1'] },
    );
    equal((await resolver.resolve()).length, 2);
  });

  it('asks again each time', async () => {
    const { resolver, known } = staged([{ host: 'zk', port: 1 }], { zk: ['10.0.0.1'] });
    deepEqual(await labels(resolver), ['zk:1 (10.0.0.1)']);
    known.set('zk', ['10.0.0.2']);
    deepEqual(await labels(resolver), ['zk:1 (10.0.0.2)']);
  });

  it('goes on without a name that does not resolve, and tells of it once until it does', async () => {
    const { resolver, known, unresolved } = staged(
      [
        { host: 'good', port: 1 },
        { host: 'bad', port: 1 },
      ],
      { good: ['10.0.0.1'] },
    );
    for (let round = 0; round < 3; round++) deepEqual(await labels(resolver), ['good:1 (10.0.0.1)']);
    deepEqual(unresolved(), ['bad']);
    known.set('bad', ['10.0.0.2']);
    equal((await resolver.resolve()).length, 2);
    known.delete('bad');
    await resolver.resolve();
    deepEqual(unresolved(), ['bad', 'bad']);
  });

  it('waits half a second for the other names once one is there, and 5 s for the first', async () => {
    const { resolver, clock, unresolved } = staged(
      [
        { host: 'good', port: 1 },
        { host: 'slow', port: 1 },
      ],
      {},
      (host) => {
        return host === 'good' ? clock.sleep(1_000).then(() => ['10.0.0.1']) : never;
      },
    );
    const found: number[] = [];
    void resolver.resolve().then(({ length }) => found.push(length));
    await clock.advance(1_499);
    equal(found.length, 0);
    await clock.advance(1);
    deepEqual(found, [1]);
    deepEqual(unresolved(), ['slow']);

    const silent = staged([{ host: 'slow', port: 1 }], {}, () => never);
    void silent.resolver.resolve().then(({ length }) => found.push(length));
    await silent.clock.advance(4_999);
    deepEqual(found, [1]);
    await silent.clock.advance(1);
    deepEqual(found, [1, 0]);
  });

  it('leaves out what there is no route to', async () => {
    const { resolver } = staged([{ host: 'zk', port: 1 }], { zk: ['192.0.2.1', '10.0.0.1'] });
    deepEqual(await labels(resolver), ['zk:1 (10.0.0.1)']);
  });

  it('draws a new order each time, in which every server is first about as often', async () => {
    const hosts = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];
    const { resolver } = staged(
      hosts.map((host) => ({ host, port: 1 })),
      {},
    );
    const first = new Map<string, number>();
    for (let round = 0; round < 4_000; round++) {
      const { host } = (await resolver.resolve())[0]!;
      first.set(host, (first.get(host) ?? 0) + 1);
    }
    for (const host of hosts) equal(Math.round(first.get(host)! / 200), 5, `${host} is first ${first.get(host)} times of 4000`);
  });

  it('knows routes by itself: loopback has one, the broadcast address none', async () => {
    const resolver = new Resolver({
      servers: [
        { host: '127.0.0.1', port: 1 },
        { host: '255.255.255.255', port: 1 },
      ],
      clock: new FakeClock(),
      random: seeded(1),
      unresolved: () => undefined,
    });
    deepEqual(await labels(resolver), ['127.0.0.1:1']);
  });
});
