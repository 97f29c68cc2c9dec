import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Instance, Said, Skip } from '../../../../agent/registry/dialects/dialect.js';
import { dubbo } from '../../../../agent/registry/dialects/dubbo.js';
import { javaDecode, javaEncode } from '../../../../agent/registry/dialects/java-url.js';
import { fc } from '../../../support/fast-check.js';
import { holdsItsOwn, plain } from './hostile.js';
import { instance, stat } from './node.js';

const read = (node: string): Said => dubbo.read('com.acme.OrderService', node, new Uint8Array(), stat());
/** Captured from a real Dubbo. */
const CAPTURED =
  'tri%3A%2F%2F10.1.2.3%3A50051%2Fcom.acme.OrderService%3Fapplication%3Dorders%26enabled%3Dtrue%26group%3Dg1%26' +
  'interface%3Dcom.acme.OrderService%26version%3D1.0.0%26weight%3D100%26warmup%3D600000%26timestamp%3D1700000000000';

describe("java.net.URLEncoder's text", () => {
  it('is what Java makes of every printable ASCII character', () => {
    equal(
      javaEncode(String.fromCharCode(...Array.from({ length: 95 }, (_, index) => 32 + index))),
      '+%21%22%23%24%25%26%27%28%29*%2B%2C-.%2F0123456789%3A%3B%3C%3D%3E%3F%40ABCDEFGHIJKLMNOPQRSTUVWXYZ%5B%5C%5D%5E_%60' +
        'abcdefghijklmnopqrstuvwxyz%7B%7C%7D%7E',
    );
  });

  it('is decoded again, and is undefined for a bad escape', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => javaDecode(javaEncode(text)) === Buffer.from(text).toString()),
    );
    for (const bad of ['%', '%4', '%zz', '%ff', 'a%']) equal(javaDecode(bad), undefined);
    equal(javaEncode('\ud800'), '%EF%BF%BD');
  });
});

describe('a provider of Dubbo, as it is written', () => {
  it('is a URL of protocol rest in the name of a node without data', () => {
    const { name, data, mode } = dubbo.place(
      instance({ service: 'com.acme.OrderService', weight: 2, zone: 'a', meta: { group: 'g1' } }),
    );
    deepEqual([mode, data.length], ['ephemeral', 0]);
    equal(
      javaDecode(name),
      'rest://10.1.2.3:8080/com.acme.OrderService?anyhost=true&application=com.acme.OrderService&dynamic=true&' +
        'interface=com.acme.OrderService&side=provider&timestamp=1700000000000&weight=200&zone=a&group=g1&zidecar.id=4a1f9c2e',
    );
    ok(!/[/:?&=]/.test(name));
  });

  it('never lets metadata add or end a parameter', () => {
    const meta = { a: 'x&enabled=false', 'b=c': '1', d: 'e#f', g: 'h%26i', weight: '9', enabled: 'false', k: 'l m', n: 'o;p' };
    equal(javaDecode(dubbo.place(instance({ meta: { ...meta, disabled: 'true' } })).name)?.includes('abled'), false);
    ok(!/[#%+ ]|weight|[?&](?:a|b|d|g|k|n)=/.test(javaDecode(dubbo.place(instance({ meta })).name)!));
  });

  it('has nothing of value behind what Dubbo cuts out', () => {
    const other = javaDecode(dubbo.place(instance({ meta: { 'x.timestamp': '7', tag: 'gray' } })).name)!;
    ok(other.indexOf('x.timestamp=') > other.indexOf('tag='), other);
    const url = javaDecode(dubbo.place(instance({ meta: { appid: '7', tag: 'gray' } })).name)!;
    equal(
      url.replace(/pid=[^&]*&/, '').replace(/timestamp=[^&]*&/, ''),
      url.replace(/&timestamp=.*/, '&tag=gray&apzidecar.id=4a1f9c2e'),
    );
  });

  holdsItsOwn(dubbo, {
    weight: fc.integer({ min: 0, max: 1e4 }).map((hundredths) => hundredths / 100),
    key: fc.stringMatching(/^k[A-Za-z0-9._-]{1,20}$/),
    value: fc.stringMatching(/^[A-Za-z0-9._:/!~'()*-]{1,40}$/),
  });
});

describe('a provider of Dubbo, as it is read', () => {
  it('has its weight in parts of a hundred, so that a default is a default, and its warm-up', () => {
    deepEqual(plain(read(CAPTURED)), {
      ...{ service: 'com.acme.OrderService', id: '10.1.2.3:50051', host: '10.1.2.3', port: 50051, weight: 1, up: true },
      ...{ since: 1_700_000_000_000, warmupMs: 600_000, protocol: 'tri' },
      meta: { group: 'g1', version: '1.0.0' },
    });
  });

  it('is not to be called when it says so', () => {
    const isUp = (said: string): boolean => (read(CAPTURED.replace('enabled%3Dtrue', javaEncode(said))) as Instance).up;
    for (const said of [
      'enabled=false',
      'enabled=FALSE',
      'enabled=no',
      'disabled=true',
      'enabled=true&disabled=TRUE',
      'a=b;enabled=false',
    ])
      equal(isUp(said), false, said);
    for (const said of ['enabled=TRUE', 'enabled=', 'disabled=false', 'disabled=no', 'disabled']) equal(isUp(said), true, said);
  });

  it('needs nothing but a protocol, a host and a port', () => {
    deepEqual(plain(read('REST%3A%2F%2Fuser%3Apw%40orders-1%3A80')), {
      ...{
        service: 'com.acme.OrderService',
        id: 'orders-1:80',
        host: 'orders-1',
        port: 80,
        weight: 1,
        up: true,
        protocol: 'rest',
        meta: {},
      },
    });
    equal((read(javaEncode('dubbo://[fd00::1]:20880/x')) as Instance).host, 'fd00::1');
  });

  const skipped: readonly (readonly [string, string, Skip['skip'], RegExp])[] = [
    ['a bad % escape', `${CAPTURED}%2`, 'bad_encoding', /bad % escape/],
    ['a URL that is not escaped twice over', 'hello', 'bad_url', /"hello"/],
    ['no port', javaEncode('rest://10.1.2.3/x'), 'bad_url', /no URL/],
    ['port 0', javaEncode('rest://10.1.2.3:0/x'), 'bad_port', /"0"/],
    ['CR LF in the host', javaEncode('rest://a\r\nb:80/x'), 'bad_host', /\\u000d/],
    ['a configurator', javaEncode('override://0.0.0.0:1/x?category=configurators'), 'bad_type', /configurators/],
    ['a weight in words', javaEncode('rest://10.1.2.3:80/x?weight=much'), 'bad_weight', /"much"/],
  ];
  for (const [what, node, reason, detail] of skipped) {
    it(`is skipped with ${what}`, () => {
      const said = read(node) as Skip;
      equal(said.skip, reason);
      match(said.detail, detail);
    });
  }
});
