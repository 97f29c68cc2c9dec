import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { curator } from '../../agent/registry/dialects/curator.js';
import { dialects } from '../../agent/registry/dialects/dialects.js';
import { spring } from '../../agent/registry/dialects/spring.js';
import { inOrder, serviceRow } from '../../agent/service-row.js';
import { renderFleet, renderService, renderServices } from '../../agent/service-table.js';
import { scanServices } from '../../agent/services.js';
import { paintFor } from '../../agent/text.js';
import { calm } from '../support/calm.js';
import { FakeClock } from '../support/clock.js';
import { MemoryStore, MemoryTree } from '../support/memory-tree.js';
import { nodeOf } from './registry/dialects/hostile.js';
import { instance } from './registry/dialects/node.js';

const uuid = '4a1f9c2e-0b7c-4c1e-9a52-2f6a1b7d9e10';
const look = { paint: paintFor({}, {}), width: 100 };
const setup = (connected = true) => {
  const clock = new FakeClock();
  const store = new MemoryStore(() => clock.wall());
  const tree = new MemoryTree(store, { connected });
  const put = (service: string, id: string, port: number, more = {}, dialect = curator): void =>
    store.plant(`/services/${service}/${id}`, dialect.place(instance({ service, id, port, ...more })).data);
  const look = (more = {}) => scanServices(tree, { dialects, clock, ...more });
  return { clock, store, tree, put, look, scan: async (more = {}) => (await look(more)).rows };
};

describe('a look at the services of a registry', () => {
  it('counts instances and those that get calls, and tells the dialects apart', async () => {
    const { scan, put } = setup();
    put('orders', 'a', 1);
    put('orders', 'b', 2, { weight: 5 });
    put('orders', 'c', 3, { up: false });
    put('orders', 'd', 4, { weight: 0 });
    put('users', uuid, 1, {}, spring);
    deepEqual(
      (await scan()).map(({ service, dialect, instances, routable, problems }) => [
        service,
        dialect,
        instances,
        routable,
        problems,
      ]),
      [
        ['orders', 'curator', 4, 2, []],
        ['users', 'spring', 1, 1, []],
      ],
    );
  });

  it('shows trouble first, in sentences that help', async () => {
    const { scan, put, store } = setup();
    put('fine', 'a', 1);
    store.plant('/services/deserted', '');
    put('orders', 'a', 1, {}, spring);
    store.plant(`/services/orders/${uuid}`, '{"name":"orders","address":"10.1.2.3","port":null,"sslPort":null}');
    put('users', 'a', 1);
    put('users', 'b', 1);
    put('mixed', 'a', 1);
    put('mixed', 'b', 2, {}, spring);
    put('local', 'a', 1, { host: '169.254.169.254' });
    put('asleep', 'a', 1, { up: false });
    store.plant('/services/huge/a', 'x'.repeat(100_000));
    store.plant('/services/empty/a', '');
    const rows = await scan();
    deepEqual(
      rows.map(({ service, dialect, problems }) => [service, dialect, ...problems]),
      [
        ['asleep', 'curator', 'nobody gets calls: all are drained or have weight 0'],
        ['empty', '-', 'node a: no data; Curator readers throw for the whole service'],
        ['huge', '-', 'node a: 100000 bytes, at most 65536 are read'],
        ['local', 'curator', 'node a: gets no calls: 169.254.169.254 is a link-local address'],
        ['mixed', 'mixed', "Curator's and Spring's nodes side by side, a plain Curator reader throws"],
        [
          'orders',
          'mixed',
          "Curator's and Spring's nodes side by side, a plain Curator reader throws",
          'node 4a1f…: port null, Spring readers throw',
        ],
        ['users', 'curator', 'two nodes with 10.1.2.3:1'],
        ['deserted', '-', 'nobody is registered: never, or not any more'],
        ['fine', 'curator'],
      ],
    );
    equal(rows.find(({ service }) => service === 'users')?.routable, 1);
  });

  it('writes nothing, arms no watch, and reads 16 nodes at one time at most', async () => {
    const { scan, put, tree } = setup();
    for (let i = 0; i < 40; i++) for (let j = 1; j < 5; j++) put(`service-${i}`, `i${j}`, j);
    const release = tree.hold();
    const rows = scan();
    await calm();
    release();
    equal((await rows).length, 40);
    equal(tree.mostInFlight, 16);
    equal(tree.watches, 0);
    ok(tree.calls.every((call) => /^(exists|read|children) /.test(call)));
  });

  it('reads all small services before a large one has been read to its end', async () => {
    const { scan, put, tree, clock } = setup();
    for (let i = 0; i < 1_000; i++) put('a-large-one', `i${i}`, i + 1);
    for (let i = 0; i < 40; i++) put(`small-${i}`, 'a', 1);
    put('troubled', 'a', 1, { up: false });
    let done = 0;
    const rows = scan({ onProgress: (read: number) => (done = read) });
    for (let release = tree.hold(); done < 41; release = tree.hold()) {
      release();
      await calm(0);
    }
    await clock.advance(10_000);
    const [first, second, ...others] = await rows;
    deepEqual(first?.problems, ['nobody gets calls: all are drained or have weight 0']);
    match(second?.problems[0] ?? '', /^only \d+ of its nodes were read: time was up$/);
    ok(others.every(({ instances, problems }) => instances === 1 && problems.length === 0));
  });

  it('tells last of those that were not read', () => {
    const unread = serviceRow('a', '/services/a', [], false);
    const deserted = serviceRow('b', '/services/b', [], true);
    deepEqual(inOrder([unread, deserted]), [deserted, unread]);
  });

  it('ends in time with what it has, and says what it has not', async () => {
    const { scan, put, tree, clock } = setup();
    for (const service of ['a', 'b']) for (const id of ['x', 'y']) put(service, id, 1);
    const progress: string[] = [];
    const rows = scan({ onProgress: (read: number, all: number) => progress.push(`${read}/${all}`) });
    await calm(0);
    const release = tree.hold();
    await calm();
    await clock.advance(10_000);
    const asked = tree.calls.length;
    match((await rows)[0]?.problems[0] ?? '', /^not read: time was up$/);
    release();
    await calm();
    deepEqual(progress, []);
    equal(tree.calls.length, asked, 'nothing more is asked');
  });

  it('waits for a session, and fails when there is none in time', async () => {
    const { scan, put, tree, clock } = setup(false);
    put('orders', 'a', 1);
    const rows = scan();
    tree.connect();
    equal((await rows).length, 1);
    const other = setup(false);
    const failed = rejects(other.scan({ deadlineMs: 3_000 }), { code: 'disconnected', message: /within 3 s/ });
    await other.clock.advance(3_000);
    await failed;
    equal(clock.now(), 1_000);
  });

  it('reads one service alone, and other roots', async () => {
    const { scan, put, store } = setup();
    put('orders', 'a', 1);
    put('users', 'a', 1);
    store.plant('/teams/blue/orders/live/z', curator.place(instance({ id: 'z' })).data);
    deepEqual(
      (await scan({ only: 'users' })).map(({ service }) => service),
      ['users'],
    );
    deepEqual(
      (await scan({ only: 'nobody' })).map(({ service }) => service),
      [],
    );
    const [row] = await scan({ roots: ['/teams/blue/{service}/live'] });
    deepEqual([row?.path, row?.routable], ['/teams/blue/orders/live', 1]);
  });

  it('tells of what it does not read', async () => {
    const { scan, store } = setup();
    store.plant('/dubbo/com.acme.OrderService/providers', '');
    store.plant('/nerve/services/orders/services', '');
    store.plant('/nerve/services/users/services', '');
    deepEqual(
      (await scan()).map(({ service, dialect, problems }) => [service, dialect, ...problems]),
      [
        ['/nerve/services', 'smartstack', '2 folders of smartstack: --all reads them'],
        ['/dubbo', 'dubbo', '1 folder of dubbo: --all reads it'],
      ],
    );
    ok(!(await scan({ roots: ['/dubbo/{service}/providers'] })).some(({ service }) => service === '/dubbo'));
  });

  it('reads every dialect under its root, with the weights that vectors give', async () => {
    const { scan, store } = setup();
    const peer = instance({ service: 'orders', id: 'a', weight: 2 });
    for (const dialect of dialects.values()) {
      const path = dialect.defaultPath.replace('{service}', 'orders');
      const { name, data } = nodeOf(dialect, peer);
      if (dialect.name !== 'spring') store.plant(`${path}/${name}`, dialect.readsData ? data : 'x'.repeat(1_000_000));
      const beside = dialect.beside?.(peer, name);
      if (beside) store.plant(`${path}/vector_0000000009`, beside.data);
    }
    const rows = await scan({ roots: [...dialects.values()].map(({ defaultPath }) => defaultPath) });
    deepEqual(
      rows.map(({ dialect, path, instances, routable, nodes, problems }) => [
        dialect,
        path,
        instances,
        routable,
        nodes[0]?.weight,
        ...problems,
      ]),
      [
        ['curator', '/services/orders', 1, 1, 2],
        ['serverset', '/discovery/orders', 1, 1, 2],
        ['smartstack', '/nerve/services/orders/services', 1, 1, 2],
        ['dubbo', '/dubbo/orders/providers', 1, 1, 2],
      ],
    );
  });

  it('says which place is missing, and tells a missing chroot from a registry without services', async () => {
    const { look, store, tree } = setup();
    deepEqual((await look()).missing, '/services');
    store.plant('/services', '');
    deepEqual((await look()).missing, undefined);
    tree.exists = async () => undefined;
    deepEqual((await look({ roots: ['/teams/{service}'] })).missing, 'the chroot');
  });

  it('reads on after the connection was lost for a while', async () => {
    const { put, look, tree } = setup();
    put('orders', 'a', 1);
    const release = tree.hold();
    const looking = look();
    await calm();
    tree.lose();
    release();
    await calm();
    tree.connect();
    const { rows, complete } = await looking;
    deepEqual([rows[0]?.problems, rows[0]?.routable, complete], [[], 1, true]);
  });

  it('gives no calls to a node whose owner has died', async () => {
    const { put, scan, tree } = setup();
    put('orders', 'a', 1);
    const read = tree.read.bind(tree);
    tree.read = async (path) => {
      const { data, stat } = (await read(path))!;
      return { data, stat: { ...stat, orphaned: 'its process (pid 7) has ended' } };
    };
    const [row] = await scan();
    deepEqual(
      [row?.routable, row?.problems],
      [0, ['node a: its process (pid 7) has ended; the next sidecar that comes removes it']],
    );
  });

  it('says so where it may not read', async () => {
    const { scan, put, tree } = setup();
    put('orders', 'a', 1);
    tree.fail('read', 'no_auth');
    deepEqual((await scan())[0]?.problems, ['node a: no permission to read it']);
    tree.fail('children', 'no_auth');
    const roots = ['/discovery/{service}', '/services/{service}'];
    deepEqual(
      (await scan({ roots })).map(({ service, problems }) => [service, problems]),
      [
        ['orders', []],
        ['/discovery', ['no permission to list it']],
      ],
    );
  });
});

describe('the table of services', () => {
  it('is one that a person reads', async () => {
    const { scan, put, store } = setup();
    put('fine', 'a', 1);
    for (let i = 1; i < 12; i++) put('orders', `i${i}`, i, {}, spring);
    store.plant(`/services/orders/${uuid}`, spring.place(instance()).data.slice(0, 9));
    store.plant('/services/users/one', 'x');
    store.plant('/services/users/two', 'y');
    store.plant('/dubbo/x', '');
    equal(
      renderServices(await scan(), look),
      [
        'SERVICE  DIALECT  INSTANCES  ROUTABLE  PROBLEM',
        'users    -                2         0  node one: not JSON in UTF-8: "x" (and 1 more)',
        'orders   spring          12        11  node 4a1f…: not JSON in UTF-8: "{"name":""',
        'fine     curator          1         1',
        '/dubbo   dubbo            -         -  1 folder of dubbo: --all reads it',
      ].join('\n'),
    );
    match(renderServices(await scan(), { ...look, all: true }), /\n {39}node two: not JSON/);
  });

  it('shows one service with its nodes, the troubled first, and no character that moves a cursor', async () => {
    const { scan, put, store } = setup();
    put('orders', 'a', 1, { weight: 5, zone: 'eu' });
    put('orders', 'b', 1);
    store.plant('/services/orders/z\u200b', '{"address":"10.1.2.3","port":1}');
    const [row] = await scan();
    const text = renderService(row!, look);
    equal(
      text,
      [
        'orders: 3 instances, 1 routable (curator, in /services/orders)',
        'two nodes with 10.1.2.3:1',
        'NODE     ADDRESS     WEIGHT  ZONE  STATE     PROBLEM',
        'z\\u200b                            no calls  the node\'s name "z\\u200b" cannot be shown',
        'a        10.1.2.3:1       5  eu    routable',
        'b        10.1.2.3:1       1        routable',
      ].join('\n'),
    );
  });

  it('is a sentence when there is nothing', () => {
    const rows = inOrder([]);
    match(renderFleet({ rows, missing: undefined, complete: true }, look), /^no services: nobody has announced yet/);
    match(renderFleet({ rows, missing: '/services', complete: true }, look), /^no services, for there is no \/services: /);
  });
});
