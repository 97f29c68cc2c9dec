import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import { isServiceName, knownName, route, type RouteAsk, type RouteRules } from '../../lb/route.js';

const rules: RouteRules = { own: new Set(['sidecar.local']), domain: 'zk' };
const asking = (target: string, host?: string, more: Partial<RouteAsk> = {}): RouteAsk => ({
  method: 'GET',
  target,
  hosts: host === undefined ? [] : [host],
  version: '1.1',
  ...more,
});
/** `name target host`, or `code: message`. */
const found = (ask: RouteAsk, by: RouteRules = rules): string => {
  const to = route(ask, by);
  return 'code' in to ? `${to.code}: ${to.message}` : `${to.name} ${to.target} ${to.host}${to.prefix ? ` ${to.prefix}` : ''}`;
};

describe('route', () => {
  const table: readonly [string, string, string, string][] = [
    // what, target, Host, found
    ['a bare Host', '/a?b=1', 'orders', 'orders /a?b=1 orders'],
    ['a Host with a port', '/', 'orders:8080', 'orders / orders:8080'],
    ['a Host with the suffix', '/', 'orders.zk', 'orders / orders.zk'],
    ['a Host with the suffix in another case, and a port', '/', 'Orders.ZK:80', 'Orders / Orders.ZK:80'],
    ['a Host that is complete with its last dot', '/', 'orders.zk.', 'orders / orders.zk.'],
    ['a Host with the suffix in its middle', '/', 'a.zk.b', 'a.zk.b / a.zk.b'],
    ['a Host that only ends like the suffix', '/', 'gazk', 'gazk / gazk'],
    ['an absolute form', 'http://orders/a?b', '127.0.0.1:6140', 'orders /a?b orders'],
    ['an absolute form against another Host', 'http://orders/a', 'users', 'orders /a orders'],
    ['an absolute form with suffix, port and capitals', 'HTTP://orders.zk:80/a', 'x', 'orders /a orders.zk:80'],
    ['an absolute form without a path', 'http://orders', 'x', 'orders / orders'],
    ['an absolute form with nothing but a query', 'http://orders?a=/b', 'x', 'orders /?a=/b orders'],
    ['a path prefix on localhost', '/svc/orders/a/b?c', 'localhost:6140', 'orders /a/b?c orders /svc/orders'],
    ['a path prefix on an address', '/svc/orders/', '127.0.0.1:6140', 'orders / orders /svc/orders'],
    ['a path prefix on an IPv6 address', '/svc/orders', '[::1]:6140', 'orders / orders /svc/orders'],
    ['a path prefix on a name of ours', '/svc/orders?a', 'Sidecar.Local', 'orders /?a orders /svc/orders'],
    ['a path prefix in absolute form', 'http://127.0.0.1:6140/svc/orders/a', 'x', 'orders /a orders /svc/orders'],
    ['a path prefix with the suffix', '/svc/orders.zk/a', 'localhost', 'orders /a orders.zk /svc/orders.zk'],
    ['a path prefix on a peer', '/svc/users/a', 'orders', 'orders /svc/users/a orders'],
    ['a path that climbs', '/svc/orders/../users/a', 'localhost', 'orders /../users/a orders /svc/orders'],
    [
      'a path with codes, doubled slashes and bytes above ASCII',
      '/%2e%2E//a%00\xff;x#y',
      'orders',
      'orders /%2e%2E//a%00\xff;x#y orders',
    ],
  ];
  for (const [what, target, host, expected] of table) {
    it(`understands ${what}`, () => equal(found(asking(target, host)), expected));
  }

  it('understands OPTIONS for the server itself, in both forms', () => {
    equal(found(asking('*', 'orders', { method: 'OPTIONS' })), 'orders * orders');
    equal(found(asking('http://orders', 'x', { method: 'OPTIONS' })), 'orders * orders');
  });

  it('keeps Host and path on a listener that serves one upstream', () => {
    const fixed = { ...rules, fixedUpstream: 'users' };
    equal(found(asking('/svc/orders/a', 'localhost:7001'), fixed), 'users /svc/orders/a localhost:7001');
    equal(found(asking('http://orders/a', 'x'), fixed), 'users /a orders');
    equal(found(asking('/a', undefined, { version: '1.0' }), fixed), 'users /a users');
  });

  const wrong: readonly [string, RouteAsk, RegExp][] = [
    ['no Host in HTTP/1.1', asking('/'), /^bad_request: .*no Host/],
    ['two Hosts', asking('/', undefined, { hosts: ['a', 'a'] }), /^bad_request: .*2 times/],
    ['a Host with a space', asking('/', 'a b'), /^bad_request: .*"a b"/],
    ['a Host with a user', asking('/', 'me@orders'), /^bad_request/],
    ['a Host with a path', asking('/', 'orders/x'), /^bad_request/],
    ['a Host with half an address', asking('/', '[::1'), /^bad_request/],
    ['a Host with an address that is none', asking('/', '[::1::2]'), /^bad_request/],
    ['an absolute form with a user', asking('http://me@orders/', 'x'), /^bad_request/],
    ['an absolute form without a host', asking('http:///a', 'x'), /^bad_request/],
    ['another scheme', asking('https://orders/', 'x'), /^bad_request: .*http:\/\/name/],
    ['a target that is no path', asking('orders/a', 'x'), /^bad_request/],
    ['a star outside of OPTIONS', asking('*', 'x'), /^bad_request/],
    ['a space in the target', asking('/a b', 'x'), /^bad_request/],
    ['a DEL in the target', asking('/a\x7f', 'x'), /^bad_request/],
    ['a line end in the target', asking('/a\r\nX: y', 'x'), /^bad_request/],
    ['CONNECT', asking('orders:443', 'orders', { method: 'CONNECT' }), /^connect_method: .*no_proxy/],
    ['nobody named, on localhost', asking('/a', 'localhost:6140'), /^unknown_upstream: .*Host: NAME/],
    ['nobody named, on an address', asking('/svcorders', '10.0.0.1'), /^unknown_upstream/],
    ['an empty Host', asking('/', ''), /^unknown_upstream/],
    ['no Host in HTTP/1.0', asking('/', undefined, { version: '1.0' }), /^unknown_upstream/],
    ['a name that is only the suffix', asking('/', '.zk'), /^unknown_upstream/],
    ['a name that climbs', asking('/svc/../a', 'localhost'), /^unknown_upstream: "\.\."/],
    ['an empty name in the path', asking('/svc//a', 'localhost'), /^unknown_upstream/],
    ['a coded name in the path', asking('/svc/a%2Fb/c', 'localhost'), /^unknown_upstream: "a%2Fb"/],
    ['a name of 254', asking('/', 'a'.repeat(254)), /^unknown_upstream/],
    ['a name of a wrong kind through http_proxy', asking('http://a~b/', 'x'), /^unknown_upstream: .*no_proxy/],
  ];
  for (const [what, ask, expected] of wrong) it(`refuses ${what}`, () => match(found(ask), expected));

  it('says of an absolute form that it was one, so that a refusal can speak of no_proxy', () => {
    const absolute = (target: string): unknown => (route(asking(target, 'orders'), rules) as { absolute?: boolean }).absolute;
    deepEqual([absolute('http://orders/'), absolute('/')], [true, false]);
  });

  it('lets only names out that are safe as a key and as one segment of a path, whatever comes in', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[a-z./:%\[\]@#?-]*$/),
      fc.constantFrom('localhost', '/svc/..', 'http://x/'),
    );
    fc.assert(
      fc.property(fc.constantFrom('', '/', '/svc/', 'http://'), text, text, (start, target, host) => {
        const to = route(asking(start + target, host), rules);
        if ('code' in to) ok(to.message.length < 400);
        else {
          ok(isServiceName(to.name) && !to.name.includes('/'));
          ok(to.target.startsWith('/') && (start + target).endsWith(to.target.slice(1)), 'not the bytes that came');
          ok(!/[^\x21-\xff]/.test(to.target + to.host));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('known name', () => {
  const known = new Map([['orders', 1], ['Users', 1], ['USERS', 1], ['Bills', 1]]); // prettier-ignore
  it('is the exact one, else the only one that is equal without case', () => {
    deepEqual(
      ['orders', 'ORDERS', 'Users', 'users', 'bills', 'none', '__proto__'].map((name) => knownName(name, known)),
      ['orders', 'orders', 'Users', undefined, 'Bills', undefined, undefined],
    );
  });
});
