import { deepEqual } from 'node:assert/strict';
import { it } from 'node:test';
import { Inbox } from '../../../lb/fast/inbox.js';
import { Outbox } from '../../../lb/fast/outbox.js';
import { TurnClock } from '../../../lb/fast/turn-clock.js';
import { FakeClock } from '../../support/clock.js';

it('what is worked on together has one time, and what comes after it another', async () => {
  let now = 0;
  const clock = new TurnClock(Object.assign(new FakeClock(), { now: () => now }));
  const inbox = new Inbox(new Outbox(), clock);
  const times: number[] = [];
  const work = (): void => {
    times.push(clock.now());
    now += 5;
    times.push(clock.now());
  };
  inbox.addAnswer({ work });
  inbox.addRequest({ work }, true);
  await new Promise((resolve) => setImmediate(resolve));
  deepEqual([...times, clock.now()], [0, 0, 0, 0, 10]);
});
