import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CircuitBreaker, defaultBreaker } from '../../lb/breaker.js';
import { Member, type Mark } from '../../lb/member.js';
import { allEnforced, type Enforced } from '../../lb/enforced.js';
import { Standings } from '../../lb/standing.js';
import { fc } from '../support/fast-check.js';
import { endpoint } from './seats.js';

const member = (id: string, weight = 1): Member =>
  new Member(endpoint(id, weight), new CircuitBreaker(defaultBreaker, () => 0.5));

const standing = (ids: string, enforced: Partial<Enforced> = {}, percent = 50) => {
  const panic = { percent };
  const members = ids.split('').map((id) => member(id, id === '0' ? 0 : 1));
  const acted = { ...allEnforced, ...enforced };
  const told: string[] = [];
  const pushed: string[] = [];
  const standings = new Standings({
    balancer: { update: () => undefined, pick: () => undefined, changed: ({ endpoint: { id } }) => void pushed.push(id) },
    panic,
    enforced: acted,
    panicked: (began, well, total) => void told.push(`${began ? 'panic' : 'calm'} ${well} of ${total}`),
  });
  standings.update(members);
  const set = (id: string, mark: Mark, is = true): void =>
    standings.set(
      members.find((each) => each.endpoint.id === id)!,
      mark,
      is,
    );
  const in_ = (): string =>
    members
      .filter(({ eligible }) => eligible)
      .map(({ endpoint: { id } }) => id)
      .join('');
  return { standings, members, acted, set, in: in_, told, pushed };
};

describe('standing', () => {
  it('keeps out by fact and by opinion, and lets in again when nothing is left', () => {
    const { set, in: serving, pushed } = standing('abcd');
    set('a', 'shut');
    set('b', 'ejected');
    equal(serving(), 'cd');
    set('b', 'ill');
    set('b', 'ejected', false);
    equal(serving(), 'cd');
    set('b', 'ill', false);
    set('a', 'shut', false);
    equal(serving(), 'abcd');
    deepEqual(pushed, ['a', 'b', 'b', 'a']);
  });

  it('pardons opinions below half, never facts, and holds them again from half on', () => {
    const { set, in: serving, told } = standing('abcd');
    for (const mark of ['open', 'shut'] as const) set('a', mark);
    set('b', 'ejected');
    equal(serving(), 'cd'); // half is well
    set('c', 'ill');
    equal(serving(), 'bcd');
    set('a', 'shut', false); // its trial may go, but it is not well yet
    equal(serving(), 'abcd');
    set('a', 'open', false);
    equal(serving(), 'ad');
    deepEqual(told, ['panic 1 of 4', 'calm 2 of 4']);
  });

  it('is no panic where there is nobody to pardon, nor where it is off', () => {
    const facts = standing('ab');
    facts.set('a', 'open');
    facts.set('b', 'open');
    deepEqual(facts.told, []);
    const off = standing('ab', {}, 0);
    off.set('a', 'ejected');
    off.set('b', 'ejected');
    deepEqual([off.in(), off.told], ['', []]);
  });

  it('does not count those without weight', () => {
    const { set, told } = standing('a0');
    set('0', 'ejected');
    set('a', 'ill');
    deepEqual(told, ['panic 0 of 1']);
  });

  it('does not count those that are kept from a list that holds no more', () => {
    const { standings, members, set, told } = standing('abc');
    const doubt = { why: 'kept', kept: true, ask: () => () => undefined, failed: () => undefined };
    for (const kept of members.slice(1)) kept.endpoint = { ...kept.endpoint, doubt };
    standings.update(members);
    set('a', 'ill');
    deepEqual(told, ['panic 0 of 1']);
  });

  it('sets suspects aside as long as anybody is above suspicion', () => {
    const { standings, set, in: serving } = standing('abc');
    set('a', 'suspect');
    set('b', 'suspect');
    equal(serving(), 'c');
    equal(standings.untriedSuspect(['a'])!.endpoint.id, 'b');
    set('c', 'shut');
    set('c', 'open');
    equal(serving(), 'ab');
    set('c', 'shut', false); // waits for its trial, which may fail
    equal(serving(), 'abc');
    set('c', 'open', false);
    equal(serving(), 'c');
  });

  it('looks at some suspects only for a call that needs one, and at others for the next', () => {
    const { standings, members } = standing('0'.repeat(1_000));
    members.forEach((one, index) => (one.endpoint = endpoint(`e${index}`)));
    for (const one of members) standings.set(one, 'suspect', true);
    let looks = 0;
    const fits = ({ endpoint: { id } }: Member): boolean => (looks++, id === 'e999');
    let found: Member | undefined;
    for (let call = 0; call < 16 && found === undefined; call++) {
      looks = 0;
      found = standings.untriedSuspect([], fits);
      ok(looks <= 64, `${looks} looks`);
    }
    equal(found, members[999]);
  });

  it('only writes down what is in the shadow', () => {
    const { set, in: serving, told } = standing('abc', { circuit: false, outlier: false, checks: false });
    set('a', 'shut');
    set('a', 'open');
    set('b', 'ejected');
    set('b', 'suspect');
    set('c', 'ill');
    deepEqual([serving(), told], ['abc', []]);
  });

  it('acts on what was in the shadow as soon as it is told to', () => {
    const { standings, acted, set, in: serving, pushed } = standing('abc', { circuit: false });
    set('a', 'shut');
    set('a', 'open');
    deepEqual(pushed, []);
    acted.circuit = true;
    standings.reconsider();
    deepEqual([serving(), pushed], ['bc', ['a']]);
  });

  it('comes to the same by steps as all at once, and pushes every change once', () => {
    const marks = ['open', 'shut', 'suspect', 'ejected', 'ill'] as const;
    const step = fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd', 'e', '0'),
      mark: fc.constantFrom(...marks),
      is: fc.nat(3).map((draw) => draw > 0),
    });
    const enforced = fc.record({ circuit: fc.boolean(), outlier: fc.boolean(), checks: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), enforced, fc.nat(100), (steps, enforced, percent) => {
        const { standings, members, set, in: serving, pushed } = standing('abcde0', enforced, percent);
        for (const { id, mark, is } of steps) {
          pushed.length = 0;
          const pushable = ({ eligible, pardonable, stand }: Member): string => `${eligible} ${pardonable} ${stand}`;
          const before = new Map(members.map((each) => [each, pushable(each)]));
          set(id, mark, is);
          const moved = members.filter((each) => before.get(each) !== pushable(each));
          deepEqual([...pushed].sort(), moved.map(({ endpoint: { id: one } }) => one).sort());
          const byStep = serving();
          standings.update(members);
          equal(serving(), byStep);
        }
      }),
    );
  });
});
