import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../../support/fast-check.js';
import { curator } from '../../../../agent/registry/dialects/curator.js';
import type { Instance, Skip } from '../../../../agent/registry/dialects/dialect.js';
import { spring } from '../../../../agent/registry/dialects/spring.js';
import { instance, SINCE, stat } from './node.js';

const dialects = [curator, spring];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);
/** Null prototypes are what a reader gives, and what strict equality minds. */
const plain = (value: object): unknown => JSON.parse(JSON.stringify(value));
const read = (value: unknown, node = 'a'): Instance | Skip =>
  curator.read('orders', node, bytes(typeof value === 'string' ? value : JSON.stringify(value)), stat());
const peer = (changes: object = {}): object => ({ name: 'orders', id: 'a', address: '10.1.2.3', port: 8080, ...changes });
const uriSpec =
  '"uriSpec":{"parts":[{"value":"scheme","variable":true},{"value":"://","variable":false},{"value":"address","variable":true},' +
  '{"value":":","variable":false},{"value":"port","variable":true}]}';

describe('what is written', () => {
  it('is the bytes of a real Curator, with a null payload where there is nothing to say', () => {
    const { name, data, mode } = curator.place(instance());
    equal(name, '4a1f9c2e');
    equal(mode, 'ephemeral');
    equal(
      text(data),
      '{"name":"orders","id":"4a1f9c2e","address":"10.1.2.3","port":8080,"sslPort":null,"payload":null,' +
        `"registrationTimeUTC":1700000000000,"serviceType":"DYNAMIC",${uriSpec}}`,
    );
  });

  it('puts weight, zone and metadata into a map of strings for Curator', () => {
    const { data } = curator.place(instance({ weight: 5, zone: 'a', meta: { version: '2' } }));
    match(text(data), /"payload":\{"@class":"java\.util\.HashMap","weight":"5","zone":"a","version":"2"\},/);
  });

  it('is the bytes of a real Spring Cloud', () => {
    const id = '4a1f9c2e-0b7c-4c1e-9a52-2f6a1b7d9e10';
    equal(
      text(spring.place(instance({ id, zone: 'a' })).data),
      `{"name":"orders","id":"${id}","address":"10.1.2.3","port":8080,"sslPort":null,"payload":{"@class":` +
        `"org.springframework.cloud.zookeeper.discovery.ZookeeperInstance","id":"${id}","name":"orders",` +
        `"metadata":{"instance_status":"UP","zone":"a"}},"registrationTimeUTC":1700000000000,"serviceType":"DYNAMIC",${uriSpec}}`,
    );
  });

  it('marks a drained instance in the words of each dialect', () => {
    match(text(curator.place(instance({ up: false })).data), /"payload":null,.*,"enabled":false\}$/);
    match(text(spring.place(instance({ up: false })).data), /"metadata":\{"instance_status":"OUT_OF_SERVICE"\}/);
  });

  it('never lets metadata name a Java class, a status or a prototype', () => {
    const meta = JSON.parse(
      '{"@class":"x.Evil","instance_status":"DOWN","weight":"9","__proto__":"x","ok":"1"}',
    ) as Instance['meta'];
    for (const dialect of dialects) {
      const data = text(dialect.place(instance({ meta })).data);
      match(data, /"ok":"1"/);
      ok(!/Evil|DOWN|"9"|__proto__/.test(data), data);
    }
  });
});

describe('what is read', () => {
  it('is an instance with all that was said', () => {
    const payload = { '@class': 'java.util.HashMap', weight: '5', zone: 'a', version: '2' };
    deepEqual(plain(read(peer({ payload, registrationTimeUTC: 1_600_000_000_000, serviceType: 'DYNAMIC' }))), {
      ...instance({ id: 'a', weight: 5, zone: 'a', since: 1_600_000_000_000 }),
      meta: { version: '2' },
    });
  });

  const tolerated: readonly (readonly [string, object, Partial<Instance>])[] = [
    ['fields of others', { uriSpec: null, sslPort: null, invented: [[[]]] }, {}],
    ['a port as text', { port: ' 8080 ' }, {}],
    ['a port beside a TLS port', { sslPort: 8443 }, {}],
    ['no name, no id, no type', { name: null, id: null, serviceType: null }, {}],
    ['a static and a permanent node', { serviceType: 'PERMANENT' }, {}],
    ['a text as payload', { payload: 'hello' }, {}],
    ['a payload of a class we do not know', { payload: { '@class': 'com.acme.Mine', list: [1] } }, {}],
    ['a weight as a number', { payload: { weight: 2.5 } }, { weight: 2.5 }],
    ['a weight of none', { payload: { weight: 0 } }, { weight: 0 }],
    ['weight and zone in the metadata', { payload: { metadata: { weight: '3', zone: 'b' } } }, { weight: 3, zone: 'b' }],
    ['a zone that cannot be shown', { payload: { zone: 'a\u001b[2J' } }, {}],
    ['a registration time as text', { registrationTimeUTC: '1600000000000' }, { since: 1_600_000_000_000 }],
    ['a nonsensical registration time', { registrationTimeUTC: -5 }, {}],
    ['a name as host', { address: 'orders-1.prod.example' }, { host: 'orders-1.prod.example' }],
    ['IPv6', { address: 'fd00::1' }, { host: 'fd00::1' }],
    ['IPv6 in brackets', { address: '[fd00::1]' }, { host: 'fd00::1' }],
    ['being switched off', { enabled: false }, { up: false }],
    ['being switched on', { enabled: true }, {}],
    ['OUT_OF_SERVICE', { payload: { metadata: { instance_status: 'OUT_OF_SERVICE' } } }, { up: false }],
    ['UP in any case, and a blank status', { payload: { metadata: { instance_status: ' Up ' }, instance_status: '' } }, {}],
  ];
  for (const [what, changes, expected] of tolerated) {
    it(`takes ${what}`, () => deepEqual(plain(read(peer(changes))), instance({ id: 'a', since: SINCE, ...expected })));
  }

  it('takes a sequential node, whose name is its id and ten digits', () => {
    const found = read(peer({ id: 'a', serviceType: 'DYNAMIC_SEQUENTIAL' }), 'a0000000007');
    equal('id' in found && found.id, 'a0000000007');
  });

  const skipped: readonly (readonly [string, unknown, Skip['skip'], RegExp])[] = [
    ['no data', '', 'empty', /Curator readers throw/],
    ['text', 'hello', 'not_json', /"hello"/],
    ['half a node', '{"name":"orders","addr', 'not_json', /not JSON/],
    ['a list', [], 'not_object', /a list/],
    ['null', 'null', 'not_object', /null/],
    ['another service', peer({ name: 'users' }), 'bad_name', /"users".*"orders"/],
    ['a name that is none', peer({ name: {} }), 'bad_name', /an object/],
    ['another id', peer({ id: 'b' }), 'bad_id', /"b".*"a"/],
    ['an unknown type', peer({ serviceType: 'STRANGE' }), 'bad_type', /"STRANGE"/],
    ['no address', peer({ address: null }), 'bad_host', /address null/],
    ['CR LF in the host', peer({ address: '10.1.2.3\r\nX: y' }), 'bad_host', /\\u000d\\u000a/],
    ['a space in the host', peer({ address: '10.1.2.3 x' }), 'bad_host', /10\.1\.2\.3 x/],
    ['NUL in the host', peer({ address: 'a\0b' }), 'bad_host', /\\u0000/],
    ['a host that only resolvers take for an address', peer({ address: '2130706433' }), 'bad_host', /2130706433/],
    ['a hexadecimal host', peer({ address: '0x7f.1.0x1' }), 'bad_host', /0x7f/],
    ['an IPv4 address out of range', peer({ address: '10.1.2.300' }), 'bad_host', /300/],
    ['a zone index', peer({ address: 'fe80::1%eth0' }), 'bad_host', /eth0/],
    ['a URL as host', peer({ address: 'http://10.1.2.3' }), 'bad_host', /http/],
    ['a user in the host', peer({ address: 'user@10.1.2.3' }), 'bad_host', /user@/],
    ['no port', peer({ port: null }), 'bad_port', /port null, Spring readers throw/],
    ['port 0', peer({ port: 0 }), 'bad_port', /port 0,/],
    ['port 65536', peer({ port: 65_536 }), 'bad_port', /65536/],
    ['port 1.5', peer({ port: 1.5 }), 'bad_port', /1\.5/],
    ['a negative port', peer({ port: -8080 }), 'bad_port', /-8080/],
    ['a port in words', peer({ port: '8080; rm' }), 'bad_port', /8080; rm/],
    ['a port in a list', peer({ port: [8080] }), 'bad_port', /a list/],
    ['TLS only', peer({ port: null, sslPort: 8443 }), 'tls_only', /8443/],
    ['a negative weight', peer({ payload: { weight: -1 } }), 'bad_weight', /-1/],
    ['NaN as weight', peer({ payload: { weight: 'NaN' } }), 'bad_weight', /"NaN"/],
    ['an endless weight', '{"address":"h","port":1,"payload":{"weight":1e999}}', 'bad_weight', /Infinity/],
    ['an enormous weight', peer({ payload: { weight: 1e9 } }), 'bad_weight', /1000000000/],
    ['a weight in a list', peer({ payload: { weight: [] } }), 'bad_weight', /a list/],
  ];
  for (const [what, value, reason, detail] of skipped) {
    it(`skips ${what}`, () => {
      const found = read(value);
      equal('skip' in found && found.skip, reason);
      match((found as Skip).detail, detail);
    });
  }

  it('skips a node whose name would move a cursor', () => {
    const found = read({ address: '10.1.2.3', port: 1 }, '\u001b[2J');
    equal('skip' in found && found.skip, 'bad_id');
  });

  it('skips bytes that are not UTF-8', () => {
    const found = curator.read('orders', 'a', Uint8Array.of(0x22, 0xc3, 0x28, 0x22), stat());
    equal('skip' in found && found.skip, 'not_json');
  });

  it('survives nesting as deep as 64 KiB can hold', () => {
    for (const deep of ['['.repeat(65_536), `${'['.repeat(32_768)}${']'.repeat(32_768)}`, '{"a":'.repeat(13_000)]) {
      ok('skip' in read(deep));
    }
    const nested = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    ok('host' in read(`{"address":"10.1.2.3","port":1,"payload":{"x":${nested}}}`));
    equal((read(`{"address":${nested},"port":1}`) as Skip).skip, 'bad_host');
  });

  it('lets no key of a node reach a prototype', () => {
    const found = read('{"address":"10.1.2.3","port":1,"__proto__":{"port":2},"payload":{"__proto__":"x","constructor":"y"}}');
    ok('meta' in found);
    equal(found.port, 1);
    deepEqual(Object.entries(found.meta), [['constructor', 'y']]);
    equal(({} as Record<string, unknown>)['x'], undefined);
  });
});

describe('reading and writing together', () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  const word = fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/);
  const reserved = ['@class', 'weight', 'zone', 'instance_status', 'metadata', '__proto__'];
  const placed: fc.Arbitrary<Instance> = fc.record(
    {
      service: word,
      id: word,
      host,
      port: fc.integer({ min: 1, max: 65_535 }),
      weight: fc.double({ min: 0, max: 1_000_000, noNaN: true }).map((weight) => Math.abs(weight)),
      up: fc.boolean(),
      zone: word,
      since: fc.integer({ min: 1, max: 2 ** 52 }),
      meta: fc.dictionary(
        fc.string().filter((key) => !reserved.includes(key)),
        fc.string(),
      ),
    },
    { requiredKeys: ['service', 'id', 'host', 'port', 'weight', 'up', 'since', 'meta'] },
  );

  for (const dialect of dialects) {
    it(`${dialect.name}: what is placed is read again as it was`, () => {
      fc.assert(
        fc.property(placed, (value) => {
          const { name, data } = dialect.place(value);
          deepEqual(plain(dialect.read(value.service, name, data, stat(data.length))), plain(value));
        }),
      );
    });

    it(`${dialect.name}: no bytes make a reader throw, and every skip has a short sentence`, () => {
      const anything = fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.json().map(bytes),
        fc.record({ address: fc.anything(), port: fc.anything(), payload: fc.anything(), id: fc.anything() }).map((value) => {
          try {
            return bytes(JSON.stringify(value));
          } catch {
            return bytes(''); // a BigInt
          }
        }),
      );
      fc.assert(
        fc.property(fc.string(), anything, (name, data) => {
          const found = dialect.read('orders', name, data, stat(data.length));
          if ('skip' in found) return ok(found.detail.length > 0 && found.detail.length <= 200);
          return ok(found.port >= 1 && found.port <= 65_535 && Number.isFinite(found.weight) && found.weight >= 0);
        }),
      );
    });
  }
});
