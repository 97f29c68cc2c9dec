import { equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import { Window } from '../../lb/window.js';

describe('window', () => {
  it('forgets everything after an hour of silence', () => {
    const window = new Window(10_000);
    window.add(0, 9);
    window.add(3_600_000);
    equal(window.total(3_600_000), 1);
  });

  it('keeps a count for its span and not longer', () => {
    const window = new Window(10_000);
    window.add(500);
    equal(window.total(9_999), 1);
    equal(window.total(10_000), 0);
  });

  it('never forgets too early nor keeps a slot too long, whatever the pauses', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4_000), fc.nat(3)), { maxLength: 100 }), (steps) => {
        const window = new Window(10_000, 10);
        const added: { at: number; count: number }[] = [];
        let now = 0;
        for (const [pause, count] of steps) {
          now += pause;
          window.add(now, count);
          added.push({ at: now, count });
          const since = (ms: number): number => added.filter(({ at }) => at > now - ms).reduce((sum, one) => sum + one.count, 0);
          const total = window.total(now);
          ok(total >= since(9_000) && total <= since(10_000), `${total} at ${now}`);
        }
      }),
    );
  });
});
