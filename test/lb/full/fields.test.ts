/** Fields that are only one connection's, that pose as ours, or that name a peer: what of them arrives at the other side, byte for byte. */
import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { RawServer } from '../../support/raw.js';
import { get, handshake, house, ok, switching } from './house.js';

/** What an endpoint gets of a request, and what the app gets of its answer. */
const exchanged = async (t: TestContext, request: string, answer = ok()): Promise<[string, string]> => {
  let got = '';
  const orders = await RawServer.start(async (wire) => {
    got = await wire.message();
    wire.write(answer);
  });
  const { ask } = await house(t, { orders: [orders] });
  const told = await ask(request);
  return [got, told];
};

describe('what frames and routes a message', () => {
  it('is not removed because Connection names it', async (t) => {
    const named = 'Connection: Host, Content-Length, Transfer-Encoding\r\n';
    const [got, told] = await exchanged(
      t,
      `POST / HTTP/1.1\r\nHost: orders\r\n${named}Content-Length: 5\r\n\r\nhello`,
      ok('ok', named),
    );
    match(got, /^POST \/ HTTP\/1\.1\r\nhost: orders\r\n(?:.*\r\n)*content-length: 5\r\n(?:.*\r\n)*\r\nhello$/i);
    match(told, /\r\nContent-Length: 2\r\n(?:.*\r\n)*\r\nok$/);
  });

  it('stays chunked although Connection names it, in both directions', async (t) => {
    const chunked = 'Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n';
    let got = '';
    const orders = await RawServer.start(async (wire) => {
      got = await wire.until('\r\n0\r\n\r\n');
      wire.write(`HTTP/1.1 200 OK\r\n${chunked}\r\n2\r\nok\r\n0\r\n\r\n`);
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = (await app()).write(`POST / HTTP/1.1\r\nHost: orders\r\n${chunked}\r\n5\r\nhello\r\n0\r\n\r\n`);
    match(await wire.until('\r\n0\r\n\r\n'), /\r\nTransfer-Encoding: chunked\r\n(?:.*\r\n)*\r\n2\r\nok\r\n/);
    match(got, /\r\ntransfer-encoding: chunked\r\n(?:.*\r\n)*\r\n5\r\nhello\r\n/);
  });

  for (const value of ['chunked', 'CHUNKED', ' \tchunked', 'chunked '])
    it(`may be chunked in any case, with blanks around it: ${JSON.stringify(value)}`, async (t) => {
      const orders = await RawServer.start(async (wire) => {
        await wire.until('\r\n0\r\n\r\n');
        wire.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding:${value}\r\n\r\n2\r\nok\r\n0\r\n\r\n`);
      });
      const { app } = await house(t, { orders: [orders] });
      const wire = (await app()).write(
        `POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding:${value}\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
      );
      match(await wire.until('\r\n0\r\n\r\n'), /^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*\r\n2\r\nok\r\n/);
    });

  it('comes with chunk extensions that go no further', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.message();
      wire.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b;c="d"\r\nok\r\n0;e\r\n\r\n');
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = (await app()).write(get());
    await wire.head();
    equal(await wire.until('0\r\n\r\n'), '2\r\nok\r\n0\r\n\r\n');
  });
});

describe('a field that is only one connection’s', () => {
  it('goes no further on an upgrade either', async (t) => {
    let got = '';
    const orders = await RawServer.start(async (wire) => {
      got = await wire.head();
      wire.write(
        switching('Keep-Alive: timeout=77\r\nX-Mine: 1\r\n').replace('Connection: Upgrade', 'Connection: x-mine, upgrade'),
      );
    });
    const { app } = await house(t, { orders: [orders] });
    const mine = 'X-Mine: 1\r\nTE: trailers\r\nProxy-Connection: a\r\n';
    const told = await (await app()).write(handshake(mine).replace('keep-alive, Upgrade', 'x-mine, Upgrade')).head();
    for (const head of [got, told]) {
      doesNotMatch(head, /x-mine|timeout=77|trailers|proxy-connection/i);
      match(head, /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/i);
    }
  });
});

describe('a field that poses as ours', () => {
  it('by underscores is dropped, in both directions', async (t) => {
    const posing = 'X_Forwarded_For: evil\r\nx-zidecar_timeout: evil\r\nContent_Length: 99\r\nX_Request-Id: evil\r\n';
    const [got, told] = await exchanged(t, get('/', `${posing}X_Mine: kept\r\n`), ok('ok', `${posing}X_Mine: kept\r\n`));
    for (const head of [got, told]) {
      doesNotMatch(head, /evil|: 99/); // the id of a request may hold any digits
      match(head, /\r\nX_Mine: kept\r\n/);
    }
  });
});

describe('the name of a peer', () => {
  it('in absolute form wins over Host, which is written anew', async (t) => {
    const [got] = await exchanged(t, 'GET http://orders.zk:80/a?b HTTP/1.1\r\nHost: evil.example\r\n\r\n');
    match(got, /^GET \/a\?b HTTP\/1\.1\r\nhost: orders\.zk:80\r\n/i);
    doesNotMatch(got, /evil/);
  });

  it('taken off the path is the Host, and told as the prefix', async (t) => {
    const [got] = await exchanged(
      t,
      'GET /svc/orders/a%2Fb//c?d HTTP/1.1\r\nHost: 127.0.0.1:6140\r\nX-Forwarded-Prefix: /evil\r\n\r\n',
    );
    match(got, /^GET \/a%2Fb\/\/c\?d HTTP\/1\.1\r\nhost: orders\r\n/i);
    deepEqual(got.match(/x-forwarded-prefix: .*/gi), ['x-forwarded-prefix: /svc/orders']);
  });

  const nobody: Readonly<Record<string, string>> = {
    'an address': 'GET / HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n',
    'an address of IPv6': 'GET / HTTP/1.1\r\nHost: [::1]:22\r\n\r\n',
    'an address in absolute form': 'GET http://169.254.169.254/latest HTTP/1.1\r\nHost: orders\r\n\r\n',
    'an address in the path': 'GET /svc/127.0.0.1:22/ HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'a way out of the tree': 'GET /svc/../ HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'an encoded slash': 'GET /svc/orders%2Fx/ HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'a name that is too long': `GET / HTTP/1.1\r\nHost: ${'a'.repeat(254)}\r\n\r\n`,
    'a name with other characters': 'GET / HTTP/1.1\r\nHost: or~ders\r\n\r\n',
  };
  for (const [what, request] of Object.entries(nobody))
    it(`can be no more than a name that is known: ${what}`, async (t) => {
      const { ask, proxy } = await house(t, { orders: [await RawServer.always(ok())] });
      match(await ask(request), /^HTTP\/1\.1 404 (?:.|\r\n)*x-zidecar-error: unknown_upstream\r\n/);
      equal(proxy.strays.calls.get('unknown_upstream'), 1);
    });
});
