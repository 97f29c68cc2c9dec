import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isInstance, type Instance, type Said, type Skip, type Weights } from '../../../../agent/registry/dialects/dialect.js';
import { serverset } from '../../../../agent/registry/dialects/serverset.js';
import { readVector, weigher, writeVector } from '../../../../agent/registry/dialects/vectors.js';
import { HEALTH_KEY } from '../../../../agent/trust/who-answers.js';
import { fc } from '../../../support/fast-check.js';
import { bytes, holdsItsOwn, plain, text } from './hostile.js';
import { instance, SINCE, stat } from './node.js';

const NODE = 'member_0000000007';
const read = (value: unknown, endpoint?: string, node = NODE): Said =>
  serverset.read('orders', node, bytes(typeof value === 'string' ? value : JSON.stringify(value)), stat(), endpoint);
/** As Aurora's executor writes it. */
const member = (changes: object = {}): object => ({
  serviceEndpoint: { host: '10.1.2.3', port: 8080 },
  additionalEndpoints: { http: { host: '10.1.2.3', port: 8080 }, admin: { host: '10.1.2.4', port: 9990 } },
  status: 'ALIVE',
  shard: 0,
  ...changes,
});

describe('a member of a serverset, as it is written', () => {
  it('has the three fields that every reader wants, and ours where there is room', () => {
    const { name, data, mode } = serverset.place(instance({ zone: 'a', meta: { version: '2', shard: '3' } }));
    deepEqual([name, mode], ['member_', 'ephemeral_sequential']);
    equal(
      text(data),
      '{"serviceEndpoint":{"host":"10.1.2.3","port":8080},"additionalEndpoints":{},"status":"ALIVE","shard":3,' +
        '"metadata":{"zone":"a","version":"2","zidecar.id":"4a1f9c2e","zidecar.since":"1700000000000"}}',
    );
  });

  it('has ten entries of metadata at most, of which ours are there always: Finagle hears of nobody any more by the eleventh', () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, 'v']));
    const keys = (meta: Record<string, string>): string[] =>
      Object.keys(
        (JSON.parse(text(serverset.place(instance({ zone: 'a', meta })).data)) as { metadata: Record<string, string> }).metadata,
      );
    const six = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5'];
    deepEqual(keys({ shard: '3', ...many }), ['zone', ...six, 'zidecar.id', 'zidecar.since']);
    deepEqual(keys({ [HEALTH_KEY]: '7', ...many }), ['zone', HEALTH_KEY, ...six, 'zidecar.id', 'zidecar.since']);
    const numbers = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [String(index), 'x']));
    ok(keys({ [HEALTH_KEY]: '7', ...numbers }).includes(HEALTH_KEY), 'keys that are numbers come first in JavaScript');
  });

  it('has the ports beside the main one by their names, which it reads again where one is asked for', () => {
    const { data } = serverset.place(instance({ endpoints: { admin: 9990, 'http-2': 8081 } }));
    match(
      text(data),
      /"additionalEndpoints":\{"admin":\{"host":"10.1.2.3","port":9990\},"http-2":\{"host":"10.1.2.3","port":8081\}\},/,
    );
    const admin = read(text(data), 'admin');
    deepEqual(isInstance(admin) && [admin.id, admin.host, admin.port], ['4a1f9c2e', '10.1.2.3', 9990]);
  });

  it('tells its weight in a vector beside it, as a fraction even where it is whole', () => {
    equal(serverset.beside!(instance(), NODE), undefined);
    const beside = serverset.beside!(instance({ weight: 2 }), NODE)!;
    deepEqual([beside.name, beside.mode], ['vector_', 'ephemeral_sequential']);
    equal(text(beside.data), `{"vector":[{"select":"member=${NODE}","weight":2.0,"priority":1}]}`);
  });

  holdsItsOwn(serverset, { weight: fc.double({ min: 0, max: 1e6, noNaN: true }), entries: 6 });
});

describe('a member of a serverset, as it is read', () => {
  it('is an instance with its shard', () => {
    deepEqual(plain(read(member())), plain(instance({ id: NODE, since: SINCE, meta: { shard: '0' } })));
  });

  it('is an additional endpoint where that is asked for, and nothing where it has none of that name', () => {
    const admin = read(member(), 'admin');
    deepEqual(isInstance(admin) && [admin.host, admin.port], ['10.1.2.4', 9990]);
    match((read(member(), 'thrift') as Skip).detail, /additionalEndpoints\.thrift is missing/);
    equal((read(member({ additionalEndpoints: undefined }), '__proto__') as Skip).skip, 'no_endpoint');
  });

  for (const status of ['DEAD', 'STARTING', 'STOPPING', 'STOPPED', 'WARNING'])
    it(`gets no calls while it is ${status}`, () => equal((read(member({ status })) as Instance).up, false));

  const tolerated: readonly (readonly [string, object])[] = [
    ['no additional endpoints', { additionalEndpoints: undefined }],
    ['a port as text', { serviceEndpoint: { host: '10.1.2.3', port: '8080' } }],
    ['a shard that is none', { shard: 'x' }],
    ['fields of others', { invented: [[]] }],
  ];
  for (const [what, changes] of tolerated) it(`takes ${what}`, () => ok(isInstance(read(member(changes)))));

  const skipped: readonly (readonly [string, unknown, Skip['skip'], RegExp])[] = [
    ['no data', '', 'empty', /Finagle/],
    ['text', 'hello', 'not_json', /hello/],
    ['no status', member({ status: null }), 'bad_status', /status null/],
    ['a status in small letters', member({ status: 'alive' }), 'bad_status', /"alive"/],
    ['no endpoint', member({ serviceEndpoint: null }), 'no_endpoint', /serviceEndpoint is null/],
    ['an endpoint in a list', member({ serviceEndpoint: [] }), 'no_endpoint', /a list/],
    ['CR LF in the host', member({ serviceEndpoint: { host: 'a\r\nb', port: 1 } }), 'bad_host', /\\u000d/],
    ['port 0', member({ serviceEndpoint: { host: 'a', port: 0 } }), 'bad_port', /port 0/],
  ];
  for (const [what, value, reason, detail] of skipped) {
    it(`is skipped with ${what}`, () => {
      const said = read(value) as Skip;
      equal(said.skip, reason);
      match(said.detail, detail);
    });
  }

  it('is skipped where its name is another, a Curator lock among them', () => {
    for (const node of ['orders', '_c_2a-member_0000000001', 'Member_1'])
      equal((read(member(), undefined, node) as Skip).skip, 'bad_id');
  });
});

describe('vectors', () => {
  const vector = (...rows: readonly (readonly [string, number])[]): Weights =>
    readVector(bytes(JSON.stringify({ vector: rows.map(([select, weight]) => ({ select, weight, priority: 1 })) }))) as Weights;
  const peer = instance({ meta: { shard: '3' } });
  const weighed = (...vectors: readonly Weights[]): Instance => weigher(vectors)(NODE, peer);

  it('multiply all that match, by member, address or shard, and leave the others alone', () => {
    equal(weighed(vector([`member=${NODE}`, 0.5]), vector(['inet=10.1.2.3:8080', 4], ['shard=3', 3])).weight, 6);
    equal(weighed(vector(['member=member_0000000008', 0.5], ['inet=10.1.2.3:80', 9], ['shard=30', 9])).weight, 1);
    equal(weighed(vector(['shard=3', 2], ['shard=3', 5])).weight, 10);
    equal(weigher([vector(['inet=[fd00::1]:80', 7])])(NODE, instance({ host: 'fd00::1', port: 80 })).weight, 7);
  });

  it('count once where two say the same, as in Finagle, and weigh nobody by a shard that nobody has', () => {
    const half = (priority: number): Weights =>
      readVector(bytes(JSON.stringify({ vector: [{ select: 'shard=3', weight: 0.5, priority }] }))) as Weights;
    deepEqual([weighed(half(1), half(1)).weight, weighed(half(1), half(2)).weight], [0.5, 0.25]);
    equal(weigher([vector(['shard=', 5])])(NODE, instance()).weight, 1);
  });

  it('filter out whom one of them gives exactly -1.0, whatever another says, and whom they would give less than nothing', () => {
    equal(weighed(vector(['shard=3', -1]), vector([`member=${NODE}`, -1])).up, false);
    equal(weighed(vector(['shard=3', -1]), vector([`member=${NODE}`, 5])).up, false);
    equal(weighed(vector(['shard=3', -2])).up, false);
    deepEqual([weighed(vector(['shard=3', 0])).up, weighed(vector(['shard=3', 0])).weight], [true, 0]);
  });

  it('are read by the member that they were written for', () => {
    for (const weight of [0, 0.1, 2, 1e6, 1e-7]) {
      const data = writeVector(NODE, weight);
      ok(/"weight":\d*(?:\.\d+|\d*e-\d+),/.test(text(data)), text(data));
      equal(weighed(readVector(data) as Weights).weight, weight);
    }
  });

  it('are skipped where they hold no list, and selector by selector where one is nonsense', () => {
    equal((readVector(bytes('{"vector":{}}')) as Skip).skip, 'bad_weight');
    const odd = readVector(
      bytes('{"vector":[1,null,{"select":1,"weight":2},{"select":"shard=3","weight":"2"},{"select":"shard=3","weight":3}]}'),
    );
    deepEqual([...(odd as Weights).factors], [['shard=3', 3]]);
  });
});
