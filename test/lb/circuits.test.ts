import { deepEqual, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CircuitBreaker, defaultBreaker } from '../../lb/breaker.js';
import { Circuits } from '../../lb/circuits.js';
import { allEnforced } from '../../lb/enforced.js';
import { failed, type Outcome } from '../../lb/outcome.js';
import { Standings } from '../../lb/standing.js';
import { UpstreamStats } from '../../lb/stats.js';
import { fc } from '../support/fast-check.js';
import { endpoint } from './seats.js';

const outcomes: Readonly<Record<string, Outcome>> = {
  good: { kind: 'success', ms: 1 },
  slow: { kind: 'success', ms: 900 },
  refused: failed('connect_refused', 1),
  reset: failed('reset', 1),
  outpaced: { kind: 'outpaced', ms: 900 },
  silent: { kind: 'ignored' },
};
const often = (what: string, times: number): string[] => new Array<string>(times).fill(what);
const random = (): number => 0.5;
const nothing = (): void => undefined;

const circuitsOf = (breaker: typeof defaultBreaker): Circuits => {
  const balancer = { update: nothing, changed: nothing, pick: () => undefined };
  const standings = new Standings({ balancer, panic: { percent: 50 }, enforced: allEnforced, panicked: nothing });
  const parts = { upstream: 'orders', standings, random, breaker, stats: new UpstreamStats(), enforced: allEnforced };
  return new Circuits({ ...parts, emit: nothing, changed: nothing, putOut: nothing, suspected: nothing });
};

describe('circuits', () => {
  it('say of each endpoint what a breaker of its own would, though those that have nothing to remember share one', () => {
    const step = fc.record({
      pause: fc.nat(500),
      who: fc.nat(2),
      what: fc.constantFrom(...often('begin', 12), ...often('good', 6), 'reload', ...Object.keys(outcomes)),
    });
    const shared = { once: false, again: false };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const options = { ...defaultBreaker, failures: 2, openMs: 1_000, maxOpenMs: 4_000, jitter: 0, minCalls: 3 };
        const circuits = circuitsOf(options);
        const members = ['a', 'b', 'c'].map((id) => circuits.make(endpoint(id)));
        const own = members.map(() => new CircuitBreaker(options, random));
        const [calm] = members.map(({ breaker }) => breaker);
        const out = members.map((): { epoch: number; ownEpoch: number }[] => []);
        let now = 0;
        for (const { pause, who, what } of steps) {
          now += pause;
          const member = members[who]!;
          const outcome = outcomes[what];
          if (what === 'reload') Object.assign(options, { failurePercent: 50, slow: { ms: 500, percent: 50 } });
          else if (outcome === undefined) out[who]!.push({ epoch: circuits.begin(member, now), ownEpoch: own[who]!.begin(now) });
          else {
            const ended = pause % 2 === 0 ? out[who]!.shift() : out[who]!.pop();
            if (ended === undefined) continue;
            const was = member.breaker;
            circuits.end(member, ended.epoch, outcome, now);
            own[who]!.end(ended.ownEpoch, outcome, now);
            shared.once ||= was === calm && member.breaker !== calm;
            shared.again ||= was !== calm && member.breaker === calm;
          }
          const told = (breaker: CircuitBreaker) => [breaker.state(now), breaker.failuresInRow, breaker.why(), breaker.onTrial];
          deepEqual(
            members.map(({ breaker }) => told(breaker)),
            own.map(told),
          );
        }
      }),
      { numRuns: 500 },
    );
    ok(shared.once && shared.again, 'none was shared');
  });
});
