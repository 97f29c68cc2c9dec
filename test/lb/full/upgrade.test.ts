/** Upgrades through the full lane: tunnels for websockets, plain service for everything else that asks for an upgrade. */
import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { RawServer, type Wire } from '../../support/raw.js';
import { clock } from '../../support/running-clock.js';
import { dead, eventually, get, handshake, house, ok, switching, type House } from './house.js';

/** Switches, and sends back what comes. */
const echoing = (heads: string[] = []): Promise<RawServer> =>
  RawServer.start(async (wire) => {
    heads.push(await wire.head());
    wire.write(switching());
    const early = wire.unread;
    wire.write(early);
    wire.socket.on('data', (chunk: Buffer) => wire.socket.write(chunk));
    wire.socket.on('end', () => wire.end());
  });

/** A server frame of RFC 6455. */
const frame = (opcode: number, payload: Buffer): Buffer => {
  const length = Buffer.alloc(10);
  length[0] = 0x80 | opcode;
  if (payload.length < 126) {
    length[1] = payload.length;
    return Buffer.concat([length.subarray(0, 2), payload]);
  }
  length[1] = 127;
  length.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([length, payload]);
};

const opened = async (t: TestContext, orders: RawServer, options: Parameters<typeof house>[2] = {}): Promise<[Wire, House]> => {
  const built = await house(t, { orders: [orders] }, options);
  const wire = (await built.app()).write(handshake());
  match(await wire.head(), /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  return [wire, built];
};

describe('a websocket', () => {
  it('is opened with the fields of the app and of the endpoint as they came, but for those of one connection', async (t) => {
    const heads: string[] = [];
    const orders = await RawServer.start(async (wire) => {
      heads.push(await wire.head());
      wire.write(switching('X-b: 1\r\nx-A: 2\r\nX-B: 3\r\nSet-Cookie: a\r\nset-cookie: b\r\nKeep-Alive: 7\r\n__proto__: p\r\n'));
    });
    const { app } = await house(t, { orders: [orders] });
    const more =
      'X-One: 1\r\nx-two: \xe9\r\nX-ONE: 3\r\nKeep-Alive: 5\r\nCookie: a\r\nCookie: b\r\nSec-WebSocket-Extensions: permessage-deflate\r\n';
    const answer = await (await app()).write(handshake(more, '/a//b/../%2f?q=//c')).head();
    const lines = heads[0]!.split('\r\n');
    equal(lines[0], 'GET /a//b/../%2f?q=//c HTTP/1.1');
    deepEqual(
      lines.slice(1).filter((line) => !/^(x-request-id|$)/.test(line)),
      [
        ...['Host: orders', 'Sec-WebSocket-Key: dGhlIHNhbXBsZQ==', 'X-One: 1', 'X-One: 3', 'x-two: \xe9', 'Cookie: a; b'],
        ...['Sec-WebSocket-Extensions: permessage-deflate', 'Connection: Upgrade', 'Upgrade: websocket', 'via: 1.1 zidecar-test'],
      ],
    );
    deepEqual(answer.split('\r\n').slice(1, -2), [
      ...['Sec-WebSocket-Accept: x=', 'X-b: 1', 'X-b: 3', 'x-A: 2', 'Set-Cookie: a', 'Set-Cookie: b', '__proto__: p'],
      ...['Connection: Upgrade', 'Upgrade: websocket', 'via: 1.1 zidecar-test'],
    ]);
  });

  it('carries frames of a megabyte in both directions, and the code of its end', async (t) => {
    const [wire] = await opened(t, await echoing());
    for (let n = 0; n < 8; n++) {
      const big = frame(2, randomBytes(1024 * 1024));
      wire.write(big);
      equal((await wire.bytes(big.length)) === big.toString('latin1'), true);
    }
    const end = frame(8, Buffer.from([0x03, 0xe9, 0x62, 0x79, 0x65]));
    const { text } = await wire.write(end).end().rest();
    equal(text, end.toString('latin1'));
  });

  it('loses nothing of what either side sends early', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(`${switching()}early from the endpoint`);
      wire.write(`; got: ${await wire.until('early from the app')}`);
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = (await app()).write(`${handshake()}early from the app`);
    await wire.head();
    equal(await wire.until('from the app'), 'early from the endpoint; got: early from the app');
  });

  it('is a call whose lease lasts until both sides are closed, and one success for the circuit', async (t) => {
    const [wire, { upstreams, proxy }] = await opened(t, await echoing());
    const { stats } = upstreams.get('orders')!;
    deepEqual([stats.inFlight, proxy.quiet().calls, [...stats.calls]], [1, 1, [['1xx', 1]]]);
    await wire.end().rest();
    await eventually(() => stats.inFlight === 0 && proxy.quiet().calls === 0 && proxy.quiet().connections === 0);
    deepEqual([...stats.calls], [['1xx', 1]]);
  });

  it('may be ended by the endpoint while the app still speaks', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(switching(), 'bye').end();
    });
    const [wire] = await opened(t, orders);
    equal((await wire.rest()).text, 'bye');
    wire.write('still here').end();
    equal((await orders.wires[0]!.rest()).text, 'still here');
  });

  it('may be ended by the app while the endpoint still speaks', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(switching());
      const { text } = await wire.rest();
      wire.write(`heard ${text.length}`).end();
    });
    const [wire] = await opened(t, orders);
    equal((await wire.write('x'.repeat(300_000)).end().rest()).text, 'heard 300000');
  });

  for (const side of ['app', 'endpoint'] as const)
    it(`is over for both when one breaks: the ${side}`, async (t) => {
      const orders = await echoing();
      const [wire, { proxy }] = await opened(t, orders);
      await wire.write('ping').bytes(4);
      const [breaks, hears] = side === 'app' ? [wire, orders.wires[0]!] : [orders.wires[0]!, wire];
      breaks.reset();
      equal((await hears.rest()).end, 'broken');
      await eventually(() => proxy.quiet().connections === 0);
    });

  it('that is silent for too long is over, and one that is not goes on', async (t) => {
    const orders = await echoing();
    const [wire] = await opened(t, orders, { settings: { tunnelIdleTimeoutMs: 1_500, bodyTimeoutMs: 50 } });
    for (let n = 0; n < 8; n++) {
      await wire.write('ping').bytes(4);
      await clock.sleep(300);
    }
    await wire.gone();
    await orders.wires[0]!.gone();
  });

  it('goes to another endpoint when one cannot be reached, early bytes and all', async (t) => {
    const { app } = await house(t, { orders: [await dead('a'), await echoing()] });
    for (let n = 0; n < 2; n++) {
      const wire = (await app()).write(`${handshake()}early`);
      match(await wire.head(), /^HTTP\/1\.1 101 /);
      equal(await wire.bytes(5), 'early');
    }
  });

  it('that no endpoint can be reached for is refused in words', async (t) => {
    const { app, upstreams } = await house(t, { orders: [await dead('a')] });
    const { text } = await (await app()).write(handshake()).rest();
    match(text, /^HTTP\/1\.1 502 (?:.|\r\n)*x-zidecar-error: connect_refused(?:.|\r\n)*connection: close/i);
    equal(upstreams.get('orders')!.stats.inFlight, 0);
  });

  it('is never asked for twice', async (t) => {
    let asked = 0;
    const breaking = (): Promise<RawServer> =>
      RawServer.start(async (wire) => {
        await wire.head();
        asked++;
        wire.reset();
      });
    const { app } = await house(t, { orders: [await breaking(), await breaking()] });
    match((await (await app()).write(handshake()).rest()).text, /^HTTP\/1\.1 502 (?:.|\r\n)*x-zidecar-error: reset/);
    equal(asked, 1);
  });

  it('that is not answered in time is refused', async (t) => {
    const orders = await RawServer.start(() => undefined);
    const { app } = await house(t, { orders: [orders] }, { settings: { responseTimeoutMs: 50 } });
    match((await (await app()).write(handshake()).rest()).text, /^HTTP\/1\.1 504 (?:.|\r\n)*x-zidecar-error: response_timeout/);
    await orders.wires[0]!.gone();
  });

  it('whose app goes away before the answer is given up', async (t) => {
    const orders = await RawServer.start(() => undefined);
    const { app, proxy } = await house(t, { orders: [orders] });
    const wire = (await app()).write(handshake());
    await eventually(() => (orders.wires[0]?.unread.length ?? 0) > 0);
    wire.reset();
    await orders.wires[0]!.gone();
    await eventually(() => proxy.quiet().calls === 0);
  });
});

describe('an endpoint that does not switch', () => {
  const answers: Readonly<Record<string, [string, RegExp]>> = {
    'with a length': [
      'HTTP/1.1 403 Forbidden\r\nX-Why: a\r\nContent-Length: 2\r\n\r\nno',
      /^HTTP\/1\.1 403 Forbidden\r\nX-Why: a\r\nContent-Length: 2\r\n(?:.|\r\n)*\r\n\r\nno$/,
    ],
    'in chunks': [
      'HTTP/1.1 401 Who\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
      /^HTTP\/1\.1 401 Who\r\n(?:.|\r\n)*\r\n\r\n2\r\nno\r\n0\r\n\r\n$/,
    ],
    'without a body': ['HTTP/1.1 204 No Content\r\n\r\n', /^HTTP\/1\.1 204 No Content\r\n(?:.|\r\n)*\r\n\r\n$/],
    large: [
      `HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`,
      /^HTTP\/1\.1 200 OK\r\n(?:.|\r\n)*x{1000}$/,
    ],
  };
  for (const [what, [answer, expected]] of Object.entries(answers))
    it(`has its answer passed on as to a plain request, and the connection ends: ${what}`, async (t) => {
      const orders = await RawServer.start(async (wire) => {
        await wire.head();
        wire.write(answer);
      });
      const { app, upstreams, proxy } = await house(t, { orders: [orders] });
      const { text } = await (await app()).write(handshake()).rest();
      match(text, expected);
      match(text, /\r\nconnection: close\r\n/i);
      await orders.wires[0]!.gone();
      await eventually(() => proxy.quiet().calls === 0);
      equal(upstreams.get('orders')!.stats.inFlight, 0);
    });

  it('has what it says first passed on: 103 passes, a 100 that nobody asked for does not', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${switching()}`);
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = (await app()).write(handshake());
    equal(await wire.head(), 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
    match(await wire.head(), /^HTTP\/1\.1 101 /);
  });

  it('may have a head as large as one may be', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(switching(`X-Large: ${'x'.repeat(40_000)}\r\n`));
    });
    const { app } = await house(t, { orders: [orders] }, { proxy: { maxHeadBytes: 64 * 1024 } });
    match(await (await app()).write(handshake()).head(), /^HTTP\/1\.1 101 (?:.|\r\n)*X-Large: x{40000}\r\n/);
  });

  it('has all of its fields passed on, however many they are', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(switching(Array.from({ length: 3_000 }, (_, n) => `X-${n}: 1\r\n`).join('')));
    });
    const { app } = await house(t, { orders: [orders] }, { proxy: { maxHeadBytes: 64 * 1024 } });
    match(await (await app()).write(handshake()).head(), /^HTTP\/1\.1 101 (?:.|\r\n)*X-2999: 1\r\n/);
  });

  const bad: Readonly<Record<string, [string, string]>> = {
    'has a head that is too large': [switching(`X-Large: ${'x'.repeat(12_000)}\r\n`), 'bad_answer'],
    'sends no end of 103': ['HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100) + switching(), 'bad_answer'],
    'switches to something else': ['HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n', 'bad_upgrade'],
    'switches without saying to what': ['HTTP/1.1 101 Switching\r\n\r\n', 'bad_answer'],
    'speaks no HTTP': ['hello\r\n\r\n', 'bad_answer'],
    'frames its answer twice': ['HTTP/1.1 403 No\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nno', 'bad_answer'],
  };
  for (const [what, [answer, code]] of Object.entries(bad))
    it(`is a 502: it ${what}`, async (t) => {
      const orders = await RawServer.start(async (wire) => {
        await wire.head();
        wire.write(answer);
      });
      const { app } = await house(t, { orders: [orders] }, { proxy: { maxHeadBytes: 8 * 1024 } });
      const { text } = await (await app()).write(handshake()).rest();
      match(text, new RegExp(`^(?:HTTP/1\\.1 103 .*\\r\\n\\r\\n)*HTTP/1\\.1 502 (?:.|\\r\\n)*x-zidecar-error: ${code}`));
      await orders.wires[0]!.gone();
    });
});

describe('an upgrade to anything else', () => {
  const plain = async (t: TestContext, request: string): Promise<string> => {
    const heads: string[] = [];
    const orders = await RawServer.start(async (wire) => {
      for (;;) {
        heads.push(await wire.message());
        wire.write(ok());
      }
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = (await app()).write(request);
    match(await wire.message(), /^HTTP\/1\.1 200 OK\r\n/);
    match(await wire.write(get()).message(), /^HTTP\/1\.1 200 OK\r\n/, 'the connection goes on');
    doesNotMatch(heads[0]!, /upgrade|h2c|http2-settings/i);
    return heads[0]!;
  };
  const h2c = 'Connection: Upgrade, HTTP2-Settings, x-mine\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n';

  it('is served as a plain request: h2c as Java and curl offer it', async (t) => {
    const head = await plain(t, get('/a?b', `${h2c}User-Agent: Java-http-client/21\r\nX-Mine: 1\r\n`));
    match(head, /^GET \/a\?b HTTP\/1\.1\r\n(?:.|\r\n)*User-Agent: Java-http-client\/21/);
    doesNotMatch(head, /x-mine/i);
  });

  it('is served with its body, however that comes', async (t) => {
    const head = `POST / HTTP/1.1\r\nHost: orders\r\n${h2c}`;
    match(await plain(t, `${head}Content-Length: 5\r\n\r\nhello`), /\r\n\r\nhello$/);
    const orders = await RawServer.start(async (wire) => {
      wire.write(ok((await wire.until('\r\n0\r\n\r\n')).split('\r\n\r\n')[1]!.replace(/\d*\r\n/g, '')));
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = (await app()).write(`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`);
    await clock.sleep(50);
    match(await wire.write('lo\r\n5\r\nworld\r\n0\r\n\r\n').message(), /helloworld/);
  });

  it('is served as a plain request: to websocket by POST, by HTTP/1.0, or among others', async (t) => {
    const websocket = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    await plain(t, `POST / HTTP/1.1\r\nHost: orders\r\n${websocket}Content-Length: 2\r\n\r\nab`);
    await plain(t, get('/', 'Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n'));
    const { app } = await house(t, { orders: [await RawServer.always(ok())] });
    match((await (await app()).write(`GET / HTTP/1.0\r\nHost: orders\r\n${websocket}\r\n`).rest()).text, /^HTTP\/1\.1 200 OK/);
  });

  it('after an exchange on the same connection is served too', async (t) => {
    const { app } = await house(t, { orders: [await RawServer.always(ok()), await RawServer.always(ok())] });
    const wire = await app();
    for (let n = 0; n < 3; n++) {
      match(await wire.write(get()).message(), /200 OK/);
      match(await wire.write(get('/', h2c)).message(), /200 OK/);
    }
  });
});
