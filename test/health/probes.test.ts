/** The probes against real sockets. What is tested of time is that an aborted probe lets go of its socket. */
import { deepEqual, equal, match } from 'node:assert/strict';
import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { allProbes } from '../../health/all.js';
import { broke } from '../../health/connect.js';
import { httpProbe } from '../../health/http.js';
import { noProbe } from '../../health/none.js';
import type { Probe, ProbeResult } from '../../health/probe.js';
import { tcpProbe } from '../../health/tcp.js';
import { freePort } from '../support/ports.js';

const servers: Server[] = [];
const sockets = new Set<Socket>();
after(() => {
  for (const server of servers) server.close();
  for (const socket of sockets) socket.destroy();
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}
const http = async (answer: RequestListener): Promise<string> => `http://127.0.0.1:${await listening(createHttp(answer))}`;
/** Answers every connection with these bytes, and ends it unless told to keep it. */
const raw = async (bytes: string, keep = false): Promise<string> =>
  `http://127.0.0.1:${await listening(createTcp((socket) => void socket.once('data', () => (keep ? socket.write(bytes) : socket.end(bytes)))))}`;

const check = (probe: Probe): Promise<ProbeResult> => probe.check(new AbortController().signal);
const get = (url: string): Promise<ProbeResult> => check(httpProbe({ url }));
const why = (result: ProbeResult): string => (result.kind === 'pass' ? '' : result.why);

describe('http probe', () => {
  for (const [status, kind] of [
    [200, 'pass'],
    [204, 'pass'],
    [301, 'pass'],
    [399, 'pass'],
    [400, 'fail'],
    [500, 'fail'],
    [503, 'fail'],
  ] as const) {
    it(`takes ${status} for a ${kind}`, async () => {
      const url = await http((_, answer) => answer.writeHead(status).end());
      deepEqual(await get(`${url}/`), kind === 'pass' ? { kind } : { kind, why: `${url}/ answered ${status}` });
    });
  }

  it('asks for the path and the query that it was given, by GET, without keeping the connection', async () => {
    const seen: unknown[] = [];
    const url = await http((request, answer) => {
      seen.push([request.method, request.url, request.headers.host, request.headers.connection]);
      answer.end('ok');
    });
    deepEqual(await get(`${url}/health/x?deep=1`), { kind: 'pass' });
    deepEqual(seen, [['GET', '/health/x?deep=1', url.slice('http://'.length), 'close']]);
  });

  it('does not follow a redirect', async () => {
    let asked = 0;
    const url = await http((_, answer) => (asked++, answer.writeHead(302, { location: '/elsewhere' }).end()));
    deepEqual(await get(url), { kind: 'pass' });
    equal(asked, 1);
  });

  it('says what to set when the path is not there', async () => {
    const url = await http((_, answer) => answer.writeHead(404).end('no such page'));
    const said = `${url}/healthz answered 404`;
    deepEqual(await get(`${url}/healthz`), {
      kind: 'fail',
      why: said,
      hint: `${said}: set ZIDECAR_PROBE=tcp or a path that answers 200`,
    });
  });

  it('judges an endless answer by its status, and lets go of it after 64 KiB', async () => {
    let closed: Promise<unknown> | undefined;
    const url = await http((_, answer) => {
      closed = once(answer, 'close');
      const more = (): void => {
        if (!answer.destroyed) answer.write('x'.repeat(16_384), more);
      };
      more();
    });
    deepEqual(await get(url), { kind: 'pass' });
    await closed;
  });

  for (const [claim, bytes, expected] of [
    ['an answer that is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', /does not speak HTTP/],
    ['a status line of nonsense', 'HTTP/1.1 abc\r\n\r\n', /does not speak HTTP/],
    ['a status of 099', 'HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n', /./],
    ['a switch of protocols that nobody asked for', 'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', /./],
    ['an answer that is cut in its body', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', /./],
    ['an answer with a bad chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', /does not speak HTTP/],
    ['a head that is too large', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`, /./],
    ['a connection that is closed without an answer', '', /closed the connection/],
  ] as const) {
    it(`fails on ${claim}`, async () => {
      const result = await get(await raw(bytes));
      equal(result.kind, 'fail', why(result));
      match(why(result), expected);
    });
  }

  it('fails when the connection is reset', async () => {
    const port = await listening(createTcp((socket) => void socket.once('data', () => socket.resetAndDestroy())));
    const result = await get(`http://127.0.0.1:${port}/`);
    equal(result.kind, 'fail');
    match(why(result), /reset|closed/);
  });

  it('fails when nothing listens', async () => {
    const port = await freePort();
    deepEqual(await get(`http://127.0.0.1:${port}/`), {
      kind: 'fail',
      why: `http://127.0.0.1:${port}/ refused the connection (ECONNREFUSED)`,
    });
  });

  for (const [claim, bytes] of [
    ['before the head', ''],
    ['in the middle of the body', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'],
  ] as const) {
    it(`lets go of its connection when it is aborted ${claim}`, async () => {
      const server = createTcp();
      const port = await listening(server);
      const over = new AbortController();
      const headRead = new Promise((resolve) => diagnostics.subscribe('http.client.response.finish', resolve));
      const result = httpProbe({ url: `http://127.0.0.1:${port}/` }).check(over.signal);
      const [socket] = (await once(server, 'connection')) as [Socket];
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await once(socket, 'data');
      socket.write(bytes);
      if (bytes) await headRead;
      over.abort();
      await Promise.all([result, closed]);
    });
  }
});

describe('tcp probe', () => {
  it('passes when the app accepts, and closes the connection at once', async () => {
    const server = createTcp();
    const port = await listening(server);
    const closed = once(server, 'connection').then(([socket]) => once((socket as Socket).resume(), 'close'));
    deepEqual(await check(tcpProbe({ host: '127.0.0.1', port })), { kind: 'pass' });
    await closed;
  });

  it('fails when nothing listens', async () => {
    const port = await freePort();
    deepEqual(await check(tcpProbe({ host: '127.0.0.1', port })), {
      kind: 'fail',
      why: `tcp://127.0.0.1:${port} refused the connection (ECONNREFUSED)`,
    });
  });

  it('finds the app behind a name that has more addresses than it listens on', async () => {
    const port = await listening(createTcp());
    deepEqual(await check(tcpProbe({ host: 'localhost', port })), { kind: 'pass' });
  });

  it('does not know how the app is when its name has no address', async () => {
    const result = await check(tcpProbe({ host: 'no-such-host.invalid', port: 80 }));
    equal(result.kind, 'unknown', why(result));
  });

  it('ends when it is aborted', async () => {
    const over = new AbortController();
    over.abort();
    const port = await listening(createTcp());
    await tcpProbe({ host: '127.0.0.1', port }).check(over.signal);
  });
});

describe('whose fault an error is', () => {
  const coded = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });
  for (const code of ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM', 'EACCES', 'EPERM', 'ENETUNREACH', 'EAI_AGAIN']) {
    it(`${code} is ours`, () => equal(broke('app', coded(code)).kind, 'unknown'));
  }
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH']) {
    it(`${code} is the app's`, () => equal(broke('app', coded(code)).kind, 'fail'));
  }
  it('an error that does not come from the wire is ours', () => equal(broke('app', new TypeError('oops')).kind, 'unknown'));
  it('a refusal on one address tells more than a family that is not there on another', () => {
    const both = Object.assign(new AggregateError([coded('EADDRNOTAVAIL'), coded('ECONNREFUSED')]), { code: 'EADDRNOTAVAIL' });
    equal(broke('app', both).kind, 'fail');
  });
});

describe('several probes as one', () => {
  const always = (result: ProbeResult): Probe => ({ name: result.kind, check: () => Promise.resolve(result) });
  const pass = always({ kind: 'pass' });
  const fail = always({ kind: 'fail', why: 'refused' });
  const unknown = always({ kind: 'unknown', why: 'no descriptors' });
  const broken: Probe = { name: 'broken', check: () => Promise.reject(new Error('oops')) };
  for (const [claim, probes, kind] of [
    ['passes when all pass', [pass, pass], 'pass'],
    ['fails when one fails', [pass, fail], 'fail'],
    ['fails when one fails and another could not be run', [unknown, fail, broken], 'fail'],
    ['is unknown when one could not be run and none fails', [pass, unknown], 'unknown'],
    ['is unknown when one breaks', [pass, broken], 'unknown'],
    ['passes without any', [], 'pass'],
  ] as const) {
    it(claim, async () => equal((await check(allProbes(probes))).kind, kind));
  }
  it('is named after all of them', () => equal(allProbes([pass, fail]).name, 'pass, fail'));
});

describe('no probe', () => {
  it('always passes', async () => deepEqual(await check(noProbe), { kind: 'pass' }));
});
