import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CallerZones } from '../../agent/caller-zones.js';
import type { Instance } from '../../agent/registry/dialects/dialect.js';
import type { InstanceList, Source } from '../../agent/registry/registry.js';

const own = { service: 'shop', dialect: 'curator', path: '/services/shop' };
const instances = (...zones: (string | undefined)[]): Instance[] =>
  zones.map((zone, index) => ({
    ...{ service: 'shop', id: `s${index}`, host: '10.0.0.1', port: 80, weight: 1, up: index !== 0, meta: {} },
    ...(zone !== undefined && { zone }),
  }));

const watching = (announced = [own]) => {
  const watches: { service: string; at: Source; tell: (list: Instance[]) => void }[] = [];
  const zones = new CallerZones(
    {
      watch: (service, at, onList) => {
        const tell = (list: Instance[]): void =>
          onList({ instances: list, skipped: [], confirmed: true, asOf: 0 } satisfies InstanceList);
        watches.push({ service, at, tell });
        return () => void watches.pop();
      },
    },
    announced,
  );
  return { zones, watches };
};

describe('the zones of callers', () => {
  it('are those of the instances of our own service, whether they are up for others or not', () => {
    const { zones, watches } = watching();
    equal(zones.counts(), undefined);
    deepEqual([watches[0]!.service, watches[0]!.at], ['shop', { dialect: 'curator', path: '/services/shop' }]);
    watches[0]!.tell(instances('a', 'a', 'b', undefined));
    deepEqual(Object.fromEntries(zones.counts()!), { '': 1, a: 2, b: 1 });
  });

  it('are watched once, when somebody asks, and by nobody who announces nothing', () => {
    const { zones, watches } = watching();
    equal(watches.length, 0);
    zones.counts();
    zones.counts();
    equal(watches.length, 1);
    zones.stop();
    equal(watches.length, 0);
    const nobody = watching([]);
    equal(nobody.zones.counts(), undefined);
    equal(nobody.watches.length, 0);
  });

  it('are the same map until they change, and unknown when nobody is there', () => {
    const { zones, watches } = watching();
    zones.counts();
    watches[0]!.tell(instances('a', 'b'));
    const before = zones.counts();
    watches[0]!.tell(instances('b', 'a'));
    equal(zones.counts(), before);
    watches[0]!.tell(instances('b', 'b'));
    deepEqual(Object.fromEntries(zones.counts()!), { b: 2 });
    watches[0]!.tell([]);
    equal(zones.counts(), undefined);
  });
});
