import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Trust, type Listed } from '../../../agent/trust/trust.js';
import { address, type Endpoint } from '../../../lb/endpoint.js';

const endpoint = (number: number): Endpoint => ({ id: `e${number}`, host: `10.0.0.${number}`, port: 80, weight: 1, meta: {} });
const at = (number: number): string => address(endpoint(number));
const listed = (why: Listed['why'], ...numbers: readonly number[]): Listed[] =>
  numbers.map((number) => ({ endpoint: endpoint(number), why }));
const nobody = new Set<string>();
/** `e1` is called as he is, `e1?unconfirmed` has to prove who he is. */
const standings = (trust: Trust, now: number): string[] =>
  trust.standings(now).map(({ endpoint: { id }, why }) => (why === undefined ? id : `${id}?${why}`));

describe('trust in an endpoint', () => {
  it('is whole while the registry confirms it', () => {
    const trust = new Trust();
    trust.heard(listed(undefined, 1, 2), nobody, 0);
    deepEqual(standings(trust, 0), ['e1', 'e2']);
    equal(trust.failed(at(1), false, 0), false, 'his circuit knows what to do');
    equal(trust.dueAt, undefined);
  });

  for (const why of ['unconfirmed', 'snapshot', 'seed'] as const)
    it(`has to be earned while he is ${why}, and one failed connect ends it for a while, but for the last one`, () => {
      const trust = new Trust();
      trust.heard(listed(why, 1, 2), nobody, 0);
      deepEqual(standings(trust, 0), [`e1?${why}`, `e2?${why}`]);
      equal(trust.failed(at(1), false, 0), true);
      equal(trust.failed(at(1), false, 0), false);
      equal(trust.failed(at(2), false, 0), false);
      deepEqual(standings(trust, 0), [`e2?${why}`]);
      equal(trust.dueAt, 30_000);
      trust.expire(30_000);
      deepEqual(standings(trust, 30_000), [`e1?${why}`, `e2?${why}`]);
    });

  it('ends, be he the last one, when somebody else answers in his place', () => {
    const trust = new Trust();
    trust.heard(listed('unconfirmed', 1), nobody, 0);
    equal(trust.failed(at(1), true, 0), true);
    deepEqual(standings(trust, 0), []);
  });

  it('has to be earned once, within 60 s, when the registry confirms him again after an outage', () => {
    const trust = new Trust();
    trust.heard(listed('unconfirmed', 1, 2), nobody, 0);
    trust.heard(listed(undefined, 1, 2, 3), nobody, 5_000);
    deepEqual(standings(trust, 5_000), ['e1?returned', 'e2?returned', 'e3']);
    deepEqual([trust.proven(at(1)), trust.proven(at(1))], [true, false]);
    equal(trust.failed(at(2), true, 6_000), true);
    deepEqual(standings(trust, 6_000), ['e1', 'e3']);
    deepEqual(standings(trust, 36_000), ['e1', 'e2?returned', 'e3']);
    trust.expire(65_000);
    deepEqual(
      standings(trust, 65_000),
      ['e1', 'e2?returned', 'e3'],
      'who was found to be another has to prove himself at any time',
    );
    trust.proven(at(2));
    deepEqual(standings(trust, 65_000), ['e1', 'e2', 'e3']);
  });

  it('is the same whether the whole list is told again or only what has become of it', () => {
    const [whole, short] = [new Trust(), new Trust()];
    for (const trust of [whole, short]) trust.heard(listed(undefined, 1, 2, 3), nobody, 0);
    const retold = (why: Listed['why'], now: number): void => {
      whole.heard(listed(why, 1, 2, 3), nobody, now);
      short.retold(why, now);
      deepEqual(standings(short, now), standings(whole, now));
      deepEqual([short.dueAt, short.isWhole], [whole.dueAt, whole.isWhole]);
    };
    retold('unconfirmed', 1_000);
    for (const trust of [whole, short])
      deepEqual([trust.failed(at(1), false, 1_000), trust.failed(at(2), true, 1_000)], [true, true]);
    retold('unconfirmed', 2_000);
    retold(undefined, 3_000);
    deepEqual(standings(short, 3_000), ['e1?returned', 'e3?returned']);
    retold('unconfirmed', 70_000);
    retold(undefined, 70_500);
  });

  it('is not touched by a connection that was lost for less than a second', () => {
    const trust = new Trust();
    trust.heard(listed('unconfirmed', 1), nobody, 0);
    trust.heard(listed(undefined, 1), nobody, 999);
    deepEqual(standings(trust, 999), ['e1']);
  });

  it('keeps those of a mass drop until one failed connect, a look into the registry, or 60 s', () => {
    const trust = new Trust();
    trust.heard(listed(undefined, 1, 2, 3, 4, 5), nobody, 0);
    deepEqual(trust.heard(listed(undefined, 1), nobody, 1_000), { vanished: 4, left: 1 });
    deepEqual(standings(trust, 1_000), ['e1', 'e2?mass_drop', 'e3?mass_drop', 'e4?mass_drop', 'e5?mass_drop']);
    equal(trust.failed(at(2), false, 1_000), true);
    trust.confirmGone([at(3)]);
    deepEqual(standings(trust, 1_000), ['e1', 'e4?mass_drop', 'e5?mass_drop']);
    trust.heard(listed(undefined, 1, 4), nobody, 2_000);
    deepEqual(standings(trust, 2_000), ['e1', 'e4', 'e5?mass_drop']);
    equal(trust.dueAt, 61_000);
    trust.expire(61_000);
    deepEqual(standings(trust, 61_000), ['e1', 'e4']);
  });

  for (const [away, within, kept] of [
    [5_000, 59_999, ['e1?mass_drop']],
    [5_000, 60_000, []],
    [999, 0, []],
  ] as const)
    it(`brakes for a single one ${within} ms after an outage of ${away} ms: ${kept.length > 0 ? 'he' : 'nobody'} is kept`, () => {
      const [whole, short] = [new Trust(), new Trust()];
      for (const trust of [whole, short]) trust.heard(listed('unconfirmed', 1), nobody, 0);
      whole.heard(listed(undefined, 1), nobody, away);
      short.retold(undefined, away);
      for (const trust of [whole, short]) {
        trust.expire(away + within);
        trust.heard([], nobody, away + within);
        deepEqual(standings(trust, away + within), kept);
      }
    });

  it('keeps nobody behind an outage while others are left, as one who has scaled down does not want his back', () => {
    const trust = new Trust();
    trust.heard(listed('unconfirmed', 1, 2, 3), nobody, 0);
    trust.heard(listed(undefined, 1, 2, 3), nobody, 5_000);
    equal(trust.heard(listed(undefined, 3), nobody, 6_000), undefined);
    deepEqual(standings(trust, 6_000), ['e3?returned']);
  });

  it('keeps nobody whom an operator has dropped, or in whose place another has answered', () => {
    const [dropped, others, returned] = [new Trust(), new Trust(), new Trust()];
    for (const trust of [dropped, others, returned]) trust.heard(listed('unconfirmed', 1, 2, 3), nobody, 0);
    dropped.overrule('drop', 1_000);
    for (const trust of [others, returned]) for (const number of [1, 2, 3]) trust.failed(at(number), true, 1_000);
    returned.retold(undefined, 5_000);
    for (const trust of [dropped, others]) equal(trust.heard([], nobody, 6_000), undefined);
    equal(returned.changed([1, 2, 3].map(endpoint), [], nobody, 6_000, 0), undefined);
    for (const trust of [dropped, others, returned]) deepEqual(standings(trust, 6_000), []);
  });

  it('brakes for two who are missing when the registry is back, and not while most are there', () => {
    const trust = new Trust();
    trust.heard(listed('unconfirmed', 1, 2), nobody, 0);
    equal(trust.heard(listed(undefined, 2), nobody, 5_000), undefined);
    deepEqual(standings(trust, 5_000), ['e2?returned']);
    deepEqual(trust.heard([], nobody, 6_000), { vanished: 2, left: 0 });
    deepEqual(standings(trust, 6_000), ['e1?mass_drop', 'e2?mass_drop']);
  });

  it('brakes when the registry names hardly anybody of a snapshot, and never for seeds', () => {
    const trust = new Trust();
    trust.heard(listed('snapshot', 1, 2, 3), nobody, 0);
    deepEqual(trust.heard([], nobody, 100), { vanished: 3, left: 0 });
    const seeded = new Trust();
    seeded.heard(listed('seed', 1, 2, 3), nobody, 0);
    equal(seeded.heard([], nobody, 100), undefined);
  });

  it('is what an operator says it is', () => {
    const trust = new Trust();
    trust.heard(listed(undefined, 1, 2, 3, 4), nobody, 0);
    trust.heard([], nobody, 1_000);
    equal(trust.failed(at(4), false, 1_000), true);
    equal(trust.overrule('trust', 1_000), 3);
    deepEqual(standings(trust, 1_000), ['e1', 'e2', 'e3']);
    trust.expire(1_000_000);
    trust.confirmGone([at(1)]);
    equal(trust.failed(at(1), false, 1_000_000), false);
    deepEqual(standings(trust, 1_000_000), ['e1', 'e2', 'e3']);
    const dropped = new Trust();
    dropped.heard(listed('unconfirmed', 1, 2), nobody, 0);
    equal(dropped.overrule('drop', 0), 2);
    deepEqual([standings(dropped, 1e9), dropped.dropped], [[], 2]);
    dropped.heard(listed(undefined, 1, 2), nobody, 2e9);
    deepEqual([standings(dropped, 3e9), dropped.dropped], [['e1', 'e2'], 0]);
  });

  it('drops whom it trusted before, be he listed or kept', () => {
    const trust = new Trust();
    trust.heard(listed('unconfirmed', 1), nobody, 0);
    deepEqual([trust.overrule('trust', 0), trust.overrule('drop', 0), standings(trust, 0)], [1, 1, []]);
    const kept = new Trust();
    kept.heard(listed(undefined, 1, 2, 3), nobody, 0);
    kept.heard([], nobody, 1_000);
    deepEqual([kept.overrule('trust', 1_000), kept.overrule('drop', 1_000), standings(kept, 1_000)], [3, 3, []]);
    kept.heard([], nobody, 99_000);
    equal(kept.dropped, 3, 'as long as nobody else is named');
    kept.heard(listed(undefined, 4), nobody, 100_000);
    equal(kept.dropped, 0);
  });
});
