/** Plain exchanges through the full lane: what an endpoint gets of a request, and what the app gets of an answer. */
import { deepEqual, doesNotMatch, equal, match, ok as isTrue } from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FakeClock } from '../../support/clock.js';
import { RawServer, type Wire } from '../../support/raw.js';
import { eventually, get, house, ok, standing } from './house.js';

/** An endpoint that tells what it got and answers with it. */
const echoing = async (heads: string[]): Promise<RawServer> =>
  RawServer.start(async (wire) => {
    for (;;) {
      heads.push(await wire.message());
      wire.write(ok());
    }
  });

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Bytes that something still holds. */
const memory = (): number => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

describe('a request of the app', () => {
  it('keeps the case, order and duplicates of its fields, and its path byte for byte', async (t) => {
    const heads: string[] = [];
    const { ask } = await house(t, { orders: [await echoing(heads)] });
    await ask(
      get('/a//b/../%2f?q=%20"&r', 'X-One: 1\r\nx-two: \xe9\r\nX-ONE: 3\r\nx-request-id: id-1\r\nAccept: a\r\nAccept: b\r\n'),
    );
    const lines = heads[0]!.replace('host: ', 'Host: ').split('\r\n'); // undici's spelling
    equal(lines[0], 'GET /a//b/../%2f?q=%20"&r HTTP/1.1');
    const passed = lines.filter((line) => /^(x-one|x-two|x-request-id|accept|via|host):/i.test(line));
    deepEqual(passed, [
      ...['Host: orders', 'X-One: 1', 'x-two: \xe9', 'X-ONE: 3', 'x-request-id: id-1', 'Accept: a', 'Accept: b'],
      'via: 1.1 zidecar-test',
    ]);
  });

  it('loses what belongs to its connection only', async (t) => {
    const heads: string[] = [];
    const { ask } = await house(t, { orders: [await echoing(heads)] });
    await ask(
      get('/', 'Connection: x-mine, keep-alive\r\nKeep-Alive: timeout=9\r\nX-Mine: 1\r\nTE: trailers\r\nProxy-Connection: a\r\n'),
    );
    doesNotMatch(heads[0]!, /x-mine|timeout=9|trailers|proxy-connection/i);
    doesNotMatch(heads[0]!, /\r\nconnection: (?!keep-alive\r\n)/i);
  });

  it('without a body is sent without framing fields', async (t) => {
    const heads: string[] = [];
    const { ask } = await house(t, { orders: [await echoing(heads)] });
    for (const method of ['GET', 'DELETE', 'OPTIONS', 'PURGE']) await ask(`${method} / HTTP/1.1\r\nHost: orders\r\n\r\n`);
    for (const head of heads) doesNotMatch(head, /content-length|transfer-encoding/i);
  });

  it('with a length is sent with that length, whatever the method', async (t) => {
    const heads: string[] = [];
    const { ask } = await house(t, { orders: [await echoing(heads)] });
    for (const method of ['POST', 'GET', 'DELETE', 'PUT'])
      await ask(`${method} / HTTP/1.1\r\nHost: orders\r\nContent-Length: 5\r\n\r\nhello`);
    for (const head of heads) match(head, /content-length: 5\r\n(?:.*\r\n)*\r\nhello$/i);
  });

  it('in chunks is sent in chunks, without its extensions and trailers', async (t) => {
    const got: string[] = [];
    const orders = await RawServer.start(async (wire) => {
      got.push(await wire.until('0\r\n\r\n'));
      wire.write(ok());
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = await app();
    wire.write('POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: Chunked\r\nTrailer: x-t\r\n\r\n3;ext=1\r\nabc\r\n');
    wire.write('2\r\nde\r\n0\r\nX-T: 1\r\nX-Forwarded-For: evil\r\n\r\n');
    match(await wire.message(), / 200 OK/);
    match(got[0]!, /\r\ntransfer-encoding: chunked\r\n/);
    doesNotMatch(got[0]!, /ext=1|x-t|evil/i);
    equal(got[0]!.slice(got[0]!.indexOf('\r\n\r\n')).replace(/[0-9]*\r\n/g, ''), 'abcde');
  });

  it('that waits with its body is told to go on, once, when an endpoint is there, and its Expect stays here', async (t) => {
    const heads: string[] = [];
    const { app } = await house(t, { orders: [await echoing(heads)] });
    const wire = await app();
    wire.write('POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
    equal(await wire.head(), 'HTTP/1.1 100 Continue\r\n\r\n');
    match(await wire.write('hello').message(), /^HTTP\/1\.1 200 OK/);
    doesNotMatch(heads[0]!, /expect/i);
    match(heads[0]!, /hello$/);
  });

  it('that waits with its body and cannot be served is refused, and its connection ends', async (t) => {
    const { app } = await house(t, { orders: [] });
    const wire = await app();
    wire.write('POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
    const answer = await wire.message();
    match(answer, /^HTTP\/1\.1 503 .*\r\n/);
    match(answer, /x-zidecar-error: no_endpoints/);
    match(answer, /connection: close/i);
    equal((await wire.rest()).text, '');
  });

  it('of HTTP/1.0 is answered without chunks, and its connection ends', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n');
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = await app();
    const { text, end } = await wire.write('GET / HTTP/1.0\r\nHost: orders\r\n\r\n').rest();
    match(text, /\r\n\r\nabcde$/);
    doesNotMatch(text, /transfer-encoding/i);
    equal(end, 'ended');
  });

  it('of HTTP/1.0 that asks to keep its connection keeps it', async (t) => {
    const { app } = await house(t, { orders: [await RawServer.always(ok())] });
    const wire = await app();
    for (let n = 0; n < 3; n++)
      match(
        await wire.write('GET / HTTP/1.0\r\nHost: orders\r\nConnection: Keep-Alive\r\n\r\n').message(),
        /200 OK(?:.|\r\n)*keep-alive/i,
      );
  });

  it('of HTTP/1.0 without Host is refused in words', async (t) => {
    const { app } = await house(t, {});
    const wire = await app();
    match((await wire.write('GET / HTTP/1.0\r\n\r\n').rest()).text, /404 .*\r\n(?:.*\r\n)*x-zidecar-error: unknown_upstream/);
  });
});

describe('a TRACE', () => {
  it('that may go no further is answered with itself, without its secrets, and no endpoint hears of it', async (t) => {
    const heads: string[] = [];
    const { ask, proxy, facts } = await house(t, { orders: [await echoing(heads)] }, { proxy: { accessLog: true } });
    const secrets = 'Authorization: Basic eDp5\r\nCOOKIE: a=b\r\nProxy-Authorization: x\r\n';
    const answer = await ask(`TRACE /a%20b HTTP/1.1\r\nHost: orders\r\n${secrets}X-A:  \xe9 \r\nMax-Forwards: 0\r\n\r\n`);
    match(answer, /^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*content-type: message\/http\r\n/);
    const [, ...body] = answer.split('\r\n\r\n');
    equal(body.join('\r\n\r\n'), 'TRACE /a%20b HTTP/1.1\r\nHost: orders\r\nX-A: \xe9\r\nMax-Forwards: 0\r\n\r\n');
    deepEqual(heads, []);
    equal(proxy.strays.calls.get('2xx'), 1);
    equal(facts.filter(({ kind }) => kind === 'call_ended').length, 1);
  });
});

describe('an answer of an endpoint', () => {
  const answered = async (t: Parameters<typeof house>[0], answer: string, request = get()): Promise<Wire> => {
    const orders = await RawServer.start(async (wire) => {
      for (;;) {
        await wire.message();
        wire.write(answer);
      }
    });
    const { app } = await house(t, { orders: [orders] });
    return (await app()).write(request);
  };

  it('keeps its status, its reason, and the case, order and duplicates of its fields', async (t) => {
    const fields = 'X-b: 1\r\nx-A: 2\r\nX-B: 3\r\nSet-Cookie: a\r\nset-cookie: b\r\nDate: x\r\nServer: \xe9\r\n';
    const wire = await answered(t, `HTTP/1.1 299 Fine by me\r\n${fields}Content-Length: 2\r\n\r\nok`);
    const answer = await wire.message();
    equal(answer.slice(0, answer.indexOf('via')), `HTTP/1.1 299 Fine by me\r\n${fields}Content-Length: 2\r\n`);
    match(answer, /via: 1\.1 zidecar-test\r\n(?:.*\r\n)*\r\nok$/);
  });

  for (const reason of ['OK\xff', 'Gr\xc3\xbc\xc3\x9fe', '\x80', ' two spaces \t', ''])
    it(`keeps the bytes of its reason, whatever they mean, and of a 103 before it: ${JSON.stringify(reason)}`, async (t) => {
      const wire = await answered(t, `HTTP/1.1 103 ${reason}\r\n\r\nHTTP/1.1 200 ${reason}\r\nContent-Length: 0\r\n\r\n`);
      deepEqual(
        [(await wire.head()).split('\r\n')[0], (await wire.head()).split('\r\n')[0]],
        [`HTTP/1.1 103 ${reason}`, `HTTP/1.1 200 ${reason}`],
      );
    });

  it('loses what belongs to its connection only, and an x-zidecar-error that is not ours', async (t) => {
    const more = 'Connection: close, x-mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=77\r\nx-zidecar-error: reset\r\nUpgrade: h2c\r\n';
    const answer = await (await answered(t, ok('ok', more))).message();
    doesNotMatch(answer, /x-mine|timeout=77|x-zidecar-error|h2c|close/i);
  });

  it('in chunks comes in chunks, and its trailers with it', async (t) => {
    const wire = await answered(
      t,
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\nHost: x\r\n\r\n',
    );
    match(await wire.head(), /\r\nTransfer-Encoding: chunked\r\n/);
    equal(await wire.until('\r\n\r\n'), '3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n');
  });

  it('that ends with its connection comes whole, and the connection of the app goes on', async (t) => {
    const orders = await RawServer.start(async (wire, nth) => {
      await wire.head();
      wire.write(`HTTP/1.${nth} 200 OK\r\n\r\nall there is`).end();
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = await app();
    for (let nth = 0; nth < 2; nth++) {
      await wire.write(get()).head();
      equal(await wire.until('0\r\n\r\n'), 'c\r\nall there is\r\n0\r\n\r\n');
    }
  });

  it('to HEAD, 204 and 304 has no body, whatever its fields say', async (t) => {
    const head = await answered(t, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'HEAD / HTTP/1.1\r\nHost: orders\r\n\r\n');
    match(await head.head(), /200 OK\r\nContent-Length: 5\r\n/);
    const none = await answered(t, 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', get() + get());
    doesNotMatch((await none.head()) + (await none.head()), /content-length|transfer-encoding/i);
    const same = await answered(t, 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n', get() + get());
    match((await same.head()) + (await same.head()), /Content-Length: 5(?:.|\r\n)*Content-Length: 5/);
    deepEqual([head.unread, none.unread, same.unread], ['', '', '']);
  });

  it('is preceded by what the endpoint has to say first: 102 and 103 pass, a 100 that nobody asked for does not', async (t) => {
    const first =
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\nConnection: x\r\nX: 1\r\n\r\n';
    const wire = await answered(t, first + ok());
    equal(await wire.head(), 'HTTP/1.1 102 Processing\r\n\r\n');
    equal(await wire.head(), 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
    match(await wire.message(), /^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*\r\nok$/);
  });

  it('is not preceded by anything for HTTP/1.0', async (t) => {
    const wire = await answered(
      t,
      `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok()}`,
      'GET / HTTP/1.0\r\nHost: orders\r\n\r\n',
    );
    match((await wire.rest()).text, /^HTTP\/1\.1 200 OK/);
  });

  it('before the request has ended is passed on, and that connection to the endpoint is not used again', async (t) => {
    const orders = await RawServer.start(async (wire, nth) => {
      await wire.head();
      wire.write(nth === 0 ? 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno' : ok());
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = await app();
    wire.write('POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 10\r\n\r\nhello');
    match(await wire.message(), /^HTTP\/1\.1 413 (?:.|\r\n)*no$/);
    await orders.wires[0]!.gone();
    match(await wire.write('world', get()).message(), /^HTTP\/1\.1 200 OK/);
    equal(orders.wires.length, 2);
  });
});

describe('connections', () => {
  it('to an endpoint are kept and used again', async (t) => {
    const orders = await RawServer.always(ok());
    const { app } = await house(t, { orders: [orders] });
    const wire = await app();
    for (let n = 0; n < 5; n++) match(await wire.write(get()).message(), /200 OK/);
    equal(orders.wires.length, 1);
  });

  it('to an endpoint that left the list are closed: an idle one at once, a busy one when its exchange has ended', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      for (;;) {
        if ((await wire.message()).includes('/slow')) await wire.until('go on');
        wire.write(ok());
      }
    });
    const { app, upstreams } = await house(t, { orders: [orders] });
    const [busy, quick] = [await app(), await app()];
    busy.write(get('/slow'));
    await eventually(() => orders.wires.length === 1);
    await quick.write(get()).message();
    equal(orders.wires.length, 2);
    upstreams.get('orders')!.update([]);
    await orders.wires[1]!.gone();
    match(await quick.write(get()).message(), /x-zidecar-error: no_endpoints/);
    orders.wires[0]!.socket.emit('data', Buffer.from('go on'));
    match(await busy.message(), /200 OK/);
    await orders.wires[0]!.gone();
  });

  it('carry pipelined requests one after the other, and their answers in order', async (t) => {
    let [now, most] = [0, 0];
    const orders = await RawServer.start(async (wire) => {
      for (;;) {
        const [, path] = (await wire.message()).split(' ');
        most = Math.max(most, ++now);
        await new Promise((resolve) => setTimeout(resolve, path === '/1' ? 50 : 1));
        now--;
        wire.write(ok(path));
      }
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = (await app()).write(get('/1'), 'POST /2 HTTP/1.1\r\nHost: orders\r\nContent-Length: 3\r\n\r\nabc', get('/3'));
    for (const path of ['/1', '/2', '/3']) match(await wire.message(), new RegExp(`${path}$`));
    equal(most, 1);
  });

  it('over which requests pour in read no more of them than one read brings, until they are answered', async (t) => {
    const orders = await RawServer.start(() => undefined);
    const { app, proxy } = await house(t, { orders: [orders] });
    const wire = await app();
    const flood = Buffer.from(get().repeat(300_000));
    wire.socket.write(flood);
    await eventually(() => proxy.quiet().calls === 1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    equal(wire.socket.writableLength > flood.length / 4, true, `${wire.socket.writableLength} bytes are left`);
    await eventually(() => orders.wires.length === 1);
    wire.reset();
  });

  it('over which requests pour in keeps most of them as the bytes that they are, not as objects of node', async (t) => {
    let made = 0;
    const counts = (): void => {
      made++;
    };
    subscribe('http.server.request.start', counts);
    t.after(() => unsubscribe('http.server.request.start', counts));
    const orders = await RawServer.start(() => undefined);
    const { app, proxy } = await house(t, { orders: [orders] });
    const wire = await app();
    wire.write(`POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${get().repeat(3_000)}`);
    await eventually(() => proxy.quiet().calls === 1 && orders.wires.length === 1);
    await eventually(() => made > 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    isTrue(made <= 65, `${made} of 3,000 requests were made`);
    wire.reset();
  });

  it('over which requests pour in behind a chunked upload carry that upload, and read no more of them than one read brings', async (t) => {
    const upload = 'POST /2 HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
    let uploaded: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (uploaded = resolve));
    const orders = await RawServer.start(async (wire) => {
      for (;;) {
        const head = await wire.head();
        if (head.startsWith('GET /1 ')) wire.write(ok('one'));
        else if (head.startsWith('POST /2 ')) {
          await wire.until('0\r\n\r\n');
          await answered;
          wire.write(ok('two'));
        } else return;
      }
    });
    const { app } = await house(t, { orders: [orders] });
    let parsed = 0;
    const count = (): void => {
      parsed++;
    };
    subscribe('http.server.request.start', count);
    t.after(() => unsubscribe('http.server.request.start', count));
    const wire = await app();
    wire.socket.write(get('/1') + upload + get('/never').repeat(100_000));
    match(await wire.message(), /one$/);
    await new Promise((resolve) => setTimeout(resolve, 200));
    uploaded();
    match(await wire.message(), /^HTTP\/1\.1 200 OK(?:.|\r\n)*two$/);
    isTrue(parsed < 10_000, `${parsed} requests were read of 100,000`);
    wire.reset();
  });

  it('over which requests pour in behind an upload that waits for its endpoint read no more of them either', async (t) => {
    const orders = await RawServer.start(() => undefined);
    const { app, proxy } = await house(t, { orders: [orders] });
    const wire = await app();
    const size = 48 * 1024; // of which node cannot pass on all at once
    const upload = `POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n${'x'.repeat(size)}\r\n0\r\n\r\n`;
    const flood = Buffer.from(upload + get().repeat(300_000));
    wire.socket.write(flood);
    await eventually(() => proxy.quiet().calls === 1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    equal(wire.socket.writableLength > flood.length / 4, true, `${wire.socket.writableLength} bytes are left`);
    wire.reset();
  });

  it('of which the app asked for the last answer end after it', async (t) => {
    const { app } = await house(t, { orders: [await RawServer.always(ok())] });
    const { text, end } = await (await app()).write(get('/', 'Connection: close\r\n')).rest();
    match(text, /connection: close/i);
    equal(end, 'ended');
  });
});

describe('back pressure', () => {
  it('of apps that do not read their answers of 1 GB each keeps them out of memory', async (t) => {
    const [readers, part] = [8, Buffer.alloc(64 * 1024, 'x')];
    let sent = 0;
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
      for (; wire.socket.writable; sent += part.length)
        if (!wire.socket.write(part)) await Promise.race([once(wire.socket, 'drain'), wire.gone()]);
    });
    const { app } = await house(t, { orders: [orders] });
    const before = memory();
    const wires: Wire[] = [];
    for (let n = 0; n < readers; n++) {
      wires.push(await app());
      wires[n]!.write(get()).socket.pause();
    }
    let [seen, same] = [0, 0];
    await eventually(() => {
      same = sent === seen && sent > 0 ? same + 1 : 0;
      seen = sent;
      return same > 20;
    });
    // buffers that nobody holds are given back beside the collector, not by it
    await eventually(() => (memory() - before) / readers < 1024 * 1024);
    equal(sent < (readers * 1_000_000_000) / 4, true);
    for (const { socket } of wires) socket.destroy();
  });

  it('of an app that reads slowly reaches the endpoint: the answer is not piled up', async (t) => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const total = 64 * 1024 * 1024;
    let written = 0;
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      for (; written < total; written += chunk.length)
        if (!wire.socket.write(chunk)) await new Promise((resolve) => wire.socket.once('drain', resolve));
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = (await app()).write(get());
    await wire.head();
    wire.socket.pause();
    await eventually(() => written > 0);
    const stalled = await standing(() => written);
    wire.socket.resume();
    let came = wire.unread.length;
    wire.socket.removeAllListeners('data').on('data', (part: Buffer) => (came += part.length));
    await eventually(() => came >= total);
    equal(came, total);
    equal(stalled < total / 2, true, `the endpoint got rid of ${stalled} bytes while the app read nothing`);
  });

  it('of an endpoint that reads slowly reaches the app: the request is not piled up', async (t) => {
    const total = 64 * 1024 * 1024;
    let go: () => void = () => undefined;
    const reads = new Promise<void>((resolve) => (go = resolve));
    let came = 0;
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.socket.pause();
      await reads;
      came += wire.unread.length;
      wire.socket.removeAllListeners('data').on('data', (part: Buffer) => (came += part.length));
      wire.socket.resume();
      await eventually(() => came >= total);
      wire.write(ok());
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = (await app()).write(`PUT / HTTP/1.1\r\nHost: orders\r\nContent-Length: ${total}\r\n\r\n`);
    const chunk = Buffer.alloc(64 * 1024, 'x');
    let written = 0;
    const upload = (async () => {
      for (; written < total; written += chunk.length)
        if (!wire.socket.write(chunk)) await new Promise((resolve) => wire.socket.once('drain', resolve));
    })();
    await eventually(() => written > 0);
    const stalled = await standing(() => written);
    go();
    await upload;
    match(await wire.message(), /200 OK/);
    equal(came, total);
    equal(stalled < total / 2, true, `the app got rid of ${stalled} bytes while the endpoint read nothing`);
  });
});

describe('the last answer of a connection', () => {
  it('is not taken from an app that still sends behind it', async (t) => {
    const { app, proxy } = await house(t, { orders: [await RawServer.always(ok('well'))] }, { clock: new FakeClock() });
    proxy.drain();
    const wire = (await app()).write(get());
    const { text, end } = await wire.rest();
    match(text, /^HTTP\/1\.1 200 OK(?:.|\r\n)*connection: close(?:.|\r\n)*well$/i);
    equal(end, 'ended');
    for (let n = 0; n < 3; n++) {
      const failed = await new Promise((resolve) => wire.socket.write('and more', resolve));
      equal(failed ?? undefined, undefined);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
});
