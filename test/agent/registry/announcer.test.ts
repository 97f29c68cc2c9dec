import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import type { Fact } from '../../../agent/events.js';
import { Announcer } from '../../../agent/registry/announcer.js';
import { curator } from '../../../agent/registry/dialects/curator.js';
import { dialects } from '../../../agent/registry/dialects/dialects.js';
import type { Proof } from '../../../agent/registry/registry.js';
import { TreeRegistry } from '../../../agent/registry/tree-registry.js';
import { calm } from '../../support/calm.js';
import { FakeClock } from '../../support/clock.js';
import { MemoryStore, MemoryTree } from '../../support/memory-tree.js';
import { seeded } from '../../support/random.js';
import { instance } from './dialects/node.js';

const source = { dialect: 'curator', path: '/services/orders' };
const path = '/services/orders/4a1f9c2e';
const writes = /^(create|write|remove) /;
type Told<K extends Fact['kind']> = Extract<Fact, { kind: K }>;

const setup = ({
  connected = true,
  random = seeded(1),
  clock = new FakeClock(),
  store = new MemoryStore(() => clock.wall()),
} = {}) => {
  const tree = new MemoryTree(store, { connected });
  const facts: Fact[] = [];
  const emit = (fact: Fact): void => {
    if (fact.kind.startsWith('announce') || fact.kind === 'withdrawn') facts.push(fact);
  };
  const registry = new TreeRegistry({ tree, dialects, clock, random, emit });
  const announcer = new Announcer({ service: 'orders', source, registry, tree, clock, random, emit });
  const told = <K extends Fact['kind']>(kind: K): readonly Told<K>[] =>
    facts.filter((fact): fact is Told<K> => fact.kind === kind);
  const kinds = (): readonly string[] => facts.splice(0).map((fact) => ('how' in fact ? `${fact.kind} ${fact.how}` : fact.kind));
  const resolved = async (promise: Promise<void>): Promise<boolean> => {
    let done = false;
    void promise.then(() => (done = true));
    await calm();
    return done;
  };
  return { clock, store, tree, registry, announcer, facts, told, kinds, resolved };
};

describe('announcer', () => {
  it('announces what is wished for, and says what proves it', async () => {
    const { announcer, store, clock, kinds } = setup();
    announcer.want(instance());
    await announcer.settled();
    const zxid = String(store.nodes.get(path)!.mzxid);
    const provenAt = new Date(clock.wall()).toISOString();
    deepEqual(announcer.view(), {
      service: 'orders',
      wish: 'announced',
      fact: 'announced',
      path,
      provenAt,
      zxid,
      contested: null,
      failing: null,
    });
    deepEqual(kinds(), ['announced created']);
  });

  it('withdraws, and only says so when the node is gone', async () => {
    const { announcer, store, tree, kinds, resolved } = setup();
    announcer.want(instance());
    await announcer.settled();
    const release = tree.hold();
    announcer.want(undefined);
    equal(announcer.view().wish, 'withdrawn');
    ok(!(await resolved(announcer.withdrawn())));
    release();
    await announcer.withdrawn();
    ok(!store.nodes.has(path));
    equal(announcer.view().fact, 'withdrawn');
    deepEqual(kinds(), ['announced created', 'withdrawn']);
  });

  it('says at once, and once, that the app has registered itself, and announces as soon as it does not any more', async () => {
    const { announcer, store, clock, told, kinds } = setup();
    const other = curator.place(instance({ id: 'by-itself' }));
    store.plant(`/services/orders/${other.name}`, other.data, '0xapp');
    announcer.want(instance());
    await calm();
    match(told('announce_failed')[0]!.why, /registered already, in session 0xapp.*registerService/);
    match(announcer.view().contested ?? '', /registered already/);
    for (let i = 0; i < 10; i++) {
      await clock.advance(20_000);
      await calm();
    }
    equal(told('announce_failed').length, 1);
    kinds();
    store.delete(`/services/orders/${other.name}`);
    await calm();
    await clock.advance(1_000);
    await announcer.settled();
    deepEqual([kinds(), announcer.view().contested], [['announced created'], null]);
  });

  it('says of nothing that it was withdrawn when what stands there is another, or speaks against it', async () => {
    for (const at of ['/services/orders/by-itself', path]) {
      const { announcer, store, kinds } = setup();
      store.plant(at, curator.place(instance({ id: at.split('/')[3]! })).data, '0xapp');
      if (at === path) store.plant(path, new TextEncoder().encode('{"address":"10.9.9.9","port":1}'), '0xapp');
      announcer.want(instance());
      await calm();
      announcer.want(undefined);
      await announcer.withdrawn();
      ok(store.nodes.has(at));
      ok(!kinds().includes('withdrawn'));
    }
  });

  it('is settled and withdrawn while nothing was ever wished for', async () => {
    const { announcer, tree, resolved } = setup({ connected: false });
    ok(await resolved(announcer.settled()));
    ok(await resolved(announcer.withdrawn()));
    deepEqual(tree.calls, []);
  });

  it('waits for a session, and announces once there is one', async () => {
    const { announcer, tree, resolved, kinds } = setup({ connected: false });
    announcer.want(instance());
    ok(!(await resolved(announcer.settled())));
    deepEqual(kinds(), [], 'to be without a session is no failure of ours');
    tree.connect();
    await announcer.settled();
    deepEqual(kinds(), ['announced created']);
  });

  it('changes the weight in place', async () => {
    const { announcer, kinds, store } = setup();
    announcer.want(instance());
    await announcer.settled();
    announcer.want(instance({ weight: 5 }));
    await announcer.settled();
    await calm();
    deepEqual(kinds(), ['announced created', 'announced rewritten']);
    equal(store.nodes.get(path)?.version, 1);
  });

  it('says since when it stands there: since it was wished for, not since its weight changed', async () => {
    const { announcer, store, clock } = setup();
    const { since: told, ...timeless } = instance();
    const since = (): unknown =>
      (JSON.parse(new TextDecoder().decode(store.nodes.get(path)?.data)) as object)['registrationTimeUTC' as never];
    const first = clock.wall();
    ok(told !== first);
    announcer.want(timeless);
    await clock.advance(5_000);
    announcer.want({ ...timeless, weight: 5 });
    await announcer.settled();
    equal(since(), first);
    announcer.want(undefined);
    await announcer.settled();
    announcer.want(timeless);
    await announcer.settled();
    equal(since(), first + 5_000);
  });

  it('ends withdrawn when the wish changes while the node is being created', async () => {
    const { announcer, tree, store } = setup();
    const release = tree.hold();
    announcer.want(instance());
    await calm();
    announcer.want(undefined);
    release();
    await announcer.withdrawn();
    ok(!store.nodes.has(path));
  });

  it('heals a node that was removed, and one that was changed, by hand', async () => {
    const { announcer, store, clock, told } = setup();
    announcer.want(instance());
    await announcer.settled();
    store.delete(path);
    await calm();
    await clock.advance(1_000);
    await calm();
    store.plant(path, 'changed');
    await calm();
    await clock.advance(1_000);
    await calm();
    deepEqual(
      told('announcement_lost').map(({ why }) => why),
      ['somebody removed the node', 'somebody changed its data'],
    );
    deepEqual(
      told('announced').map(({ how }) => how),
      ['created', 'created', 'rewritten'],
    );
  });

  it('heals ever more slowly when somebody keeps removing its node', async () => {
    const { announcer, store, clock, told } = setup({ random: () => 0.99 });
    announcer.want(instance());
    await announcer.settled();
    for (let second = 0; second < 60; second += 0.05) {
      if (store.nodes.has(path)) store.delete(path);
      await clock.advance(50);
    }
    ok(told('announced').length < 15, `${told('announced').length} times in a minute`);
  });

  it('does nothing at all because of a lost connection', async () => {
    const { announcer, tree, clock, kinds } = setup();
    announcer.want(instance());
    await announcer.settled();
    kinds();
    tree.calls.length = 0;
    tree.lose();
    await clock.advance(20_000);
    equal(announcer.view().fact, 'announced');
    tree.connect();
    await calm();
    deepEqual(tree.calls, []);
    deepEqual(kinds(), []);
  });

  it('is not sure of its node any more when the connection has been lost for two thirds of the session, nor once its watch has fired', async () => {
    const { announcer, tree, store, clock } = setup();
    announcer.want(instance());
    await announcer.settled();
    tree.lose();
    await clock.advance((tree.session.timeoutMs * 2) / 3);
    equal(announcer.view().fact, 'announced');
    await clock.advance(1);
    deepEqual([announcer.view().fact, announcer.view().provenAt], ['unknown', null]);
    tree.connect();
    equal(announcer.view().fact, 'announced', 'it is the same session: the node was there all the time');
    const release = tree.hold();
    store.delete(path);
    await calm();
    equal(announcer.view().fact, 'unknown');
    release();
  });

  it('stays sure of its node while it looks at it again', async () => {
    const { announcer, tree, clock } = setup();
    announcer.want(instance());
    await announcer.settled();
    const release = tree.hold();
    const before = tree.calls.length;
    await clock.advance(230_000);
    ok(tree.calls.length > before);
    equal(announcer.view().fact, 'announced');
    release();
  });

  it('finds by a read what it wrote when the answer was lost with the connection', async () => {
    const { announcer, tree, kinds } = setup();
    announcer.want(instance());
    tree.fail('create', 'connection_lost', true);
    const release = tree.hold();
    await calm();
    tree.lose();
    release();
    await calm();
    deepEqual(kinds(), []);
    tree.connect();
    await announcer.settled();
    equal(announcer.view().fact, 'announced');
  });

  it('announces again in a new session, spread over a third of it and 5 s at most', async () => {
    for (const [chance, waits] of [[0, 0] as const, [0.999, 4_995] as const]) {
      const { announcer, tree, clock, told } = setup({ random: () => chance });
      announcer.want(instance());
      await announcer.settled();
      tree.expire();
      equal(announcer.view().fact, 'unknown');
      match(told('announcement_lost')[0]!.why, /expired/);
      await clock.advance(60_000);
      tree.connect();
      await calm();
      if (waits > 0) {
        await clock.advance(waits - 1);
        await calm();
        equal(announcer.view().fact, 'unknown');
        await clock.advance(1);
      }
      await announcer.settled();
      deepEqual(
        told('announced').map(({ how }) => how),
        ['created', 'created'],
      );
    }
  });

  it('does not believe a put that was answered after its session was over', async () => {
    const { announcer, tree, clock, store } = setup({ random: () => 0 });
    announcer.want(instance());
    const release = tree.hold();
    await calm();
    tree.expire();
    release();
    await calm();
    equal(announcer.view().fact, 'unknown');
    tree.connect();
    await clock.advance(0);
    await announcer.settled();
    equal(store.nodes.get(path)?.owner, tree.session.id);
  });

  it('takes one step at a time, and believes no proof from a session that is over', async () => {
    const { clock, tree, facts } = setup();
    const put: ((how: Proof) => void)[] = [];
    const registry = { put: () => new Promise<Proof>((resolve) => put.push(resolve)), remove: () => Promise.resolve() };
    const emit = (fact: Fact): void => void facts.push(fact);
    const announcer = new Announcer({ ...{ service: 'orders', source, registry, tree, clock, random: () => 0, emit } });
    announcer.want(instance());
    announcer.want(instance({ weight: 2 }));
    announcer.want(instance({ weight: 3 }));
    await calm();
    equal(put.length, 1);
    tree.expire();
    tree.connect();
    put[0]!({ path, zxid: '1', at: 0, how: 'created' });
    await calm();
    deepEqual(facts, []);
    equal(put.length, 2);
    put[1]!({ path, zxid: '2', at: 0, how: 'created' });
    await announcer.settled();
    equal(announcer.view().zxid, '2');
  });

  it('withdraws as soon as it is connected again, without a pause', async () => {
    const { announcer, tree, store, resolved } = setup();
    announcer.want(instance());
    await announcer.settled();
    tree.lose();
    announcer.want(undefined);
    ok(!(await resolved(announcer.withdrawn())));
    tree.connect();
    await announcer.withdrawn();
    ok(!store.nodes.has(path));
  });

  it('withdraws in its next session what a server that was away has kept of the last one, and nothing that another session holds', async () => {
    for (const by of ['us', 'a twin'] as const) {
      const { announcer, tree, store, kinds, resolved } = setup();
      announcer.want(instance());
      await announcer.settled();
      const kept = store.nodes.get(path)!;
      tree.lose();
      announcer.want(undefined);
      tree.expire();
      ok(!(await resolved(announcer.withdrawn())), 'nobody has said that it is gone');
      store.nodes.set(path, by === 'us' ? kept : { ...kept, owner: '0xtwin' });
      tree.connect();
      await announcer.withdrawn();
      equal(store.nodes.has(path), by === 'a twin');
      ok(kinds().includes('withdrawn'));
    }
  });

  it('withdraws what any session of ours has left, when a later one has come to nothing', async () => {
    const { announcer, tree, store, clock } = setup();
    announcer.want(instance());
    await announcer.settled();
    const kept = store.nodes.get(path)!;
    tree.expire();
    store.add(path, kept.data, kept.owner);
    const release = tree.hold();
    tree.connect();
    await clock.advance(5_000);
    ok(tree.calls.at(-1) === `exists ${path}`, 'a put is out');
    tree.lose();
    tree.expire();
    release();
    await calm();
    equal(store.nodes.get(path)!.owner, kept.owner);
    announcer.want(undefined);
    tree.connect();
    await announcer.withdrawn();
    ok(!store.nodes.has(path));
  });

  it('repeats a withdrawal until it is done', async () => {
    const { announcer, tree, clock, store, told } = setup();
    announcer.want(instance());
    await announcer.settled();
    for (let i = 0; i < 3; i++) tree.fail('remove', 'failed');
    announcer.want(undefined);
    await calm();
    await clock.advance(10_000);
    await announcer.withdrawn();
    ok(!store.nodes.has(path));
    match(told('announce_failed')[0]!.why, /^cannot withdraw: /);
  });

  it('says why it cannot announce, and pauses longer each time, by chance and 10 s at most', async () => {
    const { announcer, tree, clock, told } = setup({ random: () => 0.5 });
    for (let i = 0; i < 100; i++) tree.fail('create', 'no_auth');
    announcer.want(instance());
    await calm();
    await clock.advance(60_000);
    const failed = told('announce_failed');
    match(failed[0]!.why, /no_auth/);
    match(announcer.view().failing ?? '', /no_auth/);
    deepEqual(
      failed.slice(0, 9).map(({ againInMs }) => againInMs),
      [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000],
    );
  });

  it('drops a pause when it is to withdraw', async () => {
    const { announcer, tree } = setup({ random: () => 0.99 });
    for (let i = 0; i < 3; i++) tree.fail('create', 'no_auth');
    announcer.want(instance());
    await calm();
    announcer.want(undefined);
    await announcer.withdrawn();
  });

  it('takes over no pause from an announcement that fails while it is withdrawn', async () => {
    const { announcer, tree } = setup({ random: () => 0.99 });
    for (let i = 0; i < 3; i++) tree.fail('create', 'no_auth');
    const release = tree.hold();
    announcer.want(instance());
    await calm();
    announcer.want(undefined);
    release();
    await announcer.withdrawn();
  });

  it('gives a stranger its 40 s again after a withdrawal', async () => {
    const { announcer, store, clock, told } = setup();
    store.plant(path, 'a stranger', '0xbad');
    announcer.want(instance());
    await calm();
    await clock.advance(30_000);
    announcer.want(undefined);
    await announcer.withdrawn();
    announcer.want(instance());
    await calm();
    await clock.advance(30_000);
    deepEqual(told('announce_failed'), []);
  });

  it('waits 40 s for the end of a stranger before it tells who that is, and takes the place at once when it is free', async () => {
    const { announcer, store, clock, told } = setup();
    const other = instance({ host: '10.9.9.9' });
    store.plant(path, dialects.get('curator')!.place(other).data, '0xbad');
    announcer.want(instance());
    await calm();
    await clock.advance(39_000);
    deepEqual(told('announce_failed'), []);
    await clock.advance(12_000);
    match(told('announce_failed')[0]!.why, /held by 10\.9\.9\.9:8080 in session 0xbad/);
    store.endSession('0xbad');
    await calm();
    await clock.advance(100);
    await announcer.settled();
    equal(told('announced')[0]!.how, 'created');
  });

  it('leaves its node to another live sidecar that says it is us after three losses, tells it once, and has it when that one goes', async () => {
    const one = setup({ random: () => 0.5 });
    const two = setup({ random: () => 0.5, clock: one.clock, store: one.store });
    const both = [one, two];
    for (const { announcer } of both) announcer.want(instance());
    let missing = 0;
    for (let turn = 0; turn < 6_000; turn++) {
      await one.clock.advance(100);
      if (!one.store.nodes.has(path)) missing++;
    }
    equal(missing, 0);
    const told = both.flatMap((each) => each.told('announcement_contested'));
    equal(told.length, 1);
    match(told[0]!.why, /another live sidecar with our id, host and port \(session 0x\d\).*stop one of the two/);
    ok(both.every((each) => each.told('announcement_lost').length <= 4));
    const [loser, holder] = one.announcer.view().contested === null ? [two, one] : [one, two];
    equal(loser.announcer.view().fact, 'unknown');
    equal(holder.announcer.view().fact, 'announced');
    equal(one.store.nodes.get(path)?.owner, holder.tree.session.id);
    holder.announcer.want(undefined);
    await holder.announcer.withdrawn();
    await one.clock.advance(1_000);
    await loser.announcer.settled();
    equal(one.store.nodes.get(path)?.owner, loser.tree.session.id);
    equal(loser.announcer.view().contested, null);
  });

  it('takes nothing away from the one that it left its node to', async () => {
    const one = setup({ random: () => 0.5 });
    const two = setup({ random: () => 0.5, clock: one.clock, store: one.store });
    for (const { announcer } of [one, two]) announcer.want(instance());
    for (let turn = 0; turn < 600; turn++) await one.clock.advance(100);
    const loser = one.announcer.view().contested === null ? two : one;
    loser.announcer.want(undefined);
    await loser.announcer.withdrawn();
    ok(one.store.nodes.has(path));
    ok(!loser.kinds().includes('withdrawn'));
  });

  it('looks at its node again every few minutes, and writes nothing when all is well', async () => {
    const { announcer, tree, clock, kinds } = setup();
    announcer.want(instance());
    await announcer.settled();
    kinds();
    tree.calls.length = 0;
    for (let minute = 0; minute < 30; minute++) {
      await clock.advance(60_000);
      await calm();
    }
    const reads = tree.calls.filter((call) => call.startsWith('read'));
    ok(reads.length >= 6 && reads.length <= 30, `${reads.length} reads in half an hour`);
    deepEqual(
      tree.calls.filter((call) => writes.test(call)),
      [],
    );
    deepEqual(kinds(), []);
  });

  it('does nothing more once stopped, and leaves nobody waiting', async () => {
    const { announcer, tree, store, resolved } = setup({ connected: false });
    announcer.want(instance());
    const settled = announcer.settled();
    announcer.stop();
    ok(await resolved(settled));
    tree.connect();
    await calm();
    ok(!store.nodes.has(path));
  });

  it('ends with what was wished for last, whatever happens on the way', async () => {
    const step = fc.constantFrom(
      'want',
      'weight',
      'drop',
      'lose',
      'connect',
      'expire',
      'delete',
      'change',
      'fail',
      'lost answer',
      'time',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer(), async (steps, seed) => {
        const { announcer, tree, store, clock } = setup({ random: seeded(seed) });
        let wish: ReturnType<typeof instance> | undefined;
        const want = (next: typeof wish): void => announcer.want((wish = next));
        const acts: Record<string, () => void> = {
          want: () => want(instance()),
          weight: () => want(instance({ weight: 2 + (seed % 7) ** 2 })),
          drop: () => want(undefined),
          lose: () => tree.lose(),
          connect: () => tree.connect(),
          expire: () => tree.session.state !== 'expired' && tree.expire(),
          delete: () => store.nodes.has(path) && store.delete(path),
          change: () => store.nodes.has(path) && store.plant(path, 'changed'),
          fail: () => tree.fail('create', 'failed'),
          'lost answer': () => tree.fail('remove', 'connection_lost', true),
        };
        for (const each of steps) {
          acts[each]?.();
          await (each === 'time' ? clock.advance(500) : calm(1));
        }
        tree.connect();
        for (let i = 0; i < 60; i++) {
          await clock.advance(1_000);
          await calm(3);
        }
        await announcer.settled();
        const node = store.nodes.get(path);
        equal(announcer.view().fact, wish ? 'announced' : 'withdrawn');
        if (!wish) return equal(node, undefined);
        equal(node?.owner, tree.session.id);
        deepEqual(node.data, dialects.get('curator')!.place(wish).data);
      }),
      { numRuns: 60 },
    );
  });
});
