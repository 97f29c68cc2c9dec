/** What is kept of earlier judgements: as much as it says, and nothing of other settings. */
import { equal, notEqual, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError } from '../../../agent/config/problems.js';
import { judge, remembering, type Judge } from '../../../deploy/inject/judge.js';

const env = (service: string, more: Record<string, string> = {}): ReadonlyMap<string, string> =>
  new Map(Object.entries({ ZIDECAR_ZOOKEEPER: 'zk:2181', ZIDECAR_SERVICE: service, ZIDECAR_APP_PORT: '8080', ...more }));

function counted(): { readonly judge: Judge; readonly count: () => number } {
  let count = 0;
  return { judge: remembering((...asked) => (count++, judge(...asked))), count: () => count };
}

describe('settings that were judged a moment ago', () => {
  it('are not judged again, good or wrong', () => {
    const { judge: ask, count } = counted();
    const first = ask(env('orders'), false);
    equal(ask(env('orders'), false), first);
    const wrong = env('orders', { ZIDECAR_WEIGHT: 'heavy' });
    ok(ask(wrong, false) instanceof ConfigError);
    equal(ask(wrong, false), ask(wrong, false));
    equal(count(), 2);
  });

  it('are others where a value is another, or a file says more', () => {
    const { judge: ask, count } = counted();
    const first = ask(env('orders'), false);
    notEqual(ask(env('users'), false), first);
    notEqual(ask(env('orders'), true), first);
    equal(count(), 3);
  });

  it('are forgotten, the oldest first, before they are too many or too long', () => {
    const { judge: ask, count } = counted();
    for (let index = 0; index < 65; index++) ask(env(`orders-${index}`), false);
    ask(env('orders-1'), false);
    equal(count(), 65);
    ask(env('orders-0'), false);
    equal(count(), 66);
    const long = env('orders', { ZIDECAR_META: `a=${'x'.repeat(4096)}` });
    ask(long, false);
    ask(long, false);
    equal(count(), 68);
  });
});
