import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lifecycle } from '../../agent/lifecycle.js';
import { FakeClock } from '../support/clock.js';

/** More time goes by than was slept, as for a process that stood still. */
class StandingClock extends FakeClock {
  stoodMs = 0;
  override now(): number {
    return super.now() + this.stoodMs;
  }
}

const PATIENCE = { drainWaitMs: 5_000, graceMs: 25_000 };

/** A sidecar whose every step is written down with the second it came in. */
const sidecar = (
  given: { announced?: boolean; child?: boolean; callsUntil?: number; withdrawMs?: number; spreadMs?: number } = {},
) => {
  const clock = new StandingClock();
  const began = clock.now();
  const steps: string[] = [];
  const note = (step: string): void => void steps.push(`${(clock.now() - began) / 1_000} ${step}`);
  let childEnds: (code: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => (childEnds = resolve));
  const lifecycle = new Lifecycle(
    {
      withdraw: () => {
        if (given.announced === false) return undefined;
        note('withdraw');
        return clock.sleep(given.withdrawMs ?? 0);
      },
      spread: (withinMs) => clock.sleep(given.spreadMs === undefined ? 0 : Math.min(given.spreadMs, withinMs)),
      drainOutbound: () => note('drain outbound'),
      outbound: () => ({ connections: 0, calls: clock.now() - began < (given.callsUntil ?? 0) ? 1 : 0 }),
      child: () => (given.child ? { ended, signal: (name) => note(`child ${name}`) } : undefined),
      close: async () => note('close'),
    },
    PATIENCE,
    clock,
    (fact) => fact.kind === 'phase_changed' && note(fact.phase),
  );
  return { clock, steps, lifecycle, childEnds: (code: number) => childEnds(code) };
};

describe('lifecycle', () => {
  it('withdraws first, waits until peers can know, and closes when the app is quiet', async () => {
    const { clock, steps, lifecycle } = sidecar();
    void lifecycle.stop('SIGTERM', 'SIGTERM');
    await clock.advance(60_000);
    deepEqual(steps, ['0 draining', '0 withdraw', '5 drain outbound', '6 close', '6 stopped']);
  });

  it('gives peers their time from when every server knows of it, for one of which it does not wait for ever', async () => {
    const { clock, steps, lifecycle } = sidecar({ spreadMs: 300 });
    void lifecycle.stop('SIGTERM', 'SIGTERM');
    await clock.advance(60_000);
    equal(steps[2], '5.3 drain outbound');
    const never = sidecar({ spreadMs: Infinity });
    void never.lifecycle.stop('SIGTERM', 'SIGTERM');
    await never.clock.advance(60_000);
    equal(never.steps[2], '6 drain outbound');
  });

  it('does not wait for peers that have never heard of us', async () => {
    const { clock, steps, lifecycle } = sidecar({ announced: false });
    void lifecycle.stop('SIGTERM', 'SIGTERM');
    await clock.advance(60_000);
    deepEqual(steps, ['0 draining', '0 drain outbound', '1 close', '1 stopped']);
  });

  it('keeps outbound open while the app still calls, up to the grace', async () => {
    const short = sidecar({ announced: false, callsUntil: 3_001 });
    void short.lifecycle.stop('SIGTERM', 'SIGTERM');
    await short.clock.advance(60_000);
    equal(short.steps.at(-1), '4 stopped');
    const endless = sidecar({ announced: false, callsUntil: Infinity });
    void endless.lifecycle.stop('SIGTERM', 'SIGTERM');
    await endless.clock.advance(60_000);
    equal(endless.steps.at(-1), '25 stopped');
  });

  it('takes no time in which it stood still itself for the quiet of the app', async () => {
    const { clock, steps, lifecycle } = sidecar({ announced: false, callsUntil: 10_000 });
    void lifecycle.stop('SIGTERM', 'SIGTERM');
    await clock.advance(120);
    clock.stoodMs = 1_200;
    await clock.advance(100);
    deepEqual(steps, ['0 draining', '0 drain outbound']);
  });

  it('tells the child only when peers can know, and waits for it', async () => {
    const { clock, steps, lifecycle, childEnds } = sidecar({ child: true });
    void lifecycle.stop('SIGTERM', 'SIGTERM');
    await clock.advance(7_000);
    childEnds(0);
    await clock.advance(1_000);
    deepEqual(steps, ['0 draining', '0 withdraw', '5 drain outbound', '5 child SIGTERM', '7 close', '7 stopped']);
  });

  it('does not wait for peers when the child has ended by itself, but still withdraws', async () => {
    const { clock, steps, lifecycle, childEnds } = sidecar({ child: true });
    childEnds(3);
    void lifecycle.childEnded('the app ended with 3');
    await clock.advance(1_000);
    deepEqual(steps.at(-1), '0 stopped');
    deepEqual(steps[0], '0 withdraw');
  });

  it('gives up on a registry that does not answer', async () => {
    const { clock, steps, lifecycle } = sidecar({ withdrawMs: Infinity });
    void lifecycle.stop('SIGTERM', 'SIGTERM');
    await clock.advance(60_000);
    equal(steps.at(-1), '6 stopped');
  });

  it('waits for nobody any more when the child dies during the drain', async () => {
    const { clock, steps, lifecycle, childEnds } = sidecar({ child: true });
    void lifecycle.stop('SIGTERM', 'SIGTERM');
    await clock.advance(1_000);
    childEnds(0);
    await clock.advance(1);
    equal(steps.at(-1), '1 stopped');
  });

  it('waits once for a drain that came before the stop, and again after an undrain', async () => {
    const drained = sidecar();
    void drained.lifecycle.drain();
    await drained.clock.advance(5_000);
    void drained.lifecycle.stop('SIGTERM', 'SIGTERM');
    await drained.clock.advance(60_000);
    equal(drained.steps.at(-1), '6 stopped');
    const undrained = sidecar();
    void undrained.lifecycle.drain();
    await undrained.clock.advance(5_000);
    undrained.lifecycle.undrained();
    void undrained.lifecycle.stop('SIGTERM', 'SIGTERM');
    await undrained.clock.advance(60_000);
    equal(undrained.steps.at(-1), '11 stopped');
  });

  it('says that it is closing only when outbound closes', async () => {
    const { clock, lifecycle } = sidecar();
    void lifecycle.stop('SIGTERM', 'SIGTERM');
    await clock.advance(5_500);
    equal(lifecycle.closing, false);
    await clock.advance(1_000);
    equal(lifecycle.closing, true);
  });
});
