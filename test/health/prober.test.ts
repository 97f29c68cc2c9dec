import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HealthFact } from '../../health/ports.js';
import type { Probe, ProbeResult } from '../../health/probe.js';
import { Prober, type Pace } from '../../health/prober.js';
import { Verdict } from '../../health/verdict.js';
import { FakeClock } from '../support/clock.js';

const pass: ProbeResult = { kind: 'pass' };
const fail: ProbeResult = { kind: 'fail', why: 'refused' };
const unknown: ProbeResult = { kind: 'unknown', why: 'too many open files' };
const start = 1_000; // of the fake clock

interface Setting {
  readonly pace?: Pace;
  readonly rise?: number;
  readonly fall?: number;
  readonly random?: number;
}

/** A prober of a probe that is told, for each time it is asked, what to answer; the last word stands. */
function rig(answers: readonly (ProbeResult | 'silence' | 'throw')[], setting: Setting = {}) {
  const clock = new FakeClock();
  const asked: number[] = [];
  const aborted: number[] = [];
  const facts: HealthFact[] = [];
  const verdicts: [number, boolean][] = [];
  const probe: Probe = {
    name: 'test',
    check(signal) {
      const answer = answers[Math.min(asked.length, answers.length - 1)];
      asked.push(clock.now() - start);
      signal.addEventListener('abort', () => aborted.push(clock.now() - start));
      if (answer === 'throw') throw new Error('broken probe');
      return answer === 'silence' ? new Promise(() => undefined) : Promise.resolve(answer!);
    },
  };
  const { pace = { intervalMs: 5_000, timeoutMs: 1_000 }, rise = 1, fall = 1, random = 0 } = setting;
  const emit = (fact: HealthFact): void => void facts.push(fact);
  const verdict = new Verdict({ rise, fall });
  const prober = new Prober({ service: 'orders', probe, verdict, pace, clock, random: () => random, emit });
  prober.start((up) => verdicts.push([clock.now() - start, up]));
  const told = (kind: HealthFact['kind']): HealthFact[] => facts.filter((fact) => fact.kind === kind);
  return { clock, asked, aborted, facts, verdicts, prober, told };
}

describe('prober', () => {
  it('tells changes of the verdict only, and not that it starts down', async () => {
    const { clock, verdicts, prober } = rig([pass, pass, pass, fail, fail]);
    equal(prober.up, false);
    await clock.advance(21_000);
    deepEqual(verdicts, [
      [0, true],
      [15_000, false],
    ]);
    await prober.stop();
  });

  it('asks every interval while the app is well', async () => {
    const { clock, asked, prober } = rig([pass]);
    await clock.advance(15_000);
    deepEqual(asked, [0, 5_000, 10_000, 15_000]);
    await prober.stop();
  });

  it('asks every 500 ms while the app is down', async () => {
    const { clock, asked, prober } = rig([fail]);
    await clock.advance(2_000);
    deepEqual(asked, [0, 500, 1_000, 1_500, 2_000]);
    await prober.stop();
  });

  it('asks every 500 ms while the last result disagrees with the verdict', async () => {
    const { clock, asked, prober } = rig([pass, fail, fail, pass], { fall: 3 });
    await clock.advance(12_000);
    deepEqual(asked, [0, 5_000, 5_500, 6_000, 11_000]);
    await prober.stop();
  });

  it('stays at the interval when that is shorter than 500 ms', async () => {
    const { clock, asked, prober } = rig([fail], { pace: { intervalMs: 200, timeoutMs: 100 } });
    await clock.advance(600);
    deepEqual(asked, [0, 200, 400, 600]);
    await prober.stop();
  });

  it('shortens a pause by a tenth at most, and never lengthens it', async () => {
    const { clock, asked, prober } = rig([pass], { random: 0.999_999_999 });
    await clock.advance(9_500);
    deepEqual(asked.map(Math.round), [0, 4_500, 9_000]);
    await prober.stop();
  });

  it('takes silence for a fail when the time is up, and aborts the probe', async () => {
    const { clock, aborted, told, prober } = rig(['silence']);
    await clock.advance(999);
    deepEqual(aborted, []);
    await clock.advance(1);
    deepEqual(aborted, [1_000]);
    const why = 'test: no full answer in 1000 ms';
    deepEqual(told('probe_ended'), [{ kind: 'probe_ended', service: 'orders', probe: 'test', result: 'fail', why }]);
    await prober.stop();
  });

  it('does not blame the app for a time in which it stood still itself', async () => {
    const { clock, prober } = rig([pass, 'silence']);
    await clock.advance(5_000);
    const honest = clock.now.bind(clock);
    clock.now = () => honest() + 30_000; // the timer rings, and by the clock it is long past
    await clock.advance(1_000);
    equal(prober.view().last?.kind, 'unknown');
    equal(prober.up, true);
    await prober.stop();
  });

  it('does not take its own trouble for the app being down', async () => {
    const { clock, verdicts, prober } = rig([pass, unknown, 'throw']);
    await clock.advance(30_000);
    deepEqual(verdicts, [[0, true]]);
    deepEqual(prober.view().last, { kind: 'unknown', why: 'the probe test broke: broken probe' });
    await prober.stop();
  });

  it('says once that it has been blind for 60 s, and again only after it has seen something', async () => {
    const minute = Array.from({ length: 13 }, () => unknown);
    const { clock, told, prober } = rig([pass, ...minute, pass, unknown]);
    await clock.advance(64_999);
    deepEqual(told('probe_blind'), []);
    await clock.advance(1);
    deepEqual(told('probe_blind'), [{ kind: 'probe_blind', service: 'orders', why: 'too many open files' }]);
    await clock.advance(69_999);
    equal(told('probe_blind').length, 1);
    await clock.advance(60_000);
    equal(told('probe_blind').length, 2);
    await prober.stop();
  });

  it('gives a hint once', async () => {
    const { clock, told, prober } = rig([{ ...fail, hint: 'look there' }]);
    await clock.advance(5_000);
    deepEqual(told('probe_hint'), [{ kind: 'probe_hint', service: 'orders', hint: 'look there' }]);
    await prober.stop();
  });

  it('tells why the verdict changed', async () => {
    const { clock, told, prober } = rig([pass, fail]);
    await clock.advance(5_000);
    deepEqual(told('verdict_changed'), [
      { kind: 'verdict_changed', service: 'orders', up: true, why: 'passed once' },
      { kind: 'verdict_changed', service: 'orders', up: false, why: 'failed once, the last: refused' },
    ]);
    await prober.stop();
  });

  it('shows the verdict, since when it stands, and the last result', async () => {
    const { clock, prober } = rig([fail, pass, pass]);
    deepEqual(prober.view(), { up: false, probe: 'test' });
    await clock.advance(6_000);
    deepEqual(prober.view(), {
      up: true,
      probe: 'test',
      since: new Date(clock.wall() - 5_500).toISOString(),
      last: pass,
    });
    await prober.stop();
  });

  it('gives up the running probe when it is stopped, and tells nothing of it', async () => {
    const { clock, asked, aborted, facts, prober } = rig(['silence']);
    await clock.advance(300);
    await prober.stop();
    deepEqual(aborted, [300]);
    await clock.advance(10_000);
    deepEqual(asked, [0]);
    deepEqual(facts, []);
  });

  it('ends its pause when it is stopped', async () => {
    const { clock, asked, prober } = rig([pass]);
    await clock.advance(100);
    await prober.stop();
    await clock.advance(10_000);
    deepEqual(asked, [0]);
  });

  it('started by several asks once, and tells each of them', async () => {
    const { clock, asked, verdicts, prober } = rig([pass, fail]);
    const others: boolean[] = [];
    prober.start((up) => others.push(up));
    await clock.advance(5_000);
    deepEqual(
      [asked, verdicts.map(([, up]) => up), others],
      [
        [0, 5_000],
        [true, false],
        [true, false],
      ],
    );
    await prober.stop();
  });

  it('can be stopped twice', async () => {
    const { prober, facts } = rig([pass]);
    await prober.stop();
    await prober.stop();
    ok(facts.length <= 1);
  });
});
