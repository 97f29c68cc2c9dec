import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { makeCalling, ownAddress } from '../../agent/calling.js';
import type { Fact } from '../../agent/events.js';
import type { InstanceList } from '../../agent/registry/registry.js';
import { blackHole } from '../support/black-hole.js';
import { FakeClock } from '../support/clock.js';
import { load, zk } from '../support/load-config.js';

describe('what peers are told of us in x-forwarded-for', () => {
  it('is never a loopback address, which they would trust, nor a name', () => {
    const hosts = ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', 'localhost', 'orders.example'];
    deepEqual(
      hosts.map((host) => ownAddress({ advertise: { host } })),
      hosts.map(() => undefined),
    );
    deepEqual(ownAddress({ advertise: undefined }), undefined);
  });

  it('is the address that is announced', () => {
    deepEqual(ownAddress({ advertise: { host: '10.1.2.3', port: 80 } }), '10.1.2.3');
    deepEqual(ownAddress({ advertise: { host: 'pod' } }, '10.1.2.4'), '10.1.2.4');
    deepEqual(ownAddress({ advertise: undefined }, '127.0.0.1'), undefined);
  });
});

describe('a reload', () => {
  it('changes how long a connect may take to one who has to prove himself', async (t) => {
    const hole = await blackHole();
    t.after(hole.release);
    const clock = new FakeClock();
    const facts: Fact[] = [];
    const config = (more: string) => load({ ...zk, ZIDECAR_SNAPSHOT: 'off' }, `upstreams: { orders: { ${more} } }`);
    let tell: (list: InstanceList) => void = () => undefined;
    const calling = makeCalling({
      ...{ config: config('connectTimeout: 1s'), ownHost: undefined, clock, random: () => 0, emit: (fact) => facts.push(fact) },
      ...{ isOwnListener: () => false, traced: () => false },
      registry: { watch: (_name, _source, told) => ((tell = told), () => undefined), names: async () => new Set() },
    });
    void calling.discovery.start();
    t.after(() => calling.discovery.stop());
    const list = (...ids: string[]): InstanceList => ({
      instances: ids.map((id, index) => ({
        ...{ service: 'orders', id, host: `127.0.0.${index + 1}`, port: hole.port, weight: 1, up: true, meta: {} },
      })),
      ...{ skipped: [], confirmed: true, asOf: clock.wall() },
    });
    const asked = (): number => facts.filter(({ kind }) => kind === 'identity_asked').length;
    const dropped = (): boolean =>
      facts.some((fact) => fact.kind === 'doubtful_dropped' && fact.endpoint === `127.0.0.1:${hole.port}`);
    tell(list('a', 'b', 'c'));
    await calling.reload(config('connectTimeout: 5s'));
    tell(list()); // all of them are kept, and looked at: the first one's connect hangs
    await clock.advance(1);
    while (asked() < 3) await setImmediate();
    await clock.advance(4_990);
    equal(dropped(), false);
    await clock.advance(20);
    equal(dropped(), true);
  });

  it('calls whom the new file names, and nobody whom it names no more, before the others have had their turn', async (t) => {
    class Busy extends FakeClock {
      #spent = 0;
      override now(): number {
        return super.now() + (this.#spent += 5); // so that each piece of work has a turn of its own
      }
    }
    const clock = new Busy();
    const config = (names: string) => load({ ...zk, ZIDECAR_SNAPSHOT: 'off', ZIDECAR_UPSTREAMS: names });
    const calling = makeCalling({
      ...{ config: config('a,b,c'), ownHost: undefined, clock, random: () => 0, emit: () => undefined },
      ...{ isOwnListener: () => false, traced: () => false },
      registry: { watch: () => () => undefined, names: async () => new Set() },
    });
    t.after(() => calling.discovery.stop());
    for (const name of ['a', 'b', 'c']) calling.discovery.lookup(name);
    const found = (): string[] =>
      ['a', 'b', 'c', 'd'].filter((name) => {
        const upstream = calling.discovery.lookup(name);
        return !('code' in upstream);
      });
    deepEqual(found(), ['a', 'b', 'c']);
    let over = false;
    const reloaded = calling.reload(config('b,c,d')).then(() => (over = true));
    await setImmediate();
    deepEqual([over, found()], [false, ['b', 'c', 'd']]);
    while (!over) await clock.advance(1);
    await reloaded;
    deepEqual(found(), ['b', 'c', 'd']);
  });
});
