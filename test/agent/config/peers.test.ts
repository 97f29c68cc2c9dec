import { deepEqual } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import { probes, probesOf } from '../../../agent/config/probes.js';
import { pathProblem, sourceOf, sources } from '../../../agent/config/sources.js';
import { upstreamList } from '../../../agent/config/upstream-list.js';

describe('a list of peers', () => {
  for (const [text, value] of [
    ['orders', { closed: true, named: [{ name: 'orders' }] }],
    ['orders,users@7001', { closed: true, named: [{ name: 'orders' }, { name: 'users', port: { port: 7001, tcp: false } }] }],
    ['db@tcp:7002', { closed: true, named: [{ name: 'db', port: { port: 7002, tcp: true } }] }],
    ['orders, *', { closed: false, named: [{ name: 'orders' }] }],
    ['*', { closed: false, named: [] }],
    ['a=spring', { closed: true, named: [{ name: 'a', sources: [{ dialect: 'spring' }] }] }],
    [
      'a=curator:/x/{service}+spring:/y@z@80',
      {
        closed: true,
        named: [
          {
            name: 'a',
            sources: [
              { dialect: 'curator', path: '/x/{service}' },
              { dialect: 'spring', path: '/y@z' },
            ],
            port: { port: 80, tcp: false },
          },
        ],
      },
    ],
    [
      'a=serverset:/aurora/orders!http+dubbo',
      {
        closed: true,
        named: [
          { name: 'a', sources: [{ dialect: 'serverset', path: '/aurora/orders', endpoint: 'http' }, { dialect: 'dubbo' }] },
        ],
      },
    ],
    ['a@0', { closed: true, named: [{ name: 'a', port: { port: 0, tcp: false } }] }],
  ] as const) {
    it(`reads ${text}`, () => deepEqual(upstreamList.read(text), { value }));
  }

  for (const [text, problem] of [
    ['orders,', 'has "", which lacks a name'],
    ['or/ders', 'has the name "or/ders", which has "/" in it'],
    ['a,b@tcp:70022', 'has "b@tcp:70022", which has the port "tcp:70022", which is not a port'],
    ['b@udp:7002', 'has the port "udp:7002", which is not a port'],
    ['a@http', 'has the port "http", which is not a port'],
    ['a@70000', 'has the port "70000", which is not a port'],
    ['a@', 'has the port "", which is not a port'],
    ['a=', 'has the dialect "", which is not known'],
    ['a=eureka', 'has the dialect "eureka", which is not known'],
    ['a=serverset:/x!', 'has "" behind "!", where the name of an additional endpoint is expected'],
    ['a=curator:x', 'has the path "x", which does not begin with "/"'],
    ['a,b,a', 'has "a", which has a name that was there before'],
    [
      'or/ders,a,users@70000,a@1',
      'has "or/ders", which has the name "or/ders", which has "/" in it; ' +
        'it has "users@70000", which has the port "70000", which is not a port; it has "a@1", which has a name that was there before',
    ],
  ] as const) {
    it(`${text} ${problem}`, () => deepEqual(upstreamList.read(text), { problem }));
  }

  it('comes back as it was written', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}$/);
    const path = fc.stringMatching(/^(\/[A-Za-z0-9@_:-]{1,8}){1,3}$/).filter((text) => !text.startsWith('/zookeeper'));
    const source = fc.record(
      { dialect: fc.constantFrom('curator', 'spring'), path },
      { requiredKeys: ['dialect'], noNullPrototype: true },
    );
    const upstream = fc.record(
      {
        name,
        sources: fc.array(source, { minLength: 1, maxLength: 3 }),
        port: fc.record({ port: fc.nat(65_535), tcp: fc.boolean() }, { noNullPrototype: true }),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.uniqueArray(upstream, { selector: (one) => one.name, minLength: 1 }), (named) => {
        const text = named.map((one) => {
          const from = one.sources.map(({ dialect, path: at }) => (at === undefined ? dialect : `${dialect}:${at}`)).join('+');
          return `${one.name}=${from}@${one.port.tcp ? 'tcp:' : ''}${one.port.port}`;
        });
        deepEqual(upstreamList.read(text.join(',')), { value: { closed: true, named } });
      }),
    );
  });
});

describe('a source', () => {
  it('has the path as written, else the registry path, else that of its dialect', () => {
    const of = (text: string, registryPath?: string): unknown => {
      const read = sources.read(text);
      return 'value' in read && sourceOf('orders', read.value[0]!, registryPath, 'zk:2181');
    };
    deepEqual(of('curator'), { dialect: 'curator', path: '/services/orders' });
    deepEqual(of('spring', '/a/{service}/b'), { dialect: 'spring', path: '/a/orders/b' });
    deepEqual(of('curator:/x/{service}-{service}', '/a/{service}'), { dialect: 'curator', path: '/x/orders-orders' });
    deepEqual(of('curator:/fixed'), { dialect: 'curator', path: '/fixed' });
  });

  for (const path of [
    'x',
    '/',
    '/a/',
    '//a',
    '/a/./b',
    '/..',
    '/zookeeper',
    '/zookeeper/quota',
    '/a\u0001',
    '/a\ud800',
    '/{name}',
    '/{',
    '/a}',
  ]) {
    it(`is not in ${JSON.stringify(path)}`, () => deepEqual(typeof pathProblem(path), 'string'));
  }
});

describe('a probe', () => {
  for (const [text, value] of [
    ['tcp', [{ kind: 'tcp' }]],
    ['none', [{ kind: 'none' }]],
    ['http:///ready', [{ kind: 'http', url: '/ready' }]],
    ['http', [{ kind: 'http', url: '/healthz' }]],
    ['/a?b=1,2', [{ kind: 'http', url: '/a?b=1,2' }]],
    ['http://127.0.0.1:80/a,b', [{ kind: 'http', url: 'http://127.0.0.1/a,b' }]],
    [
      'http://x:1/a,tcp, http://x:2/b',
      [{ kind: 'http', url: 'http://x:1/a' }, { kind: 'tcp' }, { kind: 'http', url: 'http://x:2/b' }],
    ],
    ['http://x:1/a,tcpdump', [{ kind: 'http', url: 'http://x:1/a,tcpdump' }]],
  ] as const) {
    it(`reads ${text}`, () => deepEqual(probes.read(text), { value }));
  }

  for (const [text, problem] of [
    ['grpc', 'is not in this release yet, which probes by http and tcp'],
    [
      'tcp,exec:pg_isready -h a,b',
      'has "exec:pg_isready -h a,b", which is not in this release yet, which probes by http and tcp',
    ],
    ['https://x/', 'asks for TLS: probes speak plain http, or tcp'],
    ['healthz', 'is not a probe'],
    ['//x/y', 'is not a probe'],
    ['http://', 'is not a URL'],
    ['http:////x', 'is not a URL'],
    ['http://:80/x', 'is not a URL'],
    ['http://x:99999/', 'is not a URL'],
    ['http://a@x/', 'has a user name or password, which a probe cannot send'],
    ['http://a:b@x/', 'has a user name or password, which a probe cannot send'],
    ['/a b', 'has a space in it'],
    ['none,tcp', 'has none beside others'],
  ] as const) {
    it(`${text} ${problem}`, () => deepEqual(probes.read(text), { problem }));
  }

  it('that is a path asks the port of the app', () => {
    const own = [{ kind: 'http', url: '/healthz?x=1' }, { kind: 'tcp' }] as const;
    deepEqual(probesOf(own, '::1', 8080), [{ kind: 'http', url: 'http://[::1]:8080/healthz?x=1' }, { kind: 'tcp' }]);
  });
});
