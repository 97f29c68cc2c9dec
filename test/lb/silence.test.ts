import { equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Silence } from '../../lb/silence.js';
import { FakeClock } from '../support/clock.js';

const watched = (limit: () => number | undefined): { clock: FakeClock; silence: Silence; broken: () => number } => {
  const clock = new FakeClock();
  let broken = 0;
  return { clock, silence: new Silence(clock, limit, () => broken++), broken: () => broken };
};

describe('silence', () => {
  it('is broken once, when nothing has moved for as long as the limit, and not before', async () => {
    for (const limit of [300, 1_000, 4_500]) {
      const { clock, silence, broken } = watched(() => limit);
      await clock.advance(limit - 1);
      silence.moved();
      await clock.advance(limit - 1);
      equal(broken(), 0);
      await clock.advance(1);
      equal(broken(), 1);
      await clock.advance(100_000);
      equal(broken(), 1);
    }
  });

  it('lasts as long as it likes while there is nobody to wait for, and is noticed within a second of that', async () => {
    let limit: number | undefined;
    const { clock, silence, broken } = watched(() => limit);
    await clock.advance(100_000);
    equal(broken(), 0);
    limit = 500;
    silence.moved();
    await clock.advance(1_000);
    equal(broken(), 1);
  });

  it('counts by the shorter limit when who is waited for changes', async () => {
    let limit = 300_000;
    const { clock, broken } = watched(() => limit);
    await clock.advance(5_000);
    limit = 6_000;
    await clock.advance(1_000);
    equal(broken(), 1);
  });

  it('is not watched any more after its end', async () => {
    const { clock, silence, broken } = watched(() => 100);
    silence.end();
    await clock.advance(10_000);
    equal(broken(), 0);
  });
});
