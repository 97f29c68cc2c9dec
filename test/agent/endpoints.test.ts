import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import { endpointsOf } from '../../agent/endpoints.js';
import { forbidden } from '../../agent/forbidden.js';
import { ownListeners } from '../../agent/own-listeners.js';
import type { Instance } from '../../agent/registry/dialects/dialect.js';
import { unionOf } from '../../agent/union.js';
import { instance } from './registry/dialects/node.js';

const around = { addressOf: () => undefined, isOwnListener: () => false };
const ids = (instances: readonly Instance[], names: Record<string, string> = {}): readonly string[] =>
  endpointsOf(instances, { ...around, addressOf: (name) => names[name] }).endpoints.map(
    ({ id, host, port }) => `${id} ${host}:${port}`,
  );

describe('addresses that get no call', () => {
  const never = (): boolean => false;
  const refused: readonly (readonly [string, RegExp])[] = [
    ['0.0.0.0', /unspecified/],
    ['0.1.2.3', /unspecified/],
    ['::', /unspecified/],
    ['0:0:0:0:0:0:0:0', /unspecified/],
    ['::ffff:0.0.0.0', /unspecified/],
    ['169.254.169.254', /link-local/],
    ['::ffff:169.254.169.254', /link-local/],
    ['::ffff:a9fe:a9fe', /link-local/],
    ['fe80::1', /link-local/],
    ['febf::1', /link-local/],
    ['224.0.0.1', /multicast/],
    ['239.255.255.250', /multicast/],
    ['::ffff:e000:1', /multicast/],
    ['ff02::1', /multicast/],
    ['255.255.255.255', /broadcast/],
  ];
  for (const [host, why] of refused) it(`are ${host}`, () => match(forbidden({ host, port: 80 }, never) ?? '', why));

  for (const host of [
    '127.0.0.1',
    '::1',
    '10.1.2.3',
    '192.168.1.1',
    '169.253.255.255',
    'fd00::1',
    'fec0::1',
    '::ffff:10.1.2.3',
  ]) {
    it(`are not ${host}`, () => equal(forbidden({ host, port: 80 }, never), undefined));
  }
});

describe('our own listeners', () => {
  const own = ownListeners(
    () => ['127.0.0.1:6140', '[::1]:6140', '[::]:6191', 'unix:/run/zidecar.sock', '10.1.2.3:7000'],
    () => ['10.1.2.3', 'fd00::3'],
  );
  const table: readonly (readonly [string, number, boolean])[] = [
    ['127.0.0.1', 6140, true],
    ['::ffff:127.0.0.1', 6140, true],
    ['::ffff:7f00:1', 6140, true],
    ['::1', 6140, true],
    ['0:0:0:0:0:0:0:1', 6140, true],
    ['127.0.0.1', 6141, false],
    ['10.1.2.3', 6140, false],
    ['10.1.2.3', 6191, true],
    ['::ffff:10.1.2.3', 6191, true],
    ['fd00::3', 6191, true],
    ['127.8.8.8', 6191, true],
    ['10.1.2.4', 6191, false],
    ['10.1.2.3', 7000, true],
    ['127.0.0.1', 7000, false],
  ];
  for (const [host, port, expected] of table) {
    it(`are ${expected ? '' : 'not '}reached by ${host} port ${port}`, () => equal(own(host, port), expected));
  }
});

describe('endpoints', () => {
  it('carry all that is known of their instance', () => {
    const { id, host, port, weight, since, meta } = instance();
    deepEqual(endpointsOf([instance({ zone: 'a' })], around).endpoints, [{ id, host, port, weight, since, zone: 'a', meta }]);
  });

  it('stand in the order of their ids, whoever came first', () => {
    const all = ['b', 'a', 'B', 'c'].map((id, index) => instance({ id, port: 1 + index }));
    deepEqual(ids(all), ['B 10.1.2.3:3', 'a 10.1.2.3:2', 'b 10.1.2.3:1', 'c 10.1.2.3:4']);
    deepEqual(ids([...all].reverse()), ids(all));
  });

  it('are one where two instances have one address, the first of them', () => {
    deepEqual(ids([instance({ id: 'b' }), instance({ id: 'a' })]), ['b 10.1.2.3:8080']);
  });

  it('have ids of their own where two sources use the same one', () => {
    const two = [instance({ id: 'a', port: 1 }), instance({ id: 'a', port: 2 })];
    deepEqual(ids(two), ['a 10.1.2.3:1', 'a@10.1.2.3:2 10.1.2.3:2']);
  });

  it('keep those of weight 0, and leave out those that are down', () => {
    const { endpoints, down } = endpointsOf(
      [instance({ id: 'a', weight: 0 }), instance({ id: 'b', up: false, port: 1 })],
      around,
    );
    deepEqual(
      endpoints.map(({ id, weight }) => `${id} ${weight}`),
      ['a 0'],
    );
    deepEqual(
      down.map(({ id }) => id),
      ['b'],
    );
  });

  it('have addresses for names, and wait for those that have none yet', () => {
    const all = [instance({ id: 'a', host: 'one.example' }), instance({ id: 'b', host: 'two.example' })];
    deepEqual(ids(all, { 'one.example': '10.1.1.1' }), ['a 10.1.1.1:8080']);
    deepEqual(endpointsOf(all, around).unresolved, ['one.example', 'two.example']);
  });

  it('refuse what a name hides', () => {
    const { endpoints, refused } = endpointsOf([instance({ id: 'a', host: 'evil.example' })], {
      ...around,
      addressOf: () => '169.254.169.254',
    });
    deepEqual(endpoints, []);
    const why = 'evil.example: 169.254.169.254 is a link-local address';
    deepEqual(refused, [{ id: 'a', address: 'evil.example:8080', why }]);
  });

  it('have unique ids and addresses, whatever is registered', () => {
    const some = fc.record({
      id: fc.constantFrom('a', 'b', 'a@10.0.0.1:1', 'a@10.0.0.2:2'),
      host: fc.constantFrom('10.0.0.1', '10.0.0.2'),
      port: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(some), (all) => {
        const { endpoints } = endpointsOf(all.map(instance), around);
        equal(new Set(endpoints.map(({ id }) => id)).size, endpoints.length);
        equal(new Set(endpoints.map(({ host, port }) => `${host}:${port}`)).size, endpoints.length);
        equal(endpoints.length, new Set(all.map(({ host, port }) => `${host}:${port}`)).size);
      }),
    );
  });
});

describe('the union of several sources', () => {
  const at = (changes: Partial<Instance>): Instance => instance({ id: 'x', ...changes });
  const seen = (...lists: readonly (readonly Instance[])[]): readonly string[] =>
    unionOf(lists).map(({ id, weight, up }) => `${id} ${weight}${up ? '' : ' down'}`);

  it('has one for each address, of which the first source tells', () => {
    deepEqual(seen([at({ id: 'a', weight: 2 })], [at({ id: 'b', weight: 9 }), at({ id: 'c', port: 9090 })]), ['a 2', 'c 1']);
    deepEqual(seen([], [at({ id: 'b', weight: 9 })]), ['b 9']);
  });

  it('takes the newest of a source: by its start, else the last in the list', () => {
    deepEqual(seen([at({ id: 'old', up: false, since: 1 }), at({ id: 'new', since: 2 })]), ['new 1']);
    deepEqual(seen([at({ id: 'new', since: 2 }), at({ id: 'old', since: 1 })]), ['new 1']);
    deepEqual(seen([at({ id: '07', weight: 1 }), at({ id: '08', weight: 5 })]), ['08 5']);
  });

  it('calls nobody who says in one source that he is not to be called', () => {
    deepEqual(seen([at({ id: 'a' })], [at({ id: 'b', up: false })]), ['a 1 down']);
    deepEqual(seen([at({ id: 'a', up: false })], [at({ id: 'b' })]), ['a 1 down']);
  });

  it('keeps the id of who stands at an address already, so that circuit and turn stay too', () => {
    const idAt = (address: string): string | undefined => (address === '10.1.2.3:8080' ? 'before' : undefined);
    const now = (...instances: readonly Instance[]): readonly string[] =>
      endpointsOf(instances, { ...around, idAt }).endpoints.map(({ id, port }) => `${id} ${port}`);
    deepEqual(now(at({ id: 'after' })), ['before 8080']);
    deepEqual(now(at({ id: 'after' }), at({ id: 'before', port: 9090 })), ['after 8080', 'before 9090'], 'it has moved');
  });

  it('has no endpoint of a protocol that is not HTTP, except for bytes, and says so', () => {
    const tri = at({ protocol: 'tri' });
    deepEqual(
      endpointsOf([tri, at({ port: 1, protocol: 'rest' })], around).endpoints.map(({ port }) => port),
      [1],
    );
    match(
      endpointsOf([tri], around).refused[0]!.why,
      /speaks tri, which only a port of plain TCP carries: ZIDECAR_UPSTREAMS=orders@tcp:PORT/,
    );
    equal(endpointsOf([tri], { ...around, tcp: true }).endpoints[0]!.protocol, 'tri');
  });
});
