import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import { advertise, appHost, domain, listeners, zookeeper } from '../../../agent/config/addresses.js';
import type { Grammar } from '../../../agent/config/parse.js';

const reads = (grammar: Grammar<unknown>, rows: readonly (readonly [string, unknown])[]): void => {
  for (const [text, value] of rows) it(`reads ${text}`, () => deepEqual(grammar.read(text), { value }));
};
const refuses = (grammar: Grammar<unknown>, rows: readonly (readonly [string, string])[]): void => {
  for (const [text, problem] of rows) it(`${text.slice(0, 40)} ${problem}`, () => deepEqual(grammar.read(text), { problem }));
};
const brackets = 'needs brackets around an IPv6 address, such as [::1]:6140';

describe('a listener', () => {
  const tcp = (host: string, port: number): unknown => ({ kind: 'tcp', host, port });
  reads(listeners, [
    ['127.0.0.1:6140', [tcp('127.0.0.1', 6140)]],
    ['[::]:6191', [tcp('::', 6191)]],
    ['localhost:0', [tcp('localhost', 0)]],
    ['127.0.0.1:6140, [::1]:6140', [tcp('127.0.0.1', 6140), tcp('::1', 6140)]],
    ['unix:/run/zidecar.sock', [{ kind: 'unix', path: '/run/zidecar.sock' }]],
    ['off', []],
  ]);
  refuses(listeners, [
    ['6140', 'has no port'],
    ['127.0.0.1', 'has no port'],
    [':6140', 'has no host (127.0.0.1 is this machine alone, [::] all addresses)'],
    ['::1:6140', brackets],
    ['::1', brackets],
    ['fd00::1', brackets],
    ['[fd00::1]', 'has no port'],
    ['[127.0.0.1]:80', 'has the host "127.0.0.1", which is no name or address'],
    ['[fe80::1%eth0]:80', 'has the host "fe80::1%eth0", which is no name or address'],
    ['*:6140', 'has the host "*", which is no name or address'],
    ['300.1.1.1:80', 'has the host "300.1.1.1", which is no name or address'],
    ['localhost:http', 'has the port "http", which is not one'],
    ['localhost:65536', 'has the port "65536", which is not one'],
    ['localhost:-1', 'has the port "-1", which is not one'],
    ['unix:run.sock', 'has a socket without an absolute path'],
    [`unix:/${'x'.repeat(107)}`, 'has a socket path of more than 107 bytes'],
    ['127.0.0.1:1,off', 'has "off", which has no port'],
  ]);

  it('comes back as it was written', () => {
    const host = fc.oneof(
      fc.ipV4(),
      fc.ipV6().map((v6) => `[${v6}]`),
      fc.constant('localhost'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(host, fc.nat(65_535)), { minLength: 1 }), (all) => {
        deepEqual(listeners.read(all.map(([name, port]) => `${name}:${port}`).join(',')), {
          value: all.map(([name, port]) => ({ kind: 'tcp', host: name.replace(/^\[|\]$/g, ''), port })),
        });
      }),
    );
  });
});

describe('ZooKeeper', () => {
  const at = (host: string, port: number): unknown => ({ host, port });
  reads(zookeeper, [
    ['zk:2181', { kind: 'zookeeper', servers: [at('zk', 2181)], chroot: '' }],
    ['zk:2181/', { kind: 'zookeeper', servers: [at('zk', 2181)], chroot: '' }],
    ['a:1, [::1]:2/x/y', { kind: 'zookeeper', servers: [at('a', 1), at('::1', 2)], chroot: '/x/y' }],
    ['dir:/tmp/tree', { kind: 'directory', path: '/tmp/tree' }],
    ['dir:here', { kind: 'directory', path: 'here' }],
  ]);
  refuses(zookeeper, [
    ['zk', 'has no port'],
    ['zk:0', 'has port 0, which nobody can call'],
    ['zk:2181,', 'has "", which has no port'],
    ['http://zk:2181', 'is a URL'],
    ['zk:2181/a,zk2:2181/a', 'has servers behind the chroot, which stands once, at the end'],
    ['zk:2181//a', 'has the chroot "//a", which has an empty part'],
    ['zk:2181/../a', 'has the chroot "/../a", which has "." or ".." as a part'],
    ['dir:', 'names no folder'],
    ['a b:2181', 'has the host "a b", which is no name or address'],
  ]);
});

describe('what peers are told', () => {
  reads(advertise, [
    ['10.1.2.3', { host: '10.1.2.3' }],
    ['10.1.2.3:80', { host: '10.1.2.3', port: 80 }],
    ['fd00::1', { host: 'fd00::1' }],
    ['[fd00::1]:80', { host: 'fd00::1', port: 80 }],
    ['orders.example', { host: 'orders.example' }],
    ['127.0.0.1', { host: '127.0.0.1' }],
  ]);
  const nobody = 'is an address that no peer would call';
  refuses(advertise, [
    ['0.0.0.0', nobody],
    ['[::]:80', nobody],
    ['224.0.0.1', nobody],
    ['169.254.1.1:80', nobody],
    ['fe80::1', nobody],
    ['10.1.2.3:0', 'has port 0, which nobody can call'],
    ['http://x', 'has the port "//x", which is not one'],
    ['a b', 'is neither a host name nor an address'],
  ]);
});

describe('where the app is', () => {
  reads(appHost, [
    ['localhost', 'localhost'],
    ['::1', '::1'],
  ]);
  refuses(appHost, [
    ['[::1]', 'is neither a host name nor an address'],
    ['localhost:80', 'is neither a host name nor an address'],
  ]);
});

it('a domain is in lower case, without dots at its ends', () => {
  deepEqual(domain.read('Svc.Local'), { value: 'svc.local' });
  for (const text of ['.zk', 'zk.', '10.0.0.1', 'a b', '']) equal('problem' in domain.read(text), true, text);
});
