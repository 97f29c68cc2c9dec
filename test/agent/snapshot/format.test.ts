import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Instance } from '../../../agent/registry/dialects/dialect.js';
import { lineOf, readText as readFrom, sourceKey, textOf, type Read, type Told } from '../../../agent/snapshot/format.js';
import { placesOf } from '../../../agent/snapshot/places.js';
import { zookeeper } from '../../../agent/config/addresses.js';
import { fc } from '../../support/fast-check.js';
import { instance } from '../registry/dialects/node.js';

const WALL = 1_700_000_000_000;
const source = { dialect: 'curator', path: '/services/orders' };
const told = (instances: readonly Instance[], asOf = WALL): Told => ({ source, list: { instances, asOf } });
const at = (registry: string) => {
  const read = zookeeper.read(registry);
  return 'value' in read ? placesOf(read.value) : [];
};
const readText = (written: string, wall: number, registry = 'zk1:2181,zk2:2181/a'): Read => readFrom(written, wall, at(registry));
const text = (...lines: readonly string[]): string => textOf(at('zk1:2181,zk2:2181/a'), lines);
const orders = lineOf('orders', [
  told([instance({ zone: 'a', meta: { version: '2' }, weight: 5 }), instance({ id: 'b', port: 1 })]),
]);
const users = lineOf('users', [told([instance({ id: 'u', service: 'users' })])]);

describe('a snapshot', () => {
  it('is JSON, and is read as it was written', () => {
    const written = text(orders, users);
    equal((JSON.parse(written) as { services: unknown[] }).services.length, 3);
    const { services, ageMs, problems } = readText(written, WALL + 60_000);
    deepEqual([[...services.keys()], ageMs, problems], [['orders', 'users'], 60_000, []]);
    const [first, second] = services.get('orders')!.get(sourceKey(source))!.list.instances;
    deepEqual({ ...first, meta: { ...first!.meta } }, instance({ zone: 'a', meta: { version: '2' }, weight: 5 }));
    equal(second!.port, 1);
  });

  it('loses a service whose line is broken, and no other', () => {
    const { services, problems } = readText(text(orders.replace('10.1.2.3', '10.6.6.6'), users), WALL);
    deepEqual([[...services.keys()], problems], [['users'], ['1 of its services are broken']]);
  });

  it('gives what is whole of a file that was cut, and says so', () => {
    const { services, problems } = readText(text(orders, users).slice(0, -40), WALL);
    deepEqual([...services.keys()], ['orders']);
    deepEqual(problems, ['it ends before its end', '1 of its services are broken']);
  });

  for (const [what, asOf, used] of [
    ['of 30 minutes ago', WALL - 30 * 60_000, true],
    ['older than 30 minutes', WALL - 30 * 60_000 - 1, false],
    ['from a minute ahead', WALL + 60_000, true],
    ['from the future', WALL + 61_000, false],
  ] as const)
    it(`${used ? 'gives' : 'passes over'} a list ${what}`, () => {
      const { services, problems } = readText(text(lineOf('orders', [told([instance()], asOf)])), WALL);
      deepEqual([services.size, problems.length], used ? [1, 0] : [0, 1]);
      if (!used) match(problems[0]!, /older than 30 minutes, or from the future/);
    });

  it('of another version, or of something else, is none', () => {
    for (const other of [
      '',
      '{}',
      'null',
      text(orders).replace('"version":2', '"version":1'),
      'x'.repeat(1000),
      text(orders).replace('"zk2:2181/a"', '2'),
    ])
      deepEqual(readText(other, WALL).problems, ['it is no snapshot of this version']);
  });

  for (const [what, registry, used] of [
    ['its servers in another order', 'zk2:2181,ZK1:2181/a', true],
    ['a server replaced', 'zk3:2181,zk2:2181/a', true],
    ['none of its servers', 'zk3:2181/a', false],
    ['another port', 'zk1:2199/a', false],
    ['another chroot', 'zk1:2181,zk2:2181/b', false],
    ['a folder', 'dir:/a', false],
  ] as const)
    it(`is ${used ? 'one' : 'none'} for a registry with ${what}`, () => {
      const { services, problems } = readText(text(orders), WALL, registry);
      deepEqual([services.size, problems.length], used ? [1, 0] : [0, 1]);
      if (!used) match(problems[0]!, /^it is of another registry, "zk1:2181\/a,zk2:2181\/a", and ours is "/);
    });

  it('keeps lists apart that stand in the same path of different registries', () => {
    const other = { ...told([instance({ id: 'far' })]), source: { ...source, registry: 'far:2181' } };
    const lists = readText(text(lineOf('orders', [told([instance({ id: 'near' })]), other])), WALL).services.get('orders')!;
    const idsOf = (key: string) => lists.get(key)!.list.instances.map(({ id }) => id);
    deepEqual([idsOf(sourceKey(source)), idsOf(sourceKey(other.source))], [['near'], ['far']]);
  });

  it('with a good checksum is held to the same measure as nodes of the registry', () => {
    for (const bad of [
      { host: '2130706433' },
      { host: 'a b' },
      { port: 0 },
      { weight: -1 },
      { id: '' },
      { id: 'a\u001b[31m' },
    ] as Partial<Instance>[])
      equal(readText(text(lineOf('orders', [told([instance(bad)])])), WALL).services.size, 0, JSON.stringify(bad));
    equal(readText(text(lineOf('../orders', [told([])])), WALL).services.size, 0);
    const hostile = instance({ meta: JSON.parse('{"__proto__":"x"}') as Record<string, string> });
    const [read] = readText(text(lineOf('orders', [told([hostile])])), WALL)
      .services.get('orders')!
      .values();
    equal(Object.getPrototypeOf(read!.list.instances[0]!.meta), null);
  });

  it('leaves out metadata that is too long to be worth it', () => {
    const [read] = readText(text(lineOf('orders', [told([instance({ meta: { a: 'x'.repeat(3_000) } })])])), WALL)
      .services.get('orders')!
      .values();
    deepEqual({ ...read!.list.instances[0]!.meta }, {});
  });

  it('never throws, whatever the bytes, and never gives what was not written', () => {
    const whole = text(orders, users);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.string({ maxLength: 5 }), fc.nat(9), (at, put, cut) => {
        const { services } = readText(whole.slice(0, at) + put + whole.slice(at + cut), WALL);
        for (const lists of services.values())
          for (const { list } of lists.values()) for (const { host } of list.instances) ok(host === '10.1.2.3', host);
      }),
      { numRuns: 300 },
    );
  });
});
