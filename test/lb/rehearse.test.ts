/** What the sidecar says would become of a call is what becomes of it, and saying so sends nothing. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Rehearsal } from '../../lb/rehearse.js';
import { retryOn } from '../../lb/retry-on.js';
import { RawServer } from '../support/raw.js';
import { eventually, get, house, ok, useLane } from './full/house.js';

const said = ({ steps }: Rehearsal): string => steps.map(({ about, says }) => `${about} ${says}`).join('\n');

describe('a call that is not sent', () => {
  it('is told by which rule it goes where, with what time and how often again, and takes nobody a turn', async (t) => {
    const server = await RawServer.always(ok());
    const { proxy, upstreams } = await house(t, { orders: [server, { ...server.endpoint('b', 3), id: 'b' }] });
    const lookup = (name: string) => upstreams.get(name) ?? ({ code: 'unknown_upstream', message: 'nobody' } as const);
    const ask = (target: string, method = 'GET', ...raw: string[]): Rehearsal =>
      proxy.rehearse({ method, target, raw: raw.length > 0 ? raw : ['Host', 'localhost'] }, lookup);
    match(
      said(ask('http://orders.zk/x?q')),
      /^route the absolute form http:\/\/orders.zk\/x names orders; GET \/x\?q goes on with Host orders.zk$/m,
    );
    match(said(ask('/svc/orders/y')), /^route the path \/svc\/orders names orders; GET \/y goes on with Host orders$/m);
    match(said(ask('/', 'POST', 'Host', 'orders')), /^route Host orders names orders/m);
    match(said(ask('/', 'POST', 'Host', 'orders')), /^again only if nothing of it was written$/m);
    match(said(ask('/svc/orders/')), /^again up to 1 more after connect_refused, .*reset/m);
    match(
      said(ask('/', 'GET', 'Host', 'orders', 'x-zidecar-timeout', '2s')),
      /^time 2 s, as the app asks, in all, 60 s for an attempt, 1 s for a connect$/m,
    );
    match(said(ask('/', 'GET', 'Host', 'orders', 'x-zidecar-timeout', '50ms')), /^time 50 ms, as the app asks, in all/m);
    const { endpoints, refused } = ask('/svc/orders/');
    deepEqual([endpoints.map(({ share }) => share), refused, server.wires.length], [[50, 50], null, 0]);
    equal(upstreams.get('orders')!.stats.attempts, 0);
  });

  it('is told of the port of one upstream that it names, and of each status after which it is sent again', async (t) => {
    const listener = { upstream: 'orders' };
    const settings = { retryOn: retryOn(['reset', '503', '429', '5xx']) };
    const { proxy, upstreams, at } = await house(t, { orders: [await RawServer.always(ok())] }, { listener, settings });
    const lookup = (name: string) => upstreams.get(name) ?? ({ code: 'unknown_upstream', message: 'nobody' } as const);
    const told = proxy.rehearse({ method: 'GET', target: `http://${at}/x`, raw: ['Host', at] }, lookup);
    match(said(told), /^route the port of its own names orders; GET \/x goes on/m);
    match(said(told), /^again up to \d more after reset, 5xx, 429$/m);
    equal(told.refused, null);
    const other = proxy.rehearse({ method: 'GET', target: 'http://127.0.0.1:1/x', raw: ['Host', at] }, lookup);
    equal(other.refused?.code, 'unknown_upstream');
  });

  it('is told its times as they are set, to the millisecond', async (t) => {
    const settings = { requestTimeoutMs: 5_400_000, responseTimeoutMs: 1_500, connectTimeoutMs: 40, hedge: 50 };
    const { proxy, upstreams } = await house(
      t,
      { orders: [await RawServer.always(ok()), await RawServer.always(ok())] },
      { settings },
    );
    const lookup = (name: string) => upstreams.get(name) ?? ({ code: 'unknown_upstream', message: 'nobody' } as const);
    const told = said(proxy.rehearse({ method: 'GET', target: '/', raw: ['Host', 'orders'] }, lookup));
    match(told, /^time 90 min in all, 1.5 s for an attempt, 40 ms for a connect$/m);
    match(told, /; a second send beside it after 50 ms$/m);
  });

  it('is told that it would be refused where a peer is reached by plain TCP, as it is', async (t) => {
    const { proxy, upstreams } = await house(
      t,
      { db: [await RawServer.always(ok())] },
      { listener: { upstream: 'db', tcp: true } },
    );
    const { refused, endpoints } = proxy.rehearse({ method: 'GET', target: 'http://db/x', raw: ['Host', 'db'] }, (name) =>
      upstreams.get(name)!,
    );
    deepEqual([refused?.code, endpoints], ['unknown_upstream', []]);
    match(refused!.message, /^"db" is reached by plain TCP/);
  });

  it('is told that it would be refused, and why', async (t) => {
    const { proxy, upstreams } = await house(t, { empty: [], waiting: undefined });
    const lookup = (name: string) => upstreams.get(name) ?? ({ code: 'unknown_upstream', message: 'nobody' } as const);
    const code = (target: string, ...raw: string[]): string | undefined =>
      proxy.rehearse({ method: 'GET', target, raw: ['Host', 'localhost', ...raw] }, lookup).refused?.code;
    deepEqual(
      [
        code('/'),
        code('/svc/stranger/'),
        code('/svc/empty/'),
        code('/svc/waiting/'),
        code('/svc/empty/', 'x-zidecar-timeout', '5'),
      ],
      ['unknown_upstream', 'unknown_upstream', 'no_endpoints', 'discovering', 'bad_request'],
    );
    const counted = (forwards: string) =>
      proxy.rehearse({ method: 'TRACE', target: '/', raw: ['Host', 'empty', 'Max-Forwards', forwards] }, lookup);
    deepEqual(
      ['1', '0', 'x'].map((forwards) => counted(forwards).refused?.code),
      ['no_endpoints', undefined, 'bad_request'],
    );
    match(said(counted('0')), /^route Max-Forwards is 0/m);
  });
});

for (const lane of ['full', 'fast'] as const) {
  describe(`a call that the ${lane} lane has carried`, () => {
    it('is remembered with its attempts where it took more than one, and not where it was plain', async (t) => {
      useLane(lane);
      const breaking = await RawServer.start(async (wire) => {
        await wire.message();
        wire.reset();
      });
      const { ask, proxy } = await house(t, { orders: [breaking, await RawServer.always(ok())] });
      for (const id of ['one', 'two']) match(await ask(get('/a?b', `x-request-id: ${id}\r\n`)), /200 OK/);
      await eventually(() => proxy.lastCalls.list().length === 1);
      const [call] = proxy.lastCalls.list();
      const { requestId, sends, attempts, status, code, target } = call!;
      deepEqual([sends.map(({ became }) => became), attempts, status, code, target], [['reset', '200'], 2, 200, null, '/a?…']);
      equal(proxy.lastCalls.find(requestId).length, 1);
    });
  });
}
