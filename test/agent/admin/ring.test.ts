import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ring } from '../../../agent/admin/ring.js';
import type { Fact } from '../../../agent/events.js';

const warned = (why: string): Fact => ({ kind: 'warned', why });
const messages = (ring: Ring): string[] => ring.list().map(({ message }) => message);

describe('ring', () => {
  it('gives what it was told, oldest first, with the time', () => {
    let now = 5;
    const ring = new Ring(() => now++);
    ring.add(warned('a'));
    ring.add(warned('b'));
    deepEqual(ring.list(), [
      { at: 5, level: 'warn', message: 'a', fact: warned('a') },
      { at: 6, level: 'warn', message: 'b', fact: warned('b') },
    ]);
  });

  it('is empty before anything has happened', () => deepEqual(new Ring(() => 0).list(), []));

  for (const [told, kept] of [
    [2, ['0', '1']],
    [3, ['0', '1', '2']],
    [4, ['1', '2', '3']],
    [7, ['4', '5', '6']],
  ] as const)
    it(`keeps ${kept.join(' ')} of ${told} where it has room for 3`, () => {
      const ring = new Ring(() => 0, 3);
      for (let index = 0; index < told; index++) ring.add(warned(String(index)));
      deepEqual(messages(ring), kept);
    });

  it('keeps the last thousand', () => {
    const ring = new Ring(() => 0);
    for (let index = 0; index < 2_500; index++) ring.add(warned(String(index)));
    equal(ring.list().length, 1_000);
    deepEqual([messages(ring)[0], messages(ring).at(-1)], ['1500', '2499']);
  });

  it('leaves out steps and calls, which would push out what a person looks for', () => {
    const ring = new Ring(() => 0);
    ring.add({ kind: 'attempt_ended', upstream: 'o', endpoint: 'e', result: 'success', ms: 1 });
    ring.add({ kind: 'call_ended', upstream: 'o', method: 'GET', target: '/', requestId: 'r', status: 200, attempts: 1, ms: 1 });
    ring.add({ kind: 'probe_ended', service: 's', probe: 'p', result: 'pass' });
    deepEqual(ring.list(), []);
  });
});
