import { deepEqual, match } from 'node:assert/strict';
import { it } from 'node:test';
import { clock as real } from '../../../agent/system.js';
import { Inbox } from '../../../lb/fast/inbox.js';
import { Outbox } from '../../../lb/fast/outbox.js';
import { TurnClock } from '../../../lb/fast/turn-clock.js';
import { FakeClock } from '../../support/clock.js';
import { RawServer } from '../../support/raw.js';
import { get, house, ok, useLane } from '../full/house.js';

useLane('fast');

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

it('a send that fails in the turn that made it has taken no time', async (t) => {
  let looks = 0;
  const clock = { ...real, now: () => looks++ };
  const options = { clock, limits: { connections: 0 }, proxy: { traced: () => true } };
  const { ask, facts } = await house(t, { orders: [await RawServer.always(ok())] }, options);
  match(await ask(get()), /^HTTP\/1\.1 503 /);
  const attempts = facts.filter((fact) => fact.kind === 'attempt_ended');
  deepEqual(
    attempts.map(({ result, ms }) => [result, ms]),
    [['overflow', 0]],
  );
});
