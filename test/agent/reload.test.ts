import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Config } from '../../agent/config/load.js';
import type { Fact } from '../../agent/events.js';
import type { Pieces } from '../../agent/in-turns.js';
import { Reload } from '../../agent/reload.js';
import { tell } from '../../agent/sentences.js';
import { load, orders } from '../support/load-config.js';

const reloading = (yaml: string) => {
  const facts: Fact[] = [];
  const applied: Config[] = [];
  let text: string | (() => never) = yaml;
  let [wall, now, rests] = [1_000, 0, 0];
  /** In 20 pieces. */
  function* reading(): Pieces<Config> {
    for (let piece = 0; piece < 20; piece++) yield;
    return typeof text === 'string' ? load(orders, text) : text();
  }
  const reload = new Reload({
    config: load(orders, yaml),
    load: reading,
    setLevel: () => undefined,
    apply: async (config, before) => void applied.push(config, before),
    clock: {
      wall: () => wall,
      now: () => now++,
      sleep: async () => {
        rests++;
      },
    },
    emit: (fact) => facts.push(fact),
  });
  const again = (other: string | (() => never)): Promise<void> => {
    text = other;
    wall += 1_000;
    return reload.again('SIGHUP');
  };
  return { rests: () => rests, reload, again, applied, said: () => facts.map((fact) => tell(fact).message) };
};

describe('settings read again', () => {
  it('are handed on with those before, and told', async () => {
    const { reload, again, applied, said } = reloading('retries: 1');
    await again('retries: 2');
    deepEqual([applied.length, applied[0]!.retries, applied[1]!.retries, reload.config.retries], [2, 2, 1, 2]);
    deepEqual(reload.view(), { loadedAt: 2_000, problems: [], needsRestart: [] });
    deepEqual(said(), ['settings read again (SIGHUP): ZIDECAR_RETRIES 1 -> 2']);
  });

  it('change nothing when anything is wrong, and everything wrong is told, until they are right', async () => {
    const { reload, again, applied, said } = reloading('retries: 1');
    await again('retries: 99\nlogLevel: loud');
    equal(applied.length, 0);
    equal(reload.config.retries, 1);
    deepEqual([reload.view().loadedAt, reload.view().problems.length], [1_000, 2]);
    equal(/refused, nothing is changed: .*retries: "99".*; .*logLevel: "loud"/.test(said()[0]!), true, said()[0]);
    await again('retries: 3');
    deepEqual([reload.view().problems, reload.config.retries], [[], 3]);
  });

  it('tell again and again what needs a restart, and no more when it is taken back', async () => {
    const { reload, again, said } = reloading('grace: 5s');
    await again('grace: 6s');
    await again('grace: 6s\nretries: 2');
    deepEqual(reload.view().needsRestart, ['ZIDECAR_GRACE 5s -> 6s']);
    await again('grace: 5s\nretries: 2');
    deepEqual(reload.view().needsRestart, []);
    deepEqual(said(), [
      'settings read again (SIGHUP): nothing to change. Needs a restart: ZIDECAR_GRACE 5s -> 6s',
      'settings read again (SIGHUP): ZIDECAR_RETRIES 1 -> 2. Needs a restart: ZIDECAR_GRACE 5s -> 6s',
      'settings read again (SIGHUP): nothing to change',
    ]);
  });

  it('let a fault of ours through', async () => {
    const { again } = reloading('retries: 1');
    await rejects(
      again(() => {
        throw new TypeError('ours');
      }),
      TypeError,
    );
  });

  it('are read in turns, one reading after the other', async () => {
    const { again, rests, applied } = reloading('retries: 1');
    const first = again('retries: 2'); // 20 pieces of a millisecond each
    equal(applied.length, 0);
    await Promise.all([first, again('retries: 3')]);
    ok(rests() >= 8, `${rests()} rests`);
    deepEqual(
      applied.map(({ retries }) => retries),
      [3, 1, 3, 3],
      'each with what the one before it has left',
    );
  });
});
