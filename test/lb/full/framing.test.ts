/** Messages that are odd, hostile or garbage, as tables: what is refused, with which code, and that nothing of it goes on. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RawServer, type Wire } from '../../support/raw.js';
import { clock } from '../../support/running-clock.js';
import { eventually, get, house, ok } from './house.js';

const host = 'Host: orders\r\n';
const post = (fields: string, body = ''): string => `POST / HTTP/1.1\r\n${host}${fields}\r\n${body}`;
const te = (value: string, body = '0\r\n\r\n'): string => post(`Transfer-Encoding: ${value}\r\n`, body);
const cl = (value: string): string => post(`Content-Length: ${value}\r\n`, 'abc');

describe('a request that cannot be told from two', () => {
  const refused: Readonly<Record<string, string>> = {
    'a Content-Length and a Transfer-Encoding': post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    'the same the other way round': post('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', '0\r\n\r\n'),
    'a coding before chunked': te('gzip, chunked'),
    'a coding after chunked': te('chunked, gzip'),
    'chunked twice': te('chunked, chunked'),
    'chunked in two fields': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    'almost chunked': te('xchunked'),
    'an empty coding': te(''),
    identity: te('identity'),
    'a coding in HTTP/1.0': `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'two lengths': post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'),
    'a list of lengths': cl('3, 3'),
    'a signed length': cl('+3'),
    'a negative length': cl('-3'),
    'an empty length': cl(''),
    'a hexadecimal length': cl('0x3'),
    'a length beyond any': cl('99999999999999999999'),
    'a length that a double cannot hold': cl('9223372036854775807'),
    'a bare LF after the request line': `GET / HTTP/1.1\n${host}\r\n`,
    'a bare LF in the fields': get('/', 'A: b\nC: d\r\n'),
    'a bare CR in a value': get('/', 'A: b\rc\r\n'),
    'a NUL in a value': get('/', 'A: b\0c\r\n'),
    'a NUL in the target': get('/a\0b'),
    'a bare CR in the target': get('/a\rb'),
    'a space before the colon': get('/', 'A : b\r\n'),
    'no colon': get('/', 'Abc\r\n'),
    'no name': get('/', ': b\r\n'),
    'a name that is no token': get('/', 'A(b): c\r\n'),
    'a folded value': get('/', 'A: b\r\n c\r\n'),
    'a folded first field': `GET / HTTP/1.1\r\n Host: orders\r\n\r\n`,
    'no Host': 'GET / HTTP/1.1\r\n\r\n',
    'two Hosts': get('/', host),
    'a Host that is no authority': 'GET / HTTP/1.1\r\nHost: or ders/..\r\n\r\n',
    'a space in the target': get('/a b'),
    'a control character in the target': get('/\x01'),
    'a fragment in the target': get('/a#b'),
    'a target without a slash': get('a'),
    'an asterisk for GET': get('*'),
    'HTTP/0.9': 'GET /\r\n\r\n',
    'HTTP/1.2': `GET / HTTP/1.2\r\n${host}\r\n`,
    'HTTP/2.0': `GET / HTTP/2.0\r\n${host}\r\n`,
    'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    TLS: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'a method nobody knows': `FOO / HTTP/1.1\r\n${host}\r\n`,
    'an expectation nobody knows': post('Expect: the-worst\r\nContent-Length: 0\r\n'),
  };
  for (const [what, bytes] of Object.entries(refused))
    it(`is refused and its connection ends: ${what}`, async (t) => {
      const orders = await RawServer.always(ok());
      const { app, proxy } = await house(t, { orders: [orders] });
      const { text } = await (await app()).write(bytes).rest();
      match(text, /^HTTP\/1\.1 400 Bad Request\r\n/);
      match(text, /\r\nx-zidecar-error: bad_request\r\n/);
      match(text, /\r\nconnection: close\r\n/i);
      match(text, /\r\n\r\n\{"error":"bad_request","message":"[^"].*"\}\n$/);
      equal(text.match(/HTTP\/1\.1 \d{3}/g)?.length, 1, 'one answer and no more');
      equal(orders.wires.length, 0);
      equal(proxy.strays.calls.has('bad_request'), true);
    });

  const broken: Readonly<Record<string, string>> = {
    'a chunk size that is none': te('chunked', '3\r\nabc\r\nzz\r\n'),
    'a chunk size with 0x': te('chunked', '3\r\nabc\r\n0x3\r\n'),
    'a chunk size beyond any': te('chunked', '3\r\nabc\r\nfffffffffffffffff\r\n'),
    'a bare LF after a chunk size': te('chunked', '3\r\nabc\r\n3\nabc\r\n'),
    'more data than the chunk has': te('chunked', '3\r\nabcd\r\n0\r\n\r\n'),
    'chunk extensions without end': te('chunked', `3;${'a'.repeat(20_000)}\r\nabc\r\n0\r\n\r\n`),
    'a bare CR in a chunk extension': te('chunked', '3;a\rb\r\nabc\r\n0\r\n\r\n'),
    'a NUL in a trailer': te('chunked', '3\r\nabc\r\n0\r\nA: b\0\r\n\r\n'),
    'a length in the trailers': te('chunked', '3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n'),
  };
  for (const [what, bytes] of Object.entries(broken))
    it(`is broken off in the middle, and the endpoint never sees its end: ${what}`, async (t) => {
      const orders = await RawServer.start(() => undefined);
      const { app } = await house(t, { orders: [orders] });
      const { text } = await (await app()).write(bytes).rest();
      match(text, /^HTTP\/1\.1 400 (?:.|\r\n)*x-zidecar-error: bad_request/);
      for (const wire of orders.wires) {
        await wire.gone();
        equal(wire.unread.includes('\r\n0\r\n'), false);
      }
    });
});

describe('a request whose chunks have no end of extensions', () => {
  for (const [what, chunk] of Object.entries({
    'long ones': `1;${'x'.repeat(15_000)}\r\na\r\n`,
    'a short one for each byte': `1;${'x'.repeat(60)}\r\na\r\n`.repeat(200),
  }))
    it(`is refused before long: ${what}`, async (t) => {
      const orders = await RawServer.start(() => undefined);
      const { app } = await house(t, { orders: [orders] });
      const wire = (await app()).write('POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n');
      const isTold = (): boolean => wire.over || wire.unread !== '';
      let [sent, data] = [0, 0];
      // the next one when the data of this one has come through: the kernel takes megabytes that nobody has read yet
      for (; !isTold() && sent < 20_000_000; sent += chunk.length) {
        wire.write(chunk);
        data += chunk.match(/\na\r/g)!.length;
        await eventually(() => isTold() || (orders.wires[0]?.unread.match(/a/g)?.length ?? 0) >= data);
      }
      match(await wire.message(), /^HTTP\/1\.1 400 (?:.|\r\n)*more extension than data/);
      equal(sent < 1_000_000, true, `after ${sent} bytes`);
    });
});

describe('a request that is too large', () => {
  const large: Readonly<Record<string, string>> = {
    'a field': get('/', `A: ${'a'.repeat(40_000)}\r\n`),
    'a target': get(`/${'a'.repeat(40_000)}`),
    'too many fields': get('/', 'A: b\r\n'.repeat(100)),
  };
  for (const [what, bytes] of Object.entries(large))
    it(`is refused with 431: ${what}`, async (t) => {
      const orders = await RawServer.always(ok());
      const { app } = await house(t, { orders: [orders] });
      match((await (await app()).write(bytes).rest()).text, /^HTTP\/1\.1 431 (?:.|\r\n)*x-zidecar-error: head_too_large/);
      equal(orders.wires.length, 0);
    });

  it('passes with as many fields as there may be', async (t) => {
    const { ask } = await house(t, { orders: [await RawServer.always(ok())] });
    match(await ask(get('/', 'A: b\r\n'.repeat(99))), /200 OK/);
  });
});

describe('a request for a tunnel', () => {
  it('is refused with 405', async (t) => {
    const { app } = await house(t, {});
    const { text } = await (await app()).write('CONNECT 10.0.0.1:22 HTTP/1.1\r\nHost: 10.0.0.1:22\r\n\r\n').rest();
    match(text, /^HTTP\/1\.1 405 (?:.|\r\n)*x-zidecar-error: connect_method/);
  });
});

describe('a request that follows a refused one', () => {
  it('on the same connection is never carried out', async (t) => {
    const orders = await RawServer.always(ok());
    const { app } = await house(t, { orders: [orders] });
    const { text } = await (await app()).write(te('gzip, chunked'), get('/smuggled')).rest();
    equal(text.match(/HTTP\/1\.1 \d{3}/g)?.length, 1);
    equal(orders.wires.length, 0);
  });

  it('that makes no sense is answered after the answer to the one before it', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.message();
      await clock.sleep(50);
      wire.write(ok());
    });
    const { app } = await house(t, { orders: [orders] });
    const { text } = await (await app()).write(get(), 'garbage\r\n\r\n').rest();
    match(text, /^HTTP\/1\.1 200 OK(?:.|\r\n)*okHTTP\/1\.1 400 Bad Request/);
  });

  it('after the app had said that it was the last is not carried out, and the answer before it comes whole', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.message();
      await clock.sleep(50);
      wire.write(ok());
    });
    const { app } = await house(t, { orders: [orders] });
    const { text } = await (await app()).write(get('/', 'Connection: close\r\n'), get('/2')).rest();
    match(text, /^HTTP\/1\.1 200 OK(?:.|\r\n)*\r\n\r\nok$/);
    equal(orders.wires.length, 1);
  });
});

describe('an answer that cannot be passed on', () => {
  const answer = (fields: string, body = 'ok'): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;
  const chunks = '2\r\nok\r\n0\r\n\r\n';
  const bad: Readonly<Record<string, string>> = {
    'no HTTP': 'hello world\r\n\r\n',
    'an old FTP server': '220 ready\r\n',
    'status 099': 'HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nok',
    'status 600': 'HTTP/1.1 600 X\r\nContent-Length: 2\r\n\r\nok',
    'a status of four digits': 'HTTP/1.1 2000 X\r\nContent-Length: 2\r\n\r\nok',
    'a 101 that nobody asked for': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
    'a 101 without an Upgrade': `HTTP/1.1 101 Switching Protocols\r\n\r\n${ok()}`,
    'no end of 103': 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100) + ok(),
    'a bare LF': 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
    'a bare CR in a value': answer('A: b\rc\r\nContent-Length: 2\r\n'),
    'a NUL in a value': answer('A: b\0c\r\nContent-Length: 2\r\n'),
    'a space before the colon': answer('A : b\r\nContent-Length: 2\r\n'),
    'a folded value': answer('A: b\r\n c\r\nContent-Length: 2\r\n'),
    'no colon': answer('Abc\r\nContent-Length: 2\r\n'),
    'no name': answer(': b\r\nContent-Length: 2\r\n'),
    'a name that is no token': answer('A(b): c\r\nContent-Length: 2\r\n'),
    'a bare CR in its reason': 'HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nok',
    'a NUL in its reason': 'HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\nok',
    'an empty coding': answer('Transfer-Encoding: \r\n', chunks),
    'a Content-Length and a Transfer-Encoding': answer('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', chunks),
    'the same the other way round': answer('Transfer-Encoding: chunked\r\nContent-Length: 2\r\n', chunks),
    'two lengths': answer('Content-Length: 2\r\nContent-Length: 2\r\n'),
    'a list of lengths': answer('Content-Length: 2, 2\r\n'),
    'a signed length': answer('Content-Length: +2\r\n'),
    'an empty length': answer('Content-Length: \r\n'),
    'a length that a double cannot hold': answer('Content-Length: 9223372036854775807\r\n'),
    'a coding before chunked': answer('Transfer-Encoding: gzip, chunked\r\n', chunks),
    'chunked twice': answer('Transfer-Encoding: chunked, chunked\r\n', chunks),
    'chunked in two fields': answer('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', chunks),
    'a head without end': `HTTP/1.1 200 OK\r\n${'A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(2_000)}`,
  };
  for (const [what, bytes] of Object.entries(bad))
    it(`is a 502 at once, and its connection is given up: ${what}`, async (t) => {
      const orders = await RawServer.always(bytes);
      const { app } = await house(t, { orders: [orders] }, { settings: { retries: 0 } });
      const wire = await app();
      let text = await wire.write(get()).message();
      while (text.startsWith('HTTP/1.1 103')) text = await wire.message();
      match(text, /^HTTP\/1\.1 502 (?:.|\r\n)*x-zidecar-error: bad_answer/);
      match(text, /"message":"orders: 127\.0\.0\.1:\d+ sent an answer that cannot be passed on: /);
      await orders.wires[0]!.gone();
      match(await wire.write(get()).head(), /^HTTP\/1\.1 (502|103)/, 'the connection of the app goes on');
    });

  const broken: Readonly<Record<string, string>> = {
    'a chunk size that is none': '2\r\nok\r\nzz\r\n',
    'a chunk size with a space': '2\r\nok\r\n2 \r\n',
    'a bare LF after a chunk size': '2\r\nok\r\n2\nok\r\n',
    'more data than the chunk has': '2\r\nok\r\n2\r\nokX0\r\n\r\n',
    'a chunk size beyond any': '2\r\nok\r\nfffffffffffffffff\r\n',
    'chunk extensions without end': `2\r\nok\r\n2;${'a'.repeat(400_000)}`,
    'chunk extensions of many small chunks': `2\r\nok\r\n${`1;${'a'.repeat(2_000)}\r\na\r\n`.repeat(200)}`,
    'a bare CR in a chunk extension': '2\r\nok\r\n2;a\rb\r\nok\r\n0\r\n\r\n',
    'a length in the trailers': '2\r\nok\r\n0\r\nContent-Length: 9\r\n\r\n',
  };
  for (const [what, bytes] of Object.entries(broken))
    it(`is cut where it breaks: ${what}`, async (t) => {
      const orders = await RawServer.always(answer('Transfer-Encoding: chunked\r\n', bytes));
      const { app, upstreams } = await house(t, { orders: [orders] });
      const { text } = await (await app()).write(get()).rest();
      equal(text.includes('\r\n0\r\n'), false, text);
      equal(upstreams.get('orders')!.stats.calls.get('cut'), 1);
    });

  it('is followed by bytes that nobody asked for: they go nowhere, and that connection is given up', async (t) => {
    const surplus = [
      ok() + ok('evil'),
      ok() + 'x',
      `HTTP/1.1 204 No Content\r\n\r\n${ok('evil')}`,
      `HTTP/1.1 304 Same\r\n\r\nevil`,
      `HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`, // to HEAD
    ];
    for (const bytes of surplus) {
      const orders = await RawServer.start(async (wire, nth) => {
        await wire.message();
        wire.write(nth === 0 ? bytes : ok('good'));
      });
      const { app } = await house(t, { orders: [orders] });
      const wire = await app();
      const request = bytes === surplus.at(-1) ? get().replace('GET', 'HEAD') : get();
      equal((await wire.write(request).head()).includes('evil'), false);
      await wire.bytes(bytes.startsWith(ok()) ? 2 : 0);
      equal(wire.unread, '');
      await orders.wires[0]!.gone();
      match(await wire.write(get()).message(), /good$/);
    }
  });

  it('comes while nobody waits for one: that connection is given up', async (t) => {
    const orders = await RawServer.start(async (wire, nth) => {
      await wire.message();
      wire.write(ok(`${nth}`));
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = await app();
    match(await wire.write(get()).message(), /0$/);
    orders.wires[0]!.write(ok('evil'));
    await orders.wires[0]!.gone();
    match(await wire.write(get()).message(), /1$/);
  });
});

describe('an answer that is cut', () => {
  const cuts: Readonly<Record<string, string>> = {
    'short of its length': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello',
    'short of its length, of a connection that was to close':
      'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhello',
    'before its last chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    'before its last chunk, of a connection that was to close':
      'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    'in the middle of a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello',
  };
  /** When the app has got that much. */
  const endedBehindHello = async (
    orders: RawServer,
    app: Wire,
    version: string,
    how: 'end' | 'reset',
  ): Promise<{ text: string; end: 'ended' | 'broken' }> => {
    const begun = await app.write(`GET / HTTP/${version}\r\n${host}\r\n`).until('hello');
    orders.wires[0]![how]();
    const { text, end } = await app.rest();
    return { text: begun + text, end };
  };
  for (const [what, bytes] of Object.entries(cuts))
    for (const how of ['end', 'reset'] as const)
      for (const version of ['1.1', '1.0'])
        it(`is seen as cut by an app of HTTP/${version}: ${what}, by ${how}`, async (t) => {
          const orders = await RawServer.start(async (wire) => {
            await wire.head();
            wire.write(bytes);
          });
          const { app, upstreams } = await house(t, { orders: [orders] });
          const { text, end } = await endedBehindHello(orders, await app(), version, how);
          match(text, /^HTTP\/1\.1 200 OK(?:.|\r\n)*hello/);
          const framed = /content-length: 10|transfer-encoding/i.test(text);
          deepEqual({ end: framed || end === 'broken', last: text.includes('\r\n0\r\n') }, { end: true, last: false });
          equal(upstreams.get('orders')!.stats.calls.get('cut'), 1);
        });

  it('by a reset, where only the end of the connection ends it, is no clean end', async (t) => {
    for (const version of ['1.1', '1.0']) {
      const orders = await RawServer.start(async (wire) => {
        await wire.head();
        wire.write('HTTP/1.1 200 OK\r\n\r\nhello');
      });
      const { app } = await house(t, { orders: [orders] });
      const { text, end } = await endedBehindHello(orders, await app(), version, 'reset');
      equal(version === '1.1' ? text.includes('\r\n0\r\n') : end === 'ended', false);
    }
  });

  it('by a reset right behind its bytes, where only the end of the connection ends it, is no clean end either', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write('HTTP/1.1 200 OK\r\n\r\nhello').reset();
    });
    const { app, upstreams } = await house(t, { orders: [orders] });
    for (const version of ['1.1', '1.0']) {
      const { text, end } = await (await app()).write(`GET / HTTP/${version}\r\n${host}Connection: close\r\n\r\n`).rest();
      equal(version === '1.1' ? text.includes('\r\n0\r\n') : end === 'ended', false);
    }
    equal(upstreams.get('orders')!.stats.calls.get('cut'), 2);
  });

  it('while the app does not read is cut when the app reads on, and the process lives', async (t) => {
    for (const close of ['', 'Connection: close\r\n'])
      for (const how of ['end', 'reset'] as const) {
        const orders = await RawServer.start(async (wire) => {
          if ((await wire.head()).includes('/after')) return void wire.write(ok());
          wire.write(`HTTP/1.1 200 OK\r\n${close}Content-Length: 64000000\r\n\r\n`);
          wire.socket.write(Buffer.alloc(32 * 1024 * 1024, 'x'));
          clock.after(200, () => void wire[how]());
        });
        const { app, ask } = await house(t, { orders: [orders] });
        const wire = (await app()).write(get());
        await wire.head();
        wire.socket.pause();
        if (how === 'reset') await orders.wires[0]!.gone();
        else await eventually(() => orders.wires[0]!.socket.writableEnded);
        wire.socket.resume();
        equal((await wire.rest()).text.length < 64_000_000, true);
        match(await ask(get('/after')), /200 OK/);
      }
  });
});
