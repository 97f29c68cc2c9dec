import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fact } from '../../agent/events.js';
import { Floods } from '../../agent/floods.js';
import { FakeClock } from '../support/clock.js';

const bad = (node: number, service = 'orders'): Fact => {
  return { kind: 'znode_ignored', service, path: `/services/${service}/${node}`, reason: 'not_json', detail: '' };
};
const setup = () => {
  const clock = new FakeClock();
  const told: Fact[] = [];
  return { clock, told, floods: new Floods((fact) => told.push(fact), clock) };
};
const count = (facts: readonly Fact[], kind: Fact['kind']): number => facts.filter((fact) => fact.kind === kind).length;

describe('floods', () => {
  it('tell the first bad nodes of a service one by one, and the rest as one number', async () => {
    const { clock, told, floods } = setup();
    for (let node = 0; node < 5_000; node++) floods.emit(bad(node));
    equal(told.length, 12);
    await clock.advance(5_000);
    deepEqual(told.slice(12), [{ kind: 'left_out', of: 'znode_ignored', about: 'orders', count: 4_988 }]);
    await clock.advance(600_000);
    equal(told.length, 13);
  });

  it('are told in sum at the end, each once', async () => {
    const { clock, told, floods } = setup();
    for (let node = 0; node < 50; node++) for (const service of ['orders', 'users']) floods.emit(bad(node, service));
    floods.flush();
    const sums = (): Fact[] => told.filter(({ kind }) => kind === 'left_out');
    deepEqual(
      sums().map((fact) => fact.kind === 'left_out' && `${fact.about} ${fact.count}`),
      ['orders 38', 'users 38'],
    );
    floods.flush();
    await clock.advance(600_000);
    equal(sums().length, 2);
  });

  it('of one service leave nothing out of another', () => {
    const { told, floods } = setup();
    for (let node = 0; node < 100; node++) floods.emit(bad(node));
    floods.emit(bad(1, 'users'));
    deepEqual(told.at(-1), bad(1, 'users'));
  });

  it('are told ever more rarely while they go on', async () => {
    const { clock, told, floods } = setup();
    for (let second = 0; second < 3_600; second++) {
      floods.emit(bad(second));
      await clock.advance(1_000);
    }
    const sum = told.reduce((all, fact) => all + (fact.kind === 'left_out' ? fact.count : 1), 0);
    equal(told.length < 12 + 3_600 / 30 + 20, true, `${told.length} lines in an hour`);
    equal(sum > 3_200, true, `${sum} of 3,600 told or counted so far`);
  });

  it('leave nothing out of what happens now and then', async () => {
    const { clock, told, floods } = setup();
    for (let node = 0; node < 1_000; node++) {
      floods.emit(bad(node));
      await clock.advance(30_000);
    }
    equal(count(told, 'znode_ignored'), 1_000);
  });

  it('never touch a fact that nobody can multiply', () => {
    const { told, floods } = setup();
    for (let turn = 0; turn < 500; turn++) floods.emit({ kind: 'verdict_changed', service: 'orders', up: true, why: '' });
    equal(told.length, 500);
  });

  it('keep no more buckets than their bound, whatever is warned of', () => {
    const { told, floods } = setup();
    for (let turn = 0; turn < 100_000; turn++) floods.emit({ kind: 'warned', why: `of ${turn}` });
    equal(told.length, 4_096 + 12);
  });
});
