import { deepEqual } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Tellings } from '../../../agent/registry/tellings.js';
import { FakeClock } from '../../support/clock.js';

/** Time passes while something is done, and turns are played one by one. */
class BusyClock extends FakeClock {
  spent = 0;
  readonly turns: (() => void)[] = [];
  override now(): number {
    return this.spent;
  }
  override after(_: number, run: () => void): () => void {
    this.turns.push(run);
    return () => undefined;
  }
}

describe('lists that are to be told', () => {
  it('are told once each, in the next turn, and no more of them than a few milliseconds are enough for', () => {
    const clock = new BusyClock();
    const tellings = new Tellings(clock);
    const told: string[] = [];
    const tells = ['a', 'b', 'c', 'd', 'e'].map((name) => () => {
      told.push(name);
      clock.spent += 3;
    });
    for (const tell of [...tells, ...tells]) tellings.soon(tell);
    tellings.cancel(tells[1]!);
    deepEqual(told, []);
    const turns = [];
    while (clock.turns.length > 0) {
      clock.turns.shift()!();
      turns.push(told.splice(0).join(''));
    }
    deepEqual(turns, ['ac', 'de']);
  });
});
