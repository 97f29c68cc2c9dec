import { equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { turnedAway } from '../../../agent/admin/guard.js';

const own = ['10.0.0.7', 'sidecar.local'];

describe('guard: the Host', () => {
  const hosts: readonly (readonly [string | undefined, boolean])[] = [
    ['localhost', true],
    ['localhost:6190', true],
    ['LocalHost.:6190', true],
    ['app.localhost:6190', true],
    ['127.0.0.1:6190', true],
    ['127.9.9.9', true],
    ['[::1]:6190', true],
    ['[0:0:0:0:0:0:0:1]:6190', true],
    ['[::ffff:127.0.0.1]:6190', true],
    ['10.0.0.7:6190', true], // as configured
    ['sidecar.local:6190', true],
    ['10.0.0.9', true], // where the connection was accepted
    ['evil.example', false],
    ['evil.example:6190', false],
    ['localhost.evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['evillocalhost', false],
    ['128.0.0.1', false],
    ['10.0.0.8', false],
    ['[::2]', false],
    ['127.0.0.1:6190:1', false],
    ['127.0.0.1, evil.example', false],
    ['localhost:notaport', false],
    ['user@localhost', false],
    ['', false],
    [undefined, false],
  ];
  for (const [host, admitted] of hosts)
    it(`${admitted ? 'lets' : 'turns away'} ${host ?? 'a request without one'}`, () =>
      equal(
        turnedAway({ host, origin: undefined, changes: false, localAddress: '::ffff:10.0.0.9' }, own) === undefined,
        admitted,
      ));

  it('is not looked at on a Unix socket, which no browser reaches', () =>
    equal(turnedAway({ host: 'anything', origin: undefined, changes: true, localAddress: undefined }, own), undefined));
});

describe('guard: the Origin of a change', () => {
  const origins: readonly (readonly [string | undefined, boolean])[] = [
    [undefined, true],
    ['http://localhost:6190', true],
    ['http://LOCALHOST:6190', true],
    ['http://localhost:3000', false],
    ['http://localhost', false],
    ['https://localhost:6190', false],
    ['http://127.0.0.1:6190', false],
    ['http://evil.example', false],
    ['null', false],
    ['', false],
  ];
  for (const [origin, admitted] of origins)
    it(`${admitted ? 'lets' : 'turns away'} ${origin === undefined ? 'a program, which sends none' : `"${origin}"`} at localhost:6190`, () =>
      equal(
        turnedAway({ host: 'localhost:6190', origin, changes: true, localAddress: '127.0.0.1' }, own) === undefined,
        admitted,
      ));

  it('does not matter where nothing is changed', () =>
    equal(
      turnedAway({ host: 'localhost', origin: 'http://evil.example', changes: false, localAddress: '127.0.0.1' }, own),
      undefined,
    ));

  it('matters on a Unix socket too', () =>
    equal(
      turnedAway({ host: 'x', origin: 'http://evil.example', changes: true, localAddress: undefined }, own) === undefined,
      false,
    ));
});
