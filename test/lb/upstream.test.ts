import { deepEqual, equal, match, notEqual, ok, throws } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultRetryOn } from '../../lb/retry-on.js';
import { fc } from '../support/fast-check.js';
import { failed } from '../../lb/outcome.js';
import { policies, type PolicyName } from '../../lb/policies.js';
import { allEnforced } from '../../lb/enforced.js';
import { seeded } from '../support/random.js';
import { abc, bad, good, orders } from './orders.js';
import { endpoint, tally } from './seats.js';

const idsOf = (endpoints: readonly { readonly id: string }[]): string => endpoints.map(({ id }) => id).join(' ');

type Step =
  | { readonly what: 'call'; readonly ms: number }
  | { readonly what: 'flip'; readonly id: string }
  | { readonly what: 'list'; readonly ids: readonly string[] };

describe('upstream', () => {
  it('says why there is nobody, and what to do', () => {
    const { upstream, call } = orders([]);
    equal(call(), 'no_endpoints');
    deepEqual(upstream.whyNot('no_endpoints'), {
      code: 'no_endpoints',
      message: 'no endpoints for "orders" in /services/orders: is it registered? zidecar why orders',
      retryAfterMs: 1_000,
    });
    match(upstream.whyNot('no_endpoints', true).message, /no_proxy/);
    match(upstream.whyNot('discovering').message, /list of "orders" in \/services\/orders has not come/);
  });

  it('gives no call to an endpoint of weight 0, and has a sentence for a list of nothing else', () => {
    const { upstream, calls } = orders([endpoint('a', 0), endpoint('b')]);
    equal(calls(3), 'b b b');
    upstream.update([endpoint('a', 0)]);
    equal(calls(1), 'no_endpoints');
    match(upstream.whyNot('no_endpoints').message, /has weight 0 \(1 of 1\)/);
  });

  it('passes over an endpoint whose circuit has opened, and comes back for a single trial', async () => {
    const { calls, call, lease, clock, told } = orders(abc('ab'));
    deepEqual(tally(calls(4, bad).split(' ')), { a: 2, b: 2 });
    equal(call(), 'all_open');
    await clock.advance(1_000);
    const trials = [lease(), lease()];
    equal(call(), 'all_open'); // both trials are out
    for (const trial of trials) trial.answered(good);
    equal(calls(2).split(' ').sort().join(' '), 'a b');
    deepEqual([told('circuit_opened').length, told('circuit_half_opened').length, told('circuit_closed').length], [2, 2, 2]);
  });

  it('tells of an opened circuit whose it is, why, and for how long', () => {
    const { calls, told } = orders(abc('a'));
    calls(2, bad);
    deepEqual(told('circuit_opened'), [
      { kind: 'circuit_opened', upstream: 'orders', endpoint: '10.0.0.1:8080', why: '2 connects refused in a row', forMs: 1_000 },
    ]);
  });

  it('says when to come back when every circuit is open', async () => {
    const { upstream, calls, clock } = orders(abc('a'));
    calls(2, bad);
    await clock.advance(400);
    equal(upstream.whyNot('all_open').retryAfterMs, 600);
    equal(upstream.whyNot('overflow').retryAfterMs, 1_000); // which has nothing to do with a trial
    match(
      upstream.whyNot('all_open').message,
      /^every circuit of "orders" is open \(1 of 1\), next trial in 0\.6 s: zidecar why orders$/,
    );
  });

  it('says who is out by what when it is not circuits alone', async () => {
    const check = { intervalMs: 100, timeoutMs: 100, rise: 1, fall: 1 };
    const { upstream, call, clock } = orders(abc('ab'), { more: { check, panic: { percent: 0 } } });
    await clock.advance(1_000);
    const [due] = upstream.checks!.take(clock.now(), 1);
    upstream.checks!.ended(due!, 'status 500', clock.now());
    for (let failure = 0; failure < 2; failure++) call(failed('reset', 1));
    equal(call(), 'all_open');
    equal(
      upstream.whyNot('all_open').message,
      'nobody of "orders" may be asked (2 of 2 are out: 1 by circuit, 1 ejected or ill): zidecar why orders',
    );
  });

  it('gives the trial to the next call when its caller went away', async () => {
    const { calls, lease, call, clock } = orders(abc('a'));
    calls(2, bad);
    await clock.advance(1_000);
    lease().release();
    equal(call(), 'a');
  });

  it('frees the trial at the answer, not at the end of the tunnel', async () => {
    const { calls, lease, call, clock } = orders(abc('a'));
    calls(2, bad);
    await clock.advance(1_000);
    lease().answered(good); // its lease is still held
    equal(call(), 'a');
  });

  it('lets one of a hundred calls that can be repeated try one that resets, half a second after it failed', async () => {
    const { call, clock, told, upstream } = orders(abc('ab'), { more: { panic: { percent: 0 } } });
    const broken = failed('reset', 1);
    for (let failure = 0; failure < 2; failure++) call(broken, { tried: ['b'] });
    const many = (count: number): string[] => Array.from({ length: count }, () => call(good, { repeatable: true }));
    equal(many(20).includes('a'), false);
    await clock.advance(600);
    equal(call(good), 'b'); // has something to lose
    equal(call(broken, { repeatable: true }), 'a');
    equal(many(150).includes('a'), false);
    deepEqual([upstream.states().open, told('circuit_half_opened').length, told('circuit_opened').length], [1, 0, 1]);
    await clock.advance(200);
    equal(many(50).includes('a'), false); // its time has not come: 800 of 1000 ms
    await clock.advance(300);
    call(broken, { tried: ['b'] });
    deepEqual([upstream.states().open, told('circuit_opened').length], [1, 2]);
    await clock.advance(500);
    equal(call(good, { repeatable: true }), 'a');
    deepEqual([upstream.states().closed, told('circuit_closed').length], [2, 1]);
  });

  it('lets a call that can be repeated try anybody who resets when there is nobody else', async () => {
    const { call, clock } = orders(abc('ab'));
    for (let failure = 0; failure < 4; failure++) call(failed('reset', 1));
    await clock.advance(500);
    equal(call(good), 'all_open');
    const broken = failed('reset', 1);
    const asked = [1, 2, 3].map(() => call(broken, { repeatable: true })); // each once, and then nobody for half a second
    deepEqual(asked, ['a', 'b', 'all_open']);
  });

  it('lets a call whose key leads nowhere try one before its time only when there is nobody else, and no call one that it has been to', async () => {
    const { call, clock } = orders(abc('ab'), { more: { panic: { percent: 0 } } });
    const broken = failed('reset', 1);
    for (let failure = 0; failure < 2; failure++) call(broken, { tried: ['b'] });
    await clock.advance(500);
    equal(call(good, { repeatable: true, tried: ['a'] }), 'b');
    equal(call(good, { repeatable: true, key: 7 }), 'b');
    equal(call(good, { repeatable: true, tried: ['a', 'b'] }), 'tried_all');
    equal(call(good, { repeatable: true, key: 7, tried: ['b'] }), 'a');
  });

  it('lets a call with a key try one before its time if its key leads there, and no other', async () => {
    for (const policy of ['maglev', 'ring_hash'] as const) {
      const { call, clock } = orders(abc('abc'), { policy });
      const homes = new Map(Array.from({ length: 60 }, (_, key) => [key * 71_582_788, call(good, { key: key * 71_582_788 })]));
      const [here] = [...homes].find(([, id]) => id === 'a')!;
      const others = [...homes].filter(([, id]) => id !== 'a');
      for (let failure = 0; failure < 2; failure++) call(failed('reset', 1), { key: here });
      await clock.advance(500);
      for (const [key, id] of others) equal(call(good, { repeatable: true, key }), id);
      equal(call(good, { key: here }) === 'a', false); // it has something to lose
      equal(call(good, { repeatable: true, key: here }), 'a');
      for (const [key, id] of homes) equal(call(good, { key }), id); // it is back
    }
  });

  it('gives a trial that is due to a call that can be sent again, if one comes within 300 ms, and marks it', async () => {
    const made = orders(abc('abc'), { random: seeded(4) });
    const { upstream, clock, call } = made;
    for (let failure = 0; failure < 2; failure++) call(bad, { tried: ['b', 'c'] });
    await clock.advance(1_000);
    const posts = Array.from({ length: 30 }, () => call());
    equal(posts.includes('a'), false);
    equal(upstream.triesEarly, true); // so that lanes say of a call whether it can be sent again
    const trial = Array.from({ length: 3 }, () => made.lease({ repeatable: true })).find(({ endpoint: { id } }) => id === 'a')!;
    equal(trial.onTrial, true);
    trial.answered(good);
    deepEqual([upstream.states().closed, upstream.triesEarly], [3, false]);
    equal(made.lease({ repeatable: true }).onTrial, false);
  });

  it('lets any call be the trial after that, and at once where nobody else is left', async () => {
    const { clock, call, calls } = orders(abc('ab'));
    for (let failure = 0; failure < 2; failure++) call(bad, { tried: ['b'] });
    await clock.advance(1_299);
    equal(calls(4), 'b b b b');
    equal(call(good, { tried: ['b'] }), 'a');
    for (let failure = 0; failure < 2; failure++) call(bad, { tried: ['b'] });
    await clock.advance(1_300);
    equal(calls(4).includes('a'), true);
  });

  it('lets the trial begin early when a connect came through', async () => {
    const { upstream, calls, clock } = orders(abc('a'));
    calls(2, bad);
    await clock.advance(100);
    equal(idsOf(upstream.unreachable()), 'a');
    upstream.reached(upstream.unreachable()[0]!);
    deepEqual(upstream.unreachable(), []);
    equal(calls(1), 'a');
    deepEqual(upstream.states(), { closed: 1, open: 0, half_open: 0, ejected: 0, ill: 0 });
  });

  it('keeps calls from one whose connect failed while others can serve, until a connect comes through', async () => {
    const { upstream, call, calls, clock, told } = orders(abc('abc'));
    equal(call(bad), 'a');
    equal(calls(4), 'b c b c');
    equal(call(good, { tried: ['b', 'c'] }), 'a'); // a suspect is better than nobody
    equal(call(bad, { tried: ['b', 'c'] }), 'a');
    equal(idsOf(upstream.suspects()), 'a');
    upstream.reached(upstream.suspects()[0]!);
    deepEqual(tally(calls(3).split(' ')), { a: 1, b: 1, c: 1 });
    call(bad, { tried: ['b', 'c'] });
    upstream.unreached(upstream.suspects()[0]!, 'connect_refused');
    deepEqual([upstream.suspects(), upstream.states().open, told('circuit_opened').length], [[], 1, 1]);
    upstream.unreached(upstream.unreachable()[0]!, 'connect_refused'); // which says nothing new
    equal(upstream.whyNot('all_open').retryAfterMs, 1_000);
    await clock.advance(1_000);
    call(good, { tried: ['b', 'c'] });
    equal(upstream.states().open, 0);
  });

  it('gives calls to suspects as soon as nobody else is left', () => {
    const { call, upstream } = orders(abc('ab'));
    call(bad);
    equal(call(failed('reset', 1)), 'b');
    call(failed('reset', 1), { tried: ['a'] }); // which opens the circuit of b
    equal(call(), 'a');
    upstream.update(abc('abc'));
    equal(call(bad, { tried: ['b', 'c'] }), 'a');
    upstream.update(abc('a'));
    equal(call(), 'a');
  });

  it('lets a dead endpoint cost a call two connects at most, and loses no call once somebody has served', async () => {
    const ids = 'abcdefghij'.split('');
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ids), fc.integer({ min: 1, max: 8 }), fc.integer(), async (alive, atOnce, seed) => {
        const { upstream, clock } = orders(abc(ids.join('')), { random: seeded(seed), failures: 5 });
        const failures = new Map<string, number>();
        let [served, lostAfter] = [0, 0];
        for (let round = 0; round < 40; round++) {
          let calls = Array.from({ length: atOnce }, () => ({ tried: [] as string[] }));
          while (calls.length > 0) {
            const leases = calls.map((each) => ({ each, lease: upstream.acquire({ tried: each.tried }) }));
            calls = [];
            for (const { each, lease } of leases) {
              if (typeof lease === 'string') {
                if (served > 0) lostAfter++;
                continue;
              }
              const { id } = lease.endpoint;
              lease.answered(id === alive ? good : bad);
              lease.release();
              if (id === alive) served++;
              else {
                failures.set(id, (failures.get(id) ?? 0) + 1);
                each.tried.push(id);
                if (each.tried.length < 3) calls.push(each);
              }
            }
          }
          await clock.advance(20);
          for (const suspect of upstream.suspects()) upstream.unreached(suspect, 'connect_refused');
        }
        ok(Math.max(...failures.values()) <= 2 * atOnce, `failures ${[...failures.values()].join()}`);
        equal(lostAfter, 0);
      }),
      { numRuns: 50 },
    );
  });

  it('only tells what circuits would do in the shadow', async () => {
    const { upstream, calls, told, clock } = orders(abc('a'), { more: { enforced: { ...allEnforced, circuit: false } } });
    equal(calls(4, failed('reset', 1)), 'a a a a');
    deepEqual([upstream.stats.wouldHave.circuit, told('circuit_opened').length], [1, 1]);
    deepEqual([upstream.states().closed, upstream.verdict().state], [1, 'well']);
    equal('shadow' in told('circuit_opened')[0]!, true);
    match(upstream.explain()[0]!.reason, /^takes calls: weight 1 of 1; in the shadow: circuit open/);
    await clock.advance(1_000);
    calls(1);
    deepEqual([upstream.states().closed, told('circuit_closed').length], [1, 1]);
  });

  it('does not ask for a connect to one that was reached and then failed', () => {
    const { upstream, calls } = orders(abc('a'));
    calls(2, failed('reset', 1));
    deepEqual([upstream.states().open, upstream.unreachable()], [1, []]);
  });

  it('keeps circuit and turn of one that stays when others come and go', () => {
    const { upstream, calls } = orders(abc('ab'));
    equal(calls(1), 'a');
    upstream.update(abc('abc'));
    equal(calls(1), 'b');
    calls(9, bad);
    upstream.update(abc('ad'));
    deepEqual(calls(3), 'd d d');
  });

  it('takes the same id at another address for another endpoint', () => {
    const { upstream, calls } = orders([endpoint('a', 1, 1)]);
    calls(2, bad);
    equal(calls(1), 'all_open');
    upstream.update([endpoint('a', 1, 2)]);
    equal(calls(1), 'a');
  });

  it('moves the shares when a weight has moved, and forgets no circuit', () => {
    const { upstream, call, calls } = orders([endpoint('a'), endpoint('b')]);
    call(failed('reset', 1));
    upstream.update([endpoint('a', 3), endpoint('b', 1)]);
    deepEqual(tally(calls(400).split(' ')), { a: 300, b: 100 });
    equal(upstream.explain()[0]!.weight, 3);
  });

  it('takes the first of two with one id', () => {
    const { upstream } = orders([endpoint('a', 1, 1), endpoint('a', 1, 2)]);
    deepEqual([upstream.explain().length, upstream.explain()[0]!.port], [1, 1]);
  });

  it('survives weights that are no weights', () => {
    const weights = [NaN, -1, Infinity, 1e308, 0, 1e-300];
    const { calls } = orders(weights.map((weight, index) => endpoint(`e${index}`, weight)));
    deepEqual(tally(calls(1_000).split(' ')), { e2: 500, e3: 500 });
  });

  it('lets the calls of an endpoint that has left end in peace', () => {
    const { upstream, lease, facts } = orders(abc('a'));
    const [one, two, three] = [lease(), lease(), lease()];
    upstream.update([]);
    equal(upstream.stats.inFlight, 3);
    const before = facts.length;
    for (const late of [one, two, three]) {
      late.answered(bad);
      late.release();
    }
    equal(upstream.stats.inFlight, 0);
    equal(facts.length, before);
    upstream.update(abc('a'));
    equal(upstream.explain()[0]!.circuit, 'closed');
  });

  it('tells that weights have changed, and when none is left', () => {
    const { upstream, told } = orders([endpoint('a', 1), endpoint('b', 1)]);
    upstream.update([endpoint('a', 1), endpoint('b', 5)]);
    upstream.update([endpoint('a', 1), endpoint('b', 5)]);
    upstream.update([endpoint('a', 0), endpoint('b', 0)]);
    upstream.update([endpoint('b', 2), endpoint('c', 1)]);
    deepEqual(
      told('weights_changed').map((fact) => ('none' in fact ? [fact.changed, fact.none, fact.total] : [])),
      [
        [1, false, 2],
        [2, true, 2],
        [1, false, 2],
      ],
    );
  });

  it('tells who has left, so that their idle connections can be closed', () => {
    const { upstream, told } = orders([endpoint('a', 1, 1), endpoint('b', 1, 1)]);
    const gone: string[] = [];
    const stop = upstream.onGone((endpoints) => gone.push(...endpoints.map(({ id, port }) => `${id}:${port}`)));
    upstream.update([endpoint('a', 1, 2), endpoint('b', 5, 1)]);
    deepEqual(gone, ['a:1']);
    stop();
    upstream.update([]);
    deepEqual(gone, ['a:1']);
    const changes = told('endpoints_changed').map((fact) => ('joined' in fact ? [fact.joined, fact.left, fact.total] : []));
    deepEqual(changes, [
      [2, 0, 2],
      [1, 1, 2],
      [0, 2, 0],
    ]);
  });

  it('tells nothing when the list has not changed', () => {
    const { upstream, facts } = orders(abc('ab'));
    upstream.update(abc('ba'));
    equal(facts.length, 1);
  });

  it('does not offer the same endpoint twice to one call, and says so', () => {
    const { call } = orders(abc('ab'));
    equal(call(good, { tried: ['a'] }), 'b');
    equal(call(good, { tried: ['a', 'b'] }), 'tried_all');
  });

  it('lets the last real answer stand even if the circuit of the only one has opened by it', () => {
    const { call } = orders(abc('a'));
    call(bad);
    call(bad);
    equal(call(good, { tried: ['a'] }), 'tried_all');
  });

  it('offers a tried one again to a call of which nothing was written', () => {
    const { call } = orders(abc('ab'));
    equal(call(good, { tried: ['a'], again: true }), 'b');
    notEqual(call(good, { tried: ['a', 'b'], again: true }), 'tried_all');
  });

  it('refuses the call above the limit, and takes the next one when one has ended', () => {
    const { upstream, lease, call } = orders(abc('a'), { maxInFlight: 2 });
    const held = [lease(), lease()];
    equal(call(), 'overflow');
    match(upstream.whyNot('overflow').message, /^2 calls to "orders" are in flight/);
    held[0]!.release();
    equal(call(), 'a');
  });

  it('counts the retries that were sent, and gives back what was paid for those that found nobody', () => {
    const { upstream, call, clock } = orders(abc('ab'));
    const paid = {
      idempotent: true,
      replayable: true,
      attempt: 1,
      unsentTries: 0,
      retries: 1,
      on: defaultRetryOn,
      leftMs: Infinity,
    };
    for (let retry = 0; retry < 40; retry++) {
      notEqual(upstream.retry.next(paid, { code: 'reset', sent: 'all' }, clock.now()), undefined);
      equal(call(good, { tried: ['a', 'b'] }), 'tried_all');
    }
    upstream.retry.next(paid, { code: 'reset', sent: 'all' }, clock.now());
    call(good, { tried: ['a'] });
    deepEqual([upstream.stats.retries, upstream.stats.retryOverflow], [1, 0]);
  });

  it('counts attempts and calls in flight', () => {
    const { upstream, lease } = orders(abc('ab'));
    const one = lease();
    lease().release();
    deepEqual([upstream.stats.attempts, upstream.stats.inFlight], [2, 1]);
    equal(upstream.explain().find(({ id }) => id === one.endpoint.id)!.inFlight, 1);
    one.release();
  });

  it('finds it a fault when a lease is answered or released twice', () => {
    const { lease } = orders(abc('a'));
    const one = lease();
    one.answered(good);
    throws(() => one.answered(good), /answered twice/);
    one.release();
    throws(() => one.release(), /released twice/);
  });

  it('waits for the first list, and not longer than asked', async () => {
    const { upstream, clock } = orders();
    equal(upstream.listed, false);
    const [short, long] = [upstream.whenListed(100), upstream.whenListed(1_000)];
    await clock.advance(100);
    equal(await short, 'discovering');
    upstream.update([]);
    equal(await long, undefined);
    equal(await upstream.whenListed(0), undefined);
  });

  it('lets no more calls wait for a list than it would let through', async () => {
    const { upstream } = orders(undefined, { maxInFlight: 1 });
    const first = upstream.whenListed(1_000);
    equal(await upstream.whenListed(1_000), 'overflow');
    match(upstream.whyNot('overflow').message, /^1 calls to "orders" wait for a connection/);
    upstream.update([]);
    equal(await first, undefined);
  });

  it('remembers when it was last used', async () => {
    const { upstream, clock, call } = orders(abc('a'));
    await clock.advance(5_000);
    call();
    equal(upstream.lastUsed, clock.now());
  });

  it('tells when retries are refused, once', () => {
    const { upstream, told, clock } = orders(abc('a'));
    const ask = {
      idempotent: true,
      replayable: true,
      attempt: 1,
      unsentTries: 0,
      retries: 1,
      on: defaultRetryOn,
      leftMs: Infinity,
    };
    for (let retry = 0; retry < 40; retry++) upstream.retry.next(ask, { code: 'reset', sent: 'all' }, clock.now());
    deepEqual([told('retry_budget_exhausted').length, upstream.stats.retryOverflow], [1, 10]);
  });

  it('never offers who has left or was tried, never hangs on to a call, and finds everybody again', async () => {
    const ids = ['a', 'b', 'c', 'd'];
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 8, arbitrary: fc.record({ what: fc.constant('call' as const), ms: fc.nat(300) }) },
      fc.record({ what: fc.constant('flip' as const), id: fc.constantFrom(...ids) }),
      fc.record({ what: fc.constant('list' as const), ids: fc.subarray(ids) }),
    );
    const policy = fc.constantFrom(...(Object.keys(policies) as PolicyName[]));
    const run = async (steps: Step[], policy: PolicyName, seed: number): Promise<void> => {
      const { upstream, clock, call, told } = orders(abc('abcd'), { policy, random: seeded(seed) });
      const dead = new Set<string>();
      let listed: readonly string[] = ids;
      const callThrough = (): void => {
        for (const tried: string[] = []; ;) {
          const got = upstream.acquire({ tried });
          if (typeof got === 'string') return equal(got === 'tried_all', tried.length > 0);
          const { id } = got.endpoint;
          ok(listed.includes(id) && !tried.includes(id), id);
          got.answered(dead.has(id) ? bad : good);
          got.release();
          if (!dead.has(id)) return;
          tried.push(id);
        }
      };
      for (const step of steps) {
        if (step.what === 'list') upstream.update(abc((listed = step.ids).join('')));
        else if (step.what === 'flip') dead[dead.has(step.id) ? 'delete' : 'add'](step.id);
        else {
          await clock.advance(step.ms);
          callThrough();
        }
      }
      equal(upstream.stats.inFlight, 0);
      dead.clear();
      await clock.advance(10_000);
      for (let turn = 0; turn < 100 && listed.length > 0; turn++) call();
      deepEqual(upstream.states(), { closed: listed.length, open: 0, half_open: 0, ejected: 0, ill: 0 });
      ok(told('circuit_opened').length >= told('circuit_closed').length);
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 80 }), policy, fc.integer(), run), { numRuns: 60 });
  });
});
