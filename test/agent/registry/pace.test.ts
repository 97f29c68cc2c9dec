import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import { Alarm } from '../../../agent/registry/alarm.js';
import { DueQueue } from '../../../agent/registry/due-queue.js';
import { gatherMs, spreadMs } from '../../../agent/registry/pace.js';
import { ReadSlots } from '../../../agent/registry/read-slots.js';
import { calm } from '../../support/calm.js';
import { FakeClock } from '../../support/clock.js';

describe('the pace of a watcher', () => {
  it('is at once after a quiet second, then 20 ms for up to 100 children, growing to 1 s for 5,000', () => {
    const table = [
      [1_000, 5_000, 0],
      [999, 0, 20],
      [0, 100, 20],
      [0, 2_550, 510],
      [0, 5_000, 1_000],
      [0, 20_000, 1_000],
    ] as const;
    for (const [since, children, expected] of table)
      equal(gatherMs(since, children), expected, `${since} ms, ${children} children`);
  });

  it('spreads the reads of additions by 1 ms a child, and by 2 s at most', () => {
    deepEqual([0, 1, 500, 2_000, 20_000].map(spreadMs), [0, 1, 500, 2_000, 2_000]);
  });
});

describe('a queue of names', () => {
  it('gives each name once, when it is due, the urgent ones first and the others in the order of their time', () => {
    const name = fc.integer({ min: 0, max: 9 }).map(String);
    const act = fc.oneof(
      fc.record({ kind: fc.constant('now'), name, at: fc.constant(0) }),
      fc.record({ kind: fc.constant('later'), name, at: fc.integer({ min: 0, max: 100 }) }),
      fc.record({ kind: fc.constant('take'), name, at: fc.integer({ min: 0, max: 100 }) }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const queue = new DueQueue();
        const model = new Map<string, number>(); // -1: urgent
        for (const { kind, name: who, at } of acts) {
          if (kind === 'now') {
            queue.now(who);
            model.set(who, -1);
          } else if (kind === 'later') {
            queue.later(who, at);
            model.set(who, Math.min(at, model.get(who) ?? Infinity));
          } else {
            const taken = queue.take(at);
            const first = Math.min(...model.values());
            if (first > at) equal(taken, undefined);
            else equal(model.get(taken!), first);
            if (taken !== undefined) model.delete(taken);
          }
          equal(queue.size, model.size);
        }
      }),
    );
  });
});

describe('an alarm', () => {
  it('rings once, at the earliest time that was asked for', async () => {
    const clock = new FakeClock();
    const rang: number[] = [];
    const alarm = new Alarm(clock, () => void rang.push(clock.now()));
    for (const ms of [30, 10, 20]) alarm.in(ms);
    await clock.advance(100);
    deepEqual(rang, [1_010]);
    alarm.in(10);
    alarm.in(0);
    await clock.advance(100);
    deepEqual(rang, [1_010, 1_100]);
  });
});

describe('read slots', () => {
  it('let no more than the limit run, in the order of asking, whatever becomes of them', async () => {
    const slots = new ReadSlots(2);
    const ended: (() => void)[] = [];
    const begun: number[] = [];
    let [running, most] = [0, 0];
    const runs = Array.from({ length: 6 }, (_, index) =>
      slots.run(async () => {
        begun.push(index);
        most = Math.max(most, ++running);
        const end = new Promise<void>((resolve, reject) => ended.push(index % 2 ? resolve : () => reject(new Error('cut'))));
        await end.finally(() => running--);
      }),
    );
    const results = Promise.allSettled(runs);
    for (let i = 0; i < 6; i++) {
      await calm();
      equal(begun.length, Math.min(6, i + 2));
      ended[i]!();
    }
    equal((await results).length, 6);
    deepEqual(begun, [0, 1, 2, 3, 4, 5]);
    equal(most, 2);
  });
});
