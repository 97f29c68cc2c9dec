import { deepEqual, equal, throws } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Config } from '../../agent/config/load.js';
import type { Fact } from '../../agent/events.js';
import { Reload } from '../../agent/reload.js';
import { tell } from '../../agent/sentences.js';
import { load, orders } from '../support/load-config.js';

const reloading = (yaml: string) => {
  const facts: Fact[] = [];
  const applied: Config[] = [];
  let text: string | (() => never) = yaml;
  let wall = 1_000;
  const reload = new Reload({
    config: load(orders, yaml),
    load: () => (typeof text === 'string' ? load(orders, text) : text()),
    apply: (config, before) => applied.push(config, before),
    clock: { wall: () => wall },
    emit: (fact) => facts.push(fact),
  });
  const again = (now: string | (() => never)): void => {
    text = now;
    wall += 1_000;
    reload.again('SIGHUP');
  };
  return { reload, again, applied, said: () => facts.map((fact) => tell(fact).message) };
};

describe('settings read again', () => {
  it('are handed on with those before, and told', () => {
    const { reload, again, applied, said } = reloading('retries: 1');
    again('retries: 2');
    deepEqual([applied.length, applied[0]!.retries, applied[1]!.retries, reload.config.retries], [2, 2, 1, 2]);
    deepEqual(reload.view(), { loadedAt: 2_000, problems: [], needsRestart: [] });
    deepEqual(said(), ['settings read again (SIGHUP): ZIDECAR_RETRIES 1 -> 2']);
  });

  it('change nothing when anything is wrong, and everything wrong is told, until they are right', () => {
    const { reload, again, applied, said } = reloading('retries: 1');
    again('retries: 99\nlogLevel: loud');
    equal(applied.length, 0);
    equal(reload.config.retries, 1);
    deepEqual([reload.view().loadedAt, reload.view().problems.length], [1_000, 2]);
    equal(/refused, nothing is changed: .*retries: "99".*; .*logLevel: "loud"/.test(said()[0]!), true, said()[0]);
    again('retries: 3');
    deepEqual([reload.view().problems, reload.config.retries], [[], 3]);
  });

  it('tell again and again what needs a restart, and no more when it is taken back', () => {
    const { reload, again, said } = reloading('grace: 5s');
    again('grace: 6s');
    again('grace: 6s\nretries: 2');
    deepEqual(reload.view().needsRestart, ['ZIDECAR_GRACE 5s -> 6s']);
    again('grace: 5s\nretries: 2');
    deepEqual(reload.view().needsRestart, []);
    deepEqual(said(), [
      'settings read again (SIGHUP): nothing to change. Needs a restart: ZIDECAR_GRACE 5s -> 6s',
      'settings read again (SIGHUP): ZIDECAR_RETRIES 1 -> 2. Needs a restart: ZIDECAR_GRACE 5s -> 6s',
      'settings read again (SIGHUP): nothing to change',
    ]);
  });

  it('let a fault of ours through', () => {
    const { again } = reloading('retries: 1');
    throws(
      () =>
        again(() => {
          throw new TypeError('ours');
        }),
      TypeError,
    );
  });
});
