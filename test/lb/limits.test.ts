import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultLimits, Usage, type LimitName } from '../../lb/limits.js';
import { UpstreamStats } from '../../lb/stats.js';
import { RawServer } from '../support/raw.js';
import { eventually, get, house, ok, useLane } from './full/house.js';

const usage = (limits: Partial<typeof defaultLimits>, enforced = true) => {
  const stats = new UpstreamStats();
  const told: string[] = [];
  const reached = (limit: LimitName, most: number): void => void told.push(`${limit} ${most}`);
  return {
    usage: new Usage({ limits: { ...defaultLimits, ...limits }, enforced: { limits: enforced }, stats, reached }),
    stats,
    told,
  };
};

describe('limits', () => {
  it('admit so many at one time, count what they refuse, and tell of it once until it has rested', () => {
    const { usage: used, stats, told } = usage({ requests: 2 });
    stats.inFlight = 1;
    equal(used.admits('requests', 0), true);
    stats.inFlight = 2;
    for (const now of [0, 5_000, 14_000]) equal(used.admits('requests', now), false);
    deepEqual([used.refused.requests, told], [3, ['requests 2']]);
    used.admits('requests', 24_000);
    equal(told.length, 2);
  });

  for (const enforced of [true, false])
    it(`admit a call as they admit anything, ${enforced ? 'enforced' : 'in the shadow'}`, () => {
      const [call, any] = [usage({ requests: 2 }, enforced), usage({ requests: 2 }, enforced)];
      for (const [inFlight, now] of [
        [1, 0],
        [2, 0],
        [3, 5_000],
        [2, 20_000],
        [1, 20_000],
      ] as const) {
        call.stats.inFlight = any.stats.inFlight = inFlight;
        equal(call.usage.admitsCall(now), any.usage.admits('requests', now));
      }
      deepEqual([call.usage.refused, call.stats.wouldHave, call.told], [any.usage.refused, any.stats.wouldHave, any.told]);
      equal(call.usage.refused.requests + call.stats.wouldHave.limits, 3);
    });

  it('hold a connection from before it is dialled, and a place among the waiting until it is connected', () => {
    const { usage: used } = usage({ connections: 2, pending: 1 });
    const first = used.slot(0)!;
    equal(used.slot(0), undefined);
    match(used.refusal().message, /^the limit of 1 pending is reached \(ZIDECAR_MAX_PENDING\)$/);
    first.connected();
    const second = used.slot(0)!;
    deepEqual([used.connections, used.pending], [2, 1]);
    second.leave();
    second.leave();
    first.leave();
    deepEqual([used.connections, used.pending], [0, 0]);
  });

  it('let an idle connection of any lane go before they refuse a new one', () => {
    const { usage: used } = usage({ connections: 1 });
    const kept = used.slot(0)!;
    used.keeps(() => false);
    const stop = used.keeps(() => (kept.leave(), true));
    equal(used.slot(0) === undefined, false);
    stop();
    equal(used.slot(0), undefined);
  });

  it('let everything through in the shadow, and count what they would have refused', () => {
    const { usage: used, stats } = usage({ requests: 0, connections: 0, pending: 0 }, false);
    let closed = 0;
    used.keeps(() => closed++ === 0);
    equal(used.admits('requests', 0), true);
    equal(used.slot(0) === undefined, false);
    equal(closed, 0);
    deepEqual([stats.wouldHave.limits, used.refused], [3, { requests: 0, connections: 0, pending: 0 }]);
  });

  for (const lane of ['fast', 'full'] as const)
    it(`tell of those that wait for the first list when there are too many of them: ${lane} lane`, async (t) => {
      useLane(lane);
      const { app, ask, upstreams } = await house(t, { orders: undefined }, { limits: { pending: 1 } });
      const first = await app();
      first.write(get());
      await eventually(() => upstreams.get('orders')!.usage.pending === 1);
      match(await ask(get()), /^HTTP\/1\.1 503 [^]*x-zidecar-error: overflow[^]*1 calls to \\"orders\\" wait/);
      first.socket.destroy();
    });

  for (const lane of ['fast', 'full'] as const)
    it(`refuse a call for which there is no connection at once, blame nobody, and have room when one is free: ${lane} lane`, async (t) => {
      useLane(lane);
      const orders = await RawServer.start(async (wire) => {
        for (;;) {
          await wire.message();
          await eventually(() => free);
          wire.write(ok());
        }
      });
      let free = false;
      const { app, upstreams } = await house(t, { orders: [orders] }, { limits: { connections: 1 } });
      const [one, two] = [await app(), await app()];
      one.write(get());
      await eventually(() => (orders.wires[0]?.socket.bytesRead ?? 0) > 0);
      const refused = await two.write(get()).message();
      match(refused, /^HTTP\/1\.1 503 [^]*x-zidecar-error: overflow[^]*limit of 1 connections/);
      const upstream = upstreams.get('orders')!;
      deepEqual([upstream.states().closed, upstream.stats.inFlight, upstream.usage.connections], [1, 1, 1]);
      free = true;
      match(await one.message(), /200 OK/);
      match(await two.write(get()).message(), /200 OK/);
      equal(orders.wires.length, 1);
      one.socket.destroy();
      two.socket.destroy();
    });
});
