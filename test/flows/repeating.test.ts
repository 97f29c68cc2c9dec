/**
 * What is sent again, beside, or with less time, through the built program: counted at the peers, three apps that are every service at once and
 * behave as the service that they are called as.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { PastCall } from '../../lb/last-calls.js';
import { eventually, Sidecar, zidecar } from '../support/program.js';

interface Sent {
  readonly peer: number;
  readonly at: number;
  readonly headers: IncomingMessage['headers'];
}

const answer = (response: ServerResponse, status: number, more: Record<string, string> = {}): void =>
  void response.writeHead(status, more).end('x');

/** How a peer answers a call of this service; `nth`: so many sends of the call, by its path, came before. */
const services: Readonly<
  Record<string, { readonly is: string; readonly does: (response: ServerResponse, nth: number) => void }>
> = {
  // the first one asked is always the one in trouble
  again: { is: 'retryOn: "connect,503"', does: (response, nth) => answer(response, nth === 0 ? 503 : 200) },
  stands: { is: '', does: (response) => answer(response, 503) },
  waits: {
    is: 'retryOn: "503"',
    does: (response, nth) => (nth === 0 ? answer(response, 503, { 'retry-after': '1' }) : answer(response, 200)),
  },
  keyed: {
    is: 'retryIdempotencyKey: on',
    does: (response, nth) => (nth === 0 ? void response.socket!.resetAndDestroy() : answer(response, 200)),
  },
  late: {
    is: 'responseTimeout: 1s',
    does: (response, nth) => (nth === 0 ? undefined : void setTimeout(() => answer(response, 200), 20)),
  },
  hedged: { is: 'hedge: 50ms', does: (response, nth) => (nth === 0 ? undefined : answer(response, 200)) },
  hurried: {
    is: 'retries: 2',
    does: (response, nth) => (nth === 0 ? void setTimeout(() => response.socket!.resetAndDestroy(), 100) : answer(response, 200)),
  },
  failing: { is: 'retryOn: 5xx, retries: 3', does: (response) => answer(response, 500) },
  resetting: { is: 'retries: 3', does: (response) => void response.socket!.resetAndDestroy() },
};

describe('calls that are sent more than once', { timeout: 240_000 }, () => {
  let folder = '';
  let at = '';
  let sidecar: Sidecar;
  const servers: Server[] = [];
  const sent = new Map<string, Sent[]>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zidecar-test-'));
    for (let peer = 0; peer < 3; peer++) {
      const server = createServer((request, response) => {
        const service = request.headers.host!;
        const call = `${service}${request.url}`;
        const before = sent.get(call) ?? [];
        sent.set(call, [...before, { peer, at: performance.now(), headers: request.headers }]);
        request.resume().on('end', () => services[service]!.does(response, before.length));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      servers.push(server);
      for (const service of Object.keys(services)) {
        await mkdir(join(folder, 'services', service), { recursive: true });
        const node = { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
        await writeFile(join(folder, 'services', service, `p${peer}`), JSON.stringify(node));
      }
    }
    const config = join(folder, 'z.yaml');
    const rows = Object.entries(services).map(([name, { is }]) => `  ${name}: { ${is} }\n`);
    await writeFile(config, `zookeeper: dir:${folder}\nupstreams:\n${rows.join('')}`);
    sidecar = Sidecar.start({ ZIDECAR_CONFIG: config });
    at = await sidecar.at('outbound');
    await eventually(async () => {
      const { upstreams } = await sidecar.get<{ upstreams: readonly { endpoints: readonly unknown[] }[] }>('/upstreams');
      return upstreams.length === rows.length && upstreams.every(({ endpoints }) => endpoints.length === 3);
    });
  });
  after(async () => {
    sidecar.kill();
    for (const server of servers) server.closeAllConnections();
    for (const server of servers) server.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  const call = (service: string, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://${at}/svc/${service}${path}`, init);
  /** What the peers had of it. */
  const sendsOf = (service: string, path: string): readonly Sent[] => sent.get(`${service}${path}`) ?? [];
  const sentTo = (service: string): number =>
    [...sent].reduce((sum, [at, sends]) => sum + (at.startsWith(`${service}/`) ? sends.length : 0), 0);
  const chunked = () => ({ method: 'PUT', body: new Blob(['x']).stream(), duplex: 'half' }) as const;

  it('are repeated after the statuses that RETRY_ON names, on another peer, in both lanes, and after no other', async () => {
    for (const [path, init] of [
      ['/plain', {}],
      ['/chunked', chunked()],
    ] as const) {
      equal((await call('again', path, init)).status, 200);
      const sends = sendsOf('again', path);
      deepEqual([sends.length, new Set(sends.map(({ peer }) => peer)).size], [2, 2]);
    }
    equal((await call('again', '/post', { method: 'POST' })).status, 503);
    equal((await call('stands', '/')).status, 503);
    deepEqual([sendsOf('again', '/post').length, sendsOf('stands', '/').length], [1, 1]);
    const none = { headers: { 'x-zidecar-retries': '0' } };
    equal((await call('again', '/none', none)).status, 503);
  });

  it('wait as long as Retry-After asks, whomever they go to next', async () => {
    equal((await call('waits', '/')).status, 200);
    const [first, second] = sendsOf('waits', '/');
    ok(second!.at - first!.at >= 995 && second!.peer !== first!.peer, `${second!.at - first!.at} ms`);
  });

  it('are repeated as a POST only with an Idempotency-Key, which goes on', async () => {
    equal((await call('keyed', '/with', { method: 'POST', body: 'x', headers: { 'idempotency-key': 'k1' } })).status, 200);
    deepEqual(
      sendsOf('keyed', '/with').map(({ headers }) => headers['idempotency-key']),
      ['k1', 'k1'],
    );
    const refused = await call('keyed', '/without', { method: 'POST', body: 'x' });
    deepEqual([refused.status, refused.headers.get('x-zidecar-error')], [502, 'reset']);
    equal(sendsOf('keyed', '/without').length, 1);
  });

  it('go to a second peer when the first is slow, and the first answer is the answer', async () => {
    equal((await call('hedged', '/')).status, 200);
    const sends = sendsOf('hedged', '/');
    deepEqual([sends.length, new Set(sends.map(({ peer }) => peer)).size], [2, 2]);
    const metrics = await (await fetch(`http://${await sidecar.at('health')}/metrics`)).text();
    match(metrics, /^zidecar_hedges_total\{service="hedged"[^}]*\} 1$/m);
  });

  it('are told of with the time of each send, the pause between them, and their own, in both lanes', async () => {
    const toldOf = async (service: string, init: RequestInit = {}): Promise<string[]> => {
      const id = `${service}-${init.method ?? 'GET'}`;
      equal((await call(service, `/${id}`, { ...init, headers: { 'x-request-id': id } })).status, 200);
      let out = '';
      const env = { ZIDECAR_ADMIN: await sidecar.at('admin') };
      await eventually(async () => ({ out } = await zidecar(['why', '--call', id], env)).code === 0);
      return out.trimEnd().split('\n');
    };
    const line = (says: string): RegExp => new RegExp(`^ {2}\\+[\\d.]+ m?s, [\\d.]+ m?s +127\\.0\\.0\\.1:\\d+ {2}${says}$`);
    for (const init of [{}, chunked()]) {
      const [head, first, pause, second] = await toldOf('late', init);
      match(head!, /: 200 in [\d.]+ m?s, 2 attempts$/);
      match(first!, line('response_timeout'));
      match(pause!, /^ {2}back-off \d+ ms$/);
      match(second!, line('answered 200'));
      const { calls } = await sidecar.get<{ calls: PastCall[] }>(`/calls/late-${'method' in init ? 'PUT' : 'GET'}`);
      const { sends, ms } = calls[0]!;
      ok(sends[0]!.ms >= 990 && sends[0]!.pauseMs === 0, JSON.stringify(sends));
      ok(Math.abs(sends[1]!.startMs - (sends[0]!.startMs + sends[0]!.ms + sends[1]!.pauseMs)) < 0.2, JSON.stringify(sends));
      ok(sends[1]!.ms >= 18 && Math.abs(ms - sends[1]!.startMs - sends[1]!.ms) < 0.2, JSON.stringify(sends));
    }
    match((await toldOf('waits'))[2]!, /^ {2}back-off 1\.?\d* s$/);
    const [head, first, second, ...more] = await toldOf('hedged');
    match(head!, /, 2 attempts$/);
    match(first!, line('given up, as another .* speaks against this one'));
    match(second!, line('answered 200'));
    deepEqual(more, []);
  });

  it('are told with each send how much is left of their time, in the field that the app used', async () => {
    const told = async (path: string, field: string, value: string): Promise<number[]> => {
      equal((await call('hurried', path, { headers: { [field]: value } })).status, 200);
      return sendsOf('hurried', path).map(({ headers }) => Number(/^(\d+)/.exec(String(headers[field]))?.[1]));
    };
    for (const [path, field, value] of [
      ['/ours', 'x-zidecar-timeout', '60s'],
      ['/grpc', 'grpc-timeout', '60000m'],
    ] as const) {
      const [first, second] = await told(path, field, value);
      ok(first! <= 60_000 && first! > 30_000 && second! <= first! - 90, `${field}: ${first}, then ${second}`);
    }
    equal(sendsOf('hurried', '/grpc')[0]!.headers['x-zidecar-timeout'], undefined);
  });

  it('are no storm when all peers fail: so many sends more as the budget has, counted at the peers', async () => {
    for (const service of ['failing', 'resetting']) {
      const calls = 300;
      const began = performance.now();
      for (let round = 0; round < calls / 10; round++)
        await Promise.all(
          Array.from({ length: 10 }, (_, index) => call(service, `/${round}.${index}`).then((got) => got.text())),
        );
      const sends = sentTo(service);
      // 30 more in any 10 s: a slow machine needs several of them
      const spans = Math.ceil((performance.now() - began) / 10_000);
      ok(sends <= calls * 1.2 + 30 * spans, `${service}: ${sends} sends for ${calls} calls in ${spans} times 10 s`);
      if (service === 'failing') ok(sends > calls, 'nothing was repeated at all');
    }
    const metrics = await (await fetch(`http://${await sidecar.at('health')}/metrics`)).text();
    match(metrics, /^zidecar_retry_overflow_total\{service="failing"\} [1-9]/m);
  });
});
