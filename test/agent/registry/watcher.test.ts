import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import type { Fact } from '../../../agent/events.js';
import { curator } from '../../../agent/registry/dialects/curator.js';
import { dialects } from '../../../agent/registry/dialects/dialects.js';
import type { InstanceList } from '../../../agent/registry/registry.js';
import { TreeRegistry } from '../../../agent/registry/tree-registry.js';
import { calm } from '../../support/calm.js';
import { FakeClock } from '../../support/clock.js';
import { MemoryStore, MemoryTree } from '../../support/memory-tree.js';
import { seeded } from '../../support/random.js';
import { instance } from './dialects/node.js';

const path = '/services/orders';
const source = { dialect: 'curator', path };

/** Each look at the time costs some, so that how often others have a turn depends on no machine. */
class SlowClock extends FakeClock {
  rests = 0;
  look: number;
  /** At the next rest, once. */
  meanwhile: (() => void) | undefined;
  #spent = 0;
  constructor(look: number) {
    super();
    this.look = look;
  }
  override now(): number {
    return super.now() + (this.#spent += this.look);
  }
  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms === 0) {
      this.rests++;
      this.meanwhile?.();
      this.meanwhile = undefined;
    }
    return super.sleep(ms, signal);
  }
}

const setup = ({ connected = true, random = seeded(1), tells = false, clock = new FakeClock() } = {}) => {
  const store = new MemoryStore(() => clock.wall());
  const tree = new MemoryTree(store, { connected, tells });
  const facts: Fact[] = [];
  const registry = new TreeRegistry({ tree, dialects, clock, random, emit: (fact) => void facts.push(fact) });
  const lists: InstanceList[] = [];
  const watch = (service = 'orders', at = source, onList = (): unknown => undefined) =>
    registry.watch(service, at, (list) => void (lists.push(list), onList()));
  const join = (id: string, weight = 1): void =>
    store.plant(`${path}/${id}`, curator.place(instance({ id, weight })).data, '0xpeer');
  const last = (): InstanceList => lists.at(-1)!;
  const ids = (): readonly string[] =>
    last()
      .instances.map(({ id }) => id)
      .sort();
  const calls = (kind: string): readonly string[] => tree.calls.filter((call) => call.startsWith(`${kind} `));
  const told = <K extends Fact['kind']>(kind: K) =>
    facts.filter((fact): fact is Extract<Fact, { kind: K }> => fact.kind === kind);
  const pass = async (ms: number): Promise<void> => {
    await calm();
    await clock.advance(ms);
    await calm();
  };
  return { clock, store, tree, registry, lists, facts, watch, join, last, ids, calls, told, pass };
};
const many = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `i${String(index).padStart(5, '0')}`);

/** Holds back the read of one node until the function that is returned is called. */
function holdRead(tree: MemoryTree, name: string): () => void {
  const read = tree.read.bind(tree);
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  tree.read = (...asked) => (asked[0].endsWith(`/${name}`) ? held : Promise.resolve()).then(() => read(...asked));
  return () => release();
}

describe('watcher', () => {
  it('tells the list of those who are there, once, when all have been read', async () => {
    const { watch, join, lists, ids, told, pass } = setup();
    for (const id of many(30)) join(id);
    watch();
    await pass(0);
    equal(lists.length, 1);
    deepEqual(ids(), many(30));
    equal(lists[0]!.confirmed, true);
    deepEqual(told('list_changed'), [{ kind: 'list_changed', path, joined: 30, left: 0, total: 30 }]);
  });

  it('tells how long a change took since its watch fired, once the list has been handed on', async () => {
    const { watch, join, store, lists, facts, told, pass } = setup();
    const wereTold = (): number => facts.filter(({ kind }) => kind === 'list_changed').length;
    const before: number[] = [];
    watch(undefined, undefined, () => before.push(wereTold()));
    await pass(5_000);
    join('a');
    await pass(0);
    join('b');
    await pass(10);
    join('c');
    await pass(13); // gathered for 20 ms since b came, and spread
    store.delete(`${path}/a`);
    await pass(5_000);
    deepEqual(
      told('list_changed').map(({ joined, left, tookMs }) => [joined, left, tookMs && Math.floor(tookMs / 10) * 10]),
      [
        [0, 0, undefined],
        [1, 0, 0],
        [2, 0, 20],
        [0, 1, 0],
      ],
    );
    deepEqual(before, [0, 1, 2, 3]);
    equal(lists.length, 4);
  });

  it('tells once what was heard within one turn of the event loop', async () => {
    const { watch, join, store, ids, told, pass } = setup({ tells: true });
    for (const id of many(30)) join(id);
    watch();
    await pass(5_000);
    for (const id of many(10)) store.delete(`${path}/${id}`);
    await pass(5_000);
    deepEqual(ids(), many(30).slice(10));
    deepEqual(
      told('list_changed').map(({ joined, left }) => [joined, left]),
      [
        [30, 0],
        [0, 10],
      ],
    );
  });

  it('counts no time of a watch that came to nothing', async () => {
    const { watch, join, store, told, pass } = setup();
    join('a');
    watch();
    await pass(5_000);
    join('a'); // written again as it was
    store.plant(`${path}/bad`, 'garbage');
    await pass(5_000);
    store.delete(`${path}/bad`);
    await pass(5_000);
    join('a', 5);
    await pass(5_000);
    store.delete(`${path}/a`);
    await pass(5_000);
    deepEqual(
      told('list_changed').map(({ tookMs }) => tookMs),
      [undefined, 0],
    );
  });

  it('counts no time for the first list, though a watch fires before it is told', async () => {
    const { watch, join, tree, told, pass } = setup();
    join('a');
    tree.fail('read', 'connection_lost'); // asked again within a second
    watch();
    await pass(1);
    join('b');
    await pass(499);
    deepEqual(
      told('list_changed').map(({ joined, tookMs }) => [joined > 0, tookMs]),
      [[true, undefined]],
    );
  });

  it('counts no time from a watch whose node has been read since', async () => {
    const { watch, join, store, tree, told, pass } = setup();
    const read = tree.read.bind(tree);
    watch();
    await pass(5_000);
    join('a');
    await pass(5_000);
    tree.read = (at, onChange) => {
      tree.read = read;
      join('b', 5); // its watch fires, and what it tells of is in this answer
      return read(at, onChange);
    };
    join('b');
    await pass(5_000);
    tree.fire = () => undefined; // the watches on them are lost
    for (const id of ['a', 'b']) store.delete(`${path}/${id}`);
    await pass(600_000);
    deepEqual(
      told('list_changed').map(({ joined, left, tookMs }) => [joined, left, tookMs]),
      [
        [0, 0, undefined],
        [1, 0, 0],
        [1, 0, 0],
        [0, 2, undefined],
      ],
    );
  });

  it('counts the time for which the connection was lost after a watch had fired', async () => {
    const { watch, join, tree, told, pass } = setup();
    watch();
    await pass(5_000);
    const release = tree.hold();
    join('a');
    await calm();
    tree.lose();
    release();
    await pass(3_000);
    tree.connect();
    await pass(1_000);
    const took = told('list_changed')[1]!.tookMs!;
    ok(took >= 3_000 && took < 4_000, `${took} ms`);
  });

  it('takes a missing parent for a list of none, and hears when somebody comes', async () => {
    const { watch, join, lists, ids, last, pass } = setup();
    watch();
    await pass(0);
    deepEqual(last().instances, []);
    equal(last().confirmed, true);
    join('a');
    await pass(1_000);
    deepEqual(ids(), ['a']);
    equal(lists.length, 2);
  });

  it('hears again after an empty parent was taken away and made anew', async () => {
    const { watch, join, store, ids, pass } = setup();
    join('a');
    watch();
    await pass(0);
    store.delete(`${path}/a`);
    store.delete(path);
    await pass(1_000);
    deepEqual(ids(), []);
    join('b');
    await pass(10_000);
    deepEqual(ids(), ['b']);
  });

  it('asks for a parent that comes and goes every 5 s at most', async () => {
    const { watch, join, store, calls, pass } = setup();
    watch();
    for (let i = 0; i < 600; i++) {
      join('a');
      store.delete(`${path}/a`);
      store.delete(path);
      await pass(100);
    }
    ok(calls('children').length <= 30, `asked ${calls('children').length} times in a minute`);
  });

  it('reads only who is new', async () => {
    const { watch, join, ids, calls, tree, pass } = setup();
    for (const id of many(20)) join(id);
    watch();
    await pass(5_000);
    tree.calls.length = 0;
    join('new');
    await pass(0);
    await pass(20);
    equal(ids().length, 21);
    deepEqual(calls('read'), [`read ${path}/new`]);
    equal(calls('children').length, 1);
  });

  it('hears at once of a change after a quiet second, and gathers the next ones for 20 ms', async () => {
    const { watch, join, ids, calls, pass } = setup();
    watch();
    await pass(5_000);
    join('a');
    await pass(0);
    deepEqual(ids(), ['a']);
    const before = calls('children').length;
    join('b');
    await pass(10);
    join('c');
    await pass(9);
    deepEqual(ids(), ['a']);
    await pass(1 + 2); // and a millisecond for each addition
    deepEqual(ids(), ['a', 'b', 'c']);
    equal(calls('children').length, before + 1);
  });

  it('never delays a leave, even while changes are being gathered', async () => {
    const { watch, join, store, ids, pass } = setup();
    for (const id of many(1_000)) join(id);
    watch();
    await pass(5_000);
    join('a');
    await pass(30);
    store.delete(`${path}/i00007`);
    await pass(20); // a thousandth of a thousand children, not the 200 ms that joins gather
    ok(!ids().includes('i00007'));
  });

  it('never delays a leave, even while additions are being read', async () => {
    const { watch, join, store, ids, pass } = setup();
    for (const id of many(1_000)) join(id);
    watch();
    await pass(5_000);
    for (const id of many(500)) join(`new-${id}`);
    await pass(100);
    store.delete(`${path}/i00007`);
    await pass(30);
    ok(!ids().includes('i00007'));
  });

  it('spreads the reads of many additions, so that its fellows and it do not ask all at once', async () => {
    const { watch, join, ids, calls, pass } = setup();
    watch();
    await pass(5_000);
    for (const id of many(400)) join(id);
    await pass(100);
    const begun = calls('read').length;
    ok(begun > 50 && begun < 150, `${begun} of 400 after 100 of 400 ms`);
    await pass(400);
    equal(ids().length, 400);
  });

  it('looks again when its watch fires while the answer is on its way', async () => {
    const { watch, join, tree, ids, pass } = setup();
    const children = tree.children.bind(tree);
    let times = 0;
    tree.children = async (at, onChange) => {
      const answer = await children(at, onChange);
      if (times++ > 0) return answer;
      join('late');
      await calm();
      return answer;
    };
    join('early');
    watch();
    await pass(1_000);
    deepEqual(ids(), ['early', 'late']);
  });

  it('hears of a new weight', async () => {
    const { watch, join, last, pass } = setup();
    join('a', 1);
    watch();
    await pass(5_000);
    for (const weight of [5, 7]) {
      join('a', weight);
      await pass(50);
      equal(last().instances[0]!.weight, weight);
    }
  });

  it('skips what is no instance beside those that are, and says so once for each version', async () => {
    const { watch, join, store, last, ids, told, pass, calls } = setup();
    join('good');
    store.plant(`${path}/bad`, 'garbage');
    store.plant(`${path}/huge`, 'x'.repeat(1_000_000));
    watch();
    await pass(0);
    deepEqual(ids(), ['good']);
    deepEqual(
      last()
        .skipped.map(({ name, reason }) => `${name} ${reason}`)
        .sort(),
      ['bad not_json', 'huge too_large'],
    );
    ok(!calls('read').includes(`read ${path}/huge`));
    for (let minute = 0; minute < 20; minute++) await pass(60_000);
    equal(told('znode_ignored').length, 2);
    store.plant(`${path}/bad`, 'garbage again');
    await pass(1_000);
    equal(told('znode_ignored').length, 3);
    store.plant(`${path}/huge`, curator.place(instance({ id: 'huge' })).data);
    await pass(1_000);
    deepEqual(ids(), ['good', 'huge']);
  });

  it('skips a node that it may not read, and takes it when it may', async () => {
    const { watch, join, ids, last, tree, pass } = setup();
    join('a');
    tree.fail('read', 'no_auth');
    watch();
    await pass(0);
    equal(last().skipped[0]?.reason, 'unreadable');
    await pass(600_000);
    deepEqual(ids(), ['a']);
  });

  it('takes the service of a folder with another name for what the user calls it', async () => {
    const { watch, store, last, pass } = setup();
    store.plant('/services/orders-v2/a', curator.place(instance({ id: 'a', service: 'orders-v2' })).data);
    store.plant('/services/orders-v2/b', curator.place(instance({ id: 'b', service: 'users' })).data);
    watch('orders', { dialect: 'curator', path: '/services/orders-v2' });
    await pass(0);
    deepEqual(
      last().instances.map(({ id, service }) => `${service}/${id}`),
      ['orders/a'],
    );
    deepEqual(
      last().skipped.map(({ name, reason }) => `${name} ${reason}`),
      ['b bad_name'],
    );
  });

  it('keeps the list when the connection is lost, and reads nothing when it is back', async () => {
    const { watch, join, store, tree, ids, last, pass } = setup();
    for (const id of many(10)) join(id);
    watch();
    await pass(5_000);
    tree.calls.length = 0;
    tree.lose();
    await pass(0);
    deepEqual([ids().length, last().confirmed], [10, false]);
    store.delete(`${path}/i00003`);
    await pass(20_000);
    equal(ids().length, 10);
    tree.connect();
    await pass(0);
    equal(last().confirmed, true);
    await pass(1_000);
    equal(ids().length, 9, 'the watch tells what happened meanwhile');
    deepEqual(
      tree.calls.filter((call) => call.startsWith('read')),
      [],
    );
  });

  it('arms its watches slowly in a new session, without reading a node that has not changed', async () => {
    const { watch, join, store, tree, ids, last, calls, pass } = setup();
    for (const id of many(200)) join(id);
    watch();
    await pass(5_000);
    tree.expire();
    await pass(0);
    deepEqual([ids().length, last().confirmed], [200, false]);
    await pass(10_000);
    join('i00005', 9);
    join('new');
    store.delete(`${path}/i00006`);
    tree.calls.length = 0;
    tree.connect();
    equal(last().confirmed, false, 'nobody has been asked in this session');
    await pass(0);
    ok(tree.calls.length < 20, `${tree.calls.length} calls at once`);
    await pass(1_100);
    equal(last().confirmed, true);
    ok(ids().includes('new') && !ids().includes('i00006'));
    await pass(2_000);
    equal(tree.watched.length, 201);
    deepEqual(calls('read').toSorted(), [`read ${path}/i00005`, `read ${path}/new`]);
    equal(last().instances.find(({ id }) => id === 'i00005')?.weight, 9);
  });

  it('arms in a new session what was refused in the last', async () => {
    const { watch, join, tree, ids, pass } = setup();
    tree.deaf = true;
    watch();
    await pass(1_000);
    tree.deaf = false;
    tree.expire();
    tree.connect();
    await pass(2_000);
    join('a');
    await pass(1_000);
    deepEqual(ids(), ['a']);
  });

  it('looks again when the answer to a look was lost', async () => {
    const { watch, join, tree, ids, pass } = setup();
    watch();
    await pass(5_000);
    const release = tree.hold();
    join('a');
    await calm();
    tree.lose();
    release();
    await pass(1_000);
    tree.connect();
    await pass(100);
    deepEqual(ids(), ['a']);
  });

  it('asks for no more than 8 things at one time, however many services it watches', async () => {
    const { watch, join, store, tree, pass, lists } = setup();
    for (const id of many(50)) join(id);
    for (const id of many(50)) store.plant(`/services/users/${id}`, curator.place(instance({ id, service: 'users' })).data);
    watch();
    watch('users', { dialect: 'curator', path: '/services/users' });
    const release = tree.hold();
    await calm();
    release();
    await pass(0);
    equal(lists.length, 2);
    equal(tree.mostInFlight, 8);
  });

  it('lets no large service keep a small one waiting', async () => {
    const { watch, join, store, tree, pass } = setup();
    for (const id of many(1_000)) join(id);
    store.plant('/services/users/a', curator.place(instance({ id: 'a', service: 'users' })).data);
    watch();
    watch('users', { dialect: 'curator', path: '/services/users' });
    await pass(0);
    ok(tree.calls.indexOf('read /services/users/a') < 100);
  });

  it('tells what it has after half a second when some node takes longer', async () => {
    const { watch, join, tree, ids, pass } = setup();
    for (const id of many(20)) join(id);
    for (let i = 0; i < 5; i++) tree.fail('read', 'connection_lost'); // asked again within a second
    watch();
    await pass(499);
    await pass(1);
    ok(ids().length >= 15 && ids().length < 20, `${ids().length}`);
    await pass(2_000);
    equal(ids().length, 20);
  });

  it('brings no more than 500 newcomers in one list, and the others in the lists after it', async () => {
    const { watch, join, store, lists, last, told, pass } = setup({ tells: true });
    for (const id of many(1_300)) join(id);
    watch();
    await pass(0);
    equal(lists.length, 1);
    for (let turn = 0; turn < 10; turn++) await pass(20);
    deepEqual(
      lists.map(({ instances, partial = false }) => [instances.length, partial]),
      [
        [500, true],
        [1_000, true],
        [1_300, false],
      ],
    );
    for (const id of many(700)) join(`later-${id}`);
    store.delete(`${path}/${many(1)[0]!}`);
    await pass(5_000);
    equal(last().instances.length, 1_999);
    deepEqual([...new Set(lists.map(({ partial }) => partial))], [true, undefined]);
    const changes = told('list_changed');
    ok(
      changes.every(({ joined }) => joined <= 500),
      changes.map(({ joined }) => joined).join(' '),
    );
    equal(
      changes.reduce((sum, { joined, left }) => sum + joined - left, 0),
      1_999,
    );
  });

  it('says that there are more than it has read, until all who were there at first have been told', async () => {
    const { watch, join, store, tree, lists, pass } = setup();
    for (const id of many(20)) join(id);
    const answer = holdRead(tree, many(1)[0]!);
    watch();
    await pass(600);
    deepEqual(
      lists.map(({ instances, partial }) => [instances.length, partial]),
      [[19, true]],
    );
    store.delete(`${path}/${many(1)[0]!}`); // nothing comes of it, which is told as well
    answer();
    await pass(600);
    deepEqual(
      lists.map(({ instances, partial }) => [instances.length, partial]),
      [
        [19, true],
        [19, undefined],
      ],
    );
  });

  it('waits with that for nobody who has come later', async () => {
    const { watch, join, tree, lists, pass } = setup({ tells: true });
    for (const id of many(20)) join(id);
    const answer = holdRead(tree, many(1)[0]!);
    holdRead(tree, 'later');
    watch();
    await pass(600);
    join('later');
    await pass(600);
    answer();
    await pass(600);
    deepEqual(
      lists.map(({ instances, partial }) => [instances.length, partial]),
      [
        [19, true],
        [20, undefined],
      ],
    );
  });

  for (const [what, isLater] of [
    ['tells no list of none for a whole one', false],
    ['hears of what has changed', true],
  ] as const)
    it(`forgets no node whose turn comes while the connection is away, and ${what}`, async () => {
      const { watch, store, tree, lists, clock, pass } = setup();
      const services = ['orders', 'users'];
      const plant = (weight: number): void => {
        for (const service of services)
          for (const id of many(8))
            store.plant(`/services/${service}/${id}`, curator.place(instance({ id, service, weight })).data);
      };
      plant(1);
      const exists = tree.exists.bind(tree);
      let answer = (): void => undefined;
      const hold = (): void => {
        const held = new Promise<void>((resolve) => (answer = resolve));
        tree.exists = (...asked) => held.then(() => exists(...asked));
      };
      if (!isLater) hold();
      for (const service of services) watch(service, { dialect: 'curator', path: `/services/${service}` });
      await pass(5_000);
      if (isLater) hold();
      if (isLater) plant(2);
      await pass(0); // the one has all its nodes out, and those of the other wait for a slot
      tree.lose();
      answer();
      await pass(0);
      tree.connect();
      for (let second = 0; second < 5; second++) await pass(1_000);
      ok(clock.now() < 60_000, 'no slow look has helped');
      for (const service of services) {
        const told = lists.filter(({ instances }) => instances.length === 0 || instances[0]!.service === service);
        ok(told.every(({ instances, partial }) => instances.length === 8 || (partial && instances.length > 0)));
        deepEqual(
          told.at(-1)!.instances.map(({ weight }) => weight),
          many(8).map(() => (isLater ? 2 : 1)),
        );
        equal(told.at(-1)!.confirmed, true);
      }
    });

  it('tells no list of none while none of its nodes has been read', async () => {
    const { watch, join, tree, ids, lists, pass } = setup();
    for (const id of many(20)) join(id);
    const read = tree.read.bind(tree);
    let answer = (): void => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    tree.read = (...asked) => held.then(() => read(...asked));
    watch();
    await pass(1_200);
    equal(lists.length, 0);
    answer();
    await pass(600);
    deepEqual(ids(), many(20));
    equal(lists.length, 1);
  });

  it('finds by its slow look what refused watches did not tell', async () => {
    const { watch, join, store, tree, ids, last, told, pass } = setup();
    tree.deaf = true;
    join('a');
    join('b');
    watch();
    await pass(5_000);
    join('a', 5);
    join('c');
    store.delete(`${path}/b`);
    await pass(60_000);
    deepEqual(ids(), ['a', 'b']);
    await pass(400_000);
    deepEqual(ids(), ['a', 'c']);
    equal(last().instances.find(({ id }) => id === 'a')?.weight, 5);
    ok(told('list_changed').every(({ tookMs }) => tookMs === undefined));
  });

  it('holds one watch on the names and one on each node, however often it looks', async () => {
    const { watch, join, tree, calls, pass } = setup();
    join('a');
    watch();
    for (let minute = 0; minute < 60; minute++) await pass(60_000);
    ok(calls('children').length > 5);
    deepEqual(tree.watched, [`list ${path}`, `node ${path}/a`]);
  });

  it('asks again, without a word, when an answer got lost', async () => {
    const { watch, join, tree, ids, told, pass } = setup();
    join('a');
    tree.fail('children', 'connection_lost');
    watch();
    await pass(1_000);
    deepEqual(ids(), ['a']);
    deepEqual(told('warned'), []);
  });

  it('says once why it cannot list, and keeps trying', async () => {
    const { watch, join, tree, ids, told, pass } = setup();
    join('a');
    for (let i = 0; i < 3; i++) tree.fail('children', 'no_auth');
    watch();
    await pass(10_000);
    await pass(10_000);
    equal(told('warned').length, 1);
    match(told('warned')[0]!.why, /^cannot list \/services\/orders: /);
    deepEqual(ids(), ['a']);
  });

  it('leaves alone what is beyond 20,000 nodes, and says so once', async () => {
    const { watch, join, store, last, told, pass } = setup();
    for (const id of many(20_003)) store.plant(`${path}/${id}`, '');
    watch();
    await calm(20_000);
    await pass(1_000);
    equal(last().skipped.length, 20_000);
    equal(told('bound_reached').length, 1);
    match(told('bound_reached')[0]!.detail, /has 3 nodes more/);
    join('one more');
    await pass(2_000);
    equal(told('bound_reached').length, 1);
  });

  it('watches no name that has gone', async () => {
    const { watch, join, store, tree, ids, pass } = setup();
    watch();
    for (let i = 0; i < 50; i++) {
      join(`i${i}`);
      await pass(1_500);
      store.delete(`${path}/i${i}`);
      await pass(1_500);
    }
    deepEqual(ids(), []);
    deepEqual(tree.watched, [`list ${path}`]);
  });

  it('tells nothing more once stopped', async () => {
    const { watch, join, lists, tree, pass } = setup();
    const stop = watch();
    await pass(0);
    stop();
    join('a');
    tree.lose();
    tree.connect();
    await pass(600_000);
    equal(lists.length, 1);
  });

  it('takes thousands of names in turns, and who goes meanwhile is not in the list', async () => {
    const clock = new SlowClock(0.1);
    const { watch, store, tree, last, pass } = setup({ clock, tells: true });
    for (const id of many(2_000)) store.plant(`${path}/${id}`, 'garbage');
    watch();
    await calm();
    ok(clock.rests > 0, 'it rests before it has taken them all');
    for (const id of ['i00000', 'i01998', 'i01999']) store.delete(`${path}/${id}`);
    store.plant(`${path}/i01999`, 'garbage');
    for (let turn = 0; turn < 30; turn++) await pass(0);
    equal(clock.rests >= 20, true, `${clock.rests} rests`);
    while (tree.calls.length < 3_900) await pass(1_000);
    await pass(1_000);
    const names = last().skipped.map(({ name }) => name);
    deepEqual([names.length, new Set(names).size, names.includes('i01998')], [1_998, 1_998, false]);
  });

  it('tells a list of thousands in turns, and what happens meanwhile in the next one', async () => {
    const clock = new SlowClock(0);
    const { watch, store, lists, pass } = setup({ clock, tells: true });
    for (const id of many(2_000)) store.plant(`${path}/${id}`, 'garbage');
    watch();
    while (lists.at(-1)?.skipped.length !== 2_000) await pass(1_000);
    const before = lists.length;
    clock.look = 2;
    store.delete(`${path}/i01000`);
    clock.meanwhile = () => {
      for (const id of ['i00000', 'i01999']) store.delete(`${path}/${id}`);
    };
    for (let second = 0; second < 10; second++) await pass(1_000);
    const ends = lists.slice(before).map(({ skipped }) => [skipped[0]!.name, skipped.at(-1)!.name]);
    deepEqual(ends, [
      ['i00000', 'i01998'],
      ['i00001', 'i01998'],
    ]);
  });

  for (const [tells, look] of [
    [false, 0],
    [true, 0],
    [true, 2],
  ] as const)
    it(`ends with the truth, whatever happens on the way, ${tells ? 'by a tree that tells' : 'by names'}${look > 0 ? ', in small turns' : ''}`, async () => {
      const step = fc.oneof(
        fc.record({ act: fc.constantFrom('join', 'leave', 'spoil'), who: fc.integer({ min: 0, max: 5 }) }),
        fc.record({ act: fc.constantFrom('lose', 'connect', 'expire', 'time', 'reap', 'fail'), who: fc.constant(0) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer(), async (steps, seed) => {
          const { watch, join, store, tree, clock, last, lists, pass } = setup({
            random: seeded(seed),
            tells,
            clock: new SlowClock(look),
          });
          watch();
          let weight = 0;
          for (const { act, who } of steps) {
            const node = `${path}/i${who}`;
            if (act === 'join') join(`i${who}`, ++weight);
            else if (act === 'leave' && store.nodes.has(node)) store.delete(node);
            else if (act === 'spoil' && store.nodes.has(node)) store.plant(node, 'garbage');
            else if (act === 'reap' && store.nodes.get(path)?.names.size === 0) store.delete(path);
            else if (act === 'lose') tree.lose();
            else if (act === 'connect') tree.connect();
            else if (act === 'expire' && tree.session.state !== 'expired') tree.expire();
            else if (act === 'fail') tree.fail('exists', 'connection_lost');
            await (act === 'time' ? clock.advance(300) : calm(2));
          }
          tree.connect();
          for (let i = 0; i < 20; i++) await pass(1_000);
          const truth = [...(store.nodes.get(path)?.names ?? [])].sort().map((name) => {
            const { data } = store.nodes.get(`${path}/${name}`)!;
            const found = curator.read('orders', name, data, { ctime: 0 } as never);
            return 'skip' in found ? `${name} ${found.skip}` : `${name} ${found.weight}`;
          });
          const heard = [
            ...last().instances.map(({ id, weight: told }) => `${id} ${told}`),
            ...last().skipped.map(({ name, reason }) => `${name} ${reason}`),
          ];
          deepEqual(heard.sort(), truth);
          ok(last().confirmed && lists.length <= 200);
        }),
        { numRuns: 60 },
      );
    });
});
