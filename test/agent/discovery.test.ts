import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Endpoint } from '../../lb/endpoint.js';
import { Discovery, type DiscoveryParts, type UpstreamLike } from '../../agent/discovery.js';
import type { Fact } from '../../agent/events.js';
import { curator } from '../../agent/registry/dialects/curator.js';
import { dialects } from '../../agent/registry/dialects/dialects.js';
import type { Instance } from '../../agent/registry/dialects/dialect.js';
import type { InstanceList, Source } from '../../agent/registry/registry.js';
import { TreeRegistry } from '../../agent/registry/tree-registry.js';
import { calm } from '../support/calm.js';
import { FakeClock } from '../support/clock.js';
import { MemoryStore, MemoryTree } from '../support/memory-tree.js';
import { seeded } from '../support/random.js';
import { instance } from './registry/dialects/node.js';

class Upstream implements UpstreamLike {
  readonly name: string;
  listed = false;
  lastUsed: number;
  endpoints: readonly Endpoint[] = [];
  updates = 0;

  constructor(name: string, lastUsed: number) {
    this.name = name;
    this.lastUsed = lastUsed;
  }

  update(endpoints: readonly Endpoint[]): void {
    this.listed = true;
    this.endpoints = endpoints;
    this.updates++;
  }

  get ids(): readonly string[] {
    return this.endpoints.map(({ id }) => id);
  }
}

interface Watched {
  readonly service: string;
  readonly at: Source;
  readonly tell: (instances: readonly Instance[], more?: Partial<InstanceList>) => void;
  readonly trouble: (why: string | undefined) => void;
  stopped: boolean;
}

const setup = (more: Partial<DiscoveryParts<Upstream>> = {}) => {
  const clock = new FakeClock();
  const facts: Fact[] = [];
  const watched: Watched[] = [];
  const discovery = new Discovery<Upstream>({
    registry: {
      names: () => Promise.reject(new Error('nobody is asked in this test')),
      watch(service, at, onList, onTrouble = () => undefined) {
        const tell: Watched['tell'] = (instances, rest) =>
          onList({ instances, skipped: [], confirmed: true, asOf: clock.wall(), ...rest });
        const watch: Watched = { service, at, tell, trouble: onTrouble, stopped: false };
        watched.push(watch);
        return () => void (watch.stopped = true);
      },
    },
    makeUpstream: (name) => new Upstream(name, clock.now()),
    sourcesFor: (name) => [{ dialect: 'curator', path: `/services/${name}` }],
    named: [],
    closed: false,
    clock,
    random: seeded(1),
    emit: (fact) => void facts.push(fact),
    resolve: () => Promise.reject(new Error('no names in this test')),
    ...more,
  });
  const found = (name: string): Upstream => {
    const upstream = discovery.lookup(name);
    ok(upstream instanceof Upstream, JSON.stringify(upstream));
    return upstream;
  };
  const refused = (name: string, absolute = false): { code: string; message: string } => {
    const refusal = discovery.lookup(name, absolute);
    ok('code' in refusal);
    return refusal;
  };
  const watching = (): readonly string[] => watched.filter(({ stopped }) => !stopped).map(({ at }) => at.path);
  const told = <K extends Fact['kind']>(kind: K) =>
    facts.filter((fact): fact is Extract<Fact, { kind: K }> => fact.kind === kind);
  return { clock, discovery, watched, found, refused, watching, told };
};

describe('who is followed', () => {
  it('is, from the start, who is named, and others from their first call on', () => {
    const { discovery, found, watching } = setup({ named: ['orders', 'users'] });
    deepEqual(watching(), []);
    void discovery.start();
    deepEqual(watching(), ['/services/orders', '/services/users']);
    found('other');
    deepEqual(watching(), ['/services/orders', '/services/users', '/services/other']);
    deepEqual(discovery.sizes, { named: 2, unnamed: 1 });
    deepEqual(
      discovery.upstreams().map(({ name }) => name),
      ['orders', 'users', 'other'],
    );
  });

  it('is begun with a few at a time where hundreds are named, so that others have their turn', async () => {
    const named = Array.from({ length: 100 }, (_, index) => `s${index}`);
    const followed: number[] = [];
    let at = 0;
    class Busy extends FakeClock {
      override now(): number {
        return at++; // each look at the clock takes a millisecond
      }
      override sleep(): Promise<void> {
        followed.push(watching().length);
        return Promise.resolve();
      }
    }
    const { discovery, found, watching } = setup({ named, clock: new Busy() });
    const most = (): number => Math.max(...followed.map((count, index) => count - (followed[index - 1] ?? 0)));
    await discovery.start();
    equal(watching().length, 100);
    ok(followed.length >= 20, followed.join(' '));
    ok(most() <= 5, `${most()} at one time`);

    // by a reload as well; who is called before his turn has come is followed at once
    const later = Array.from({ length: 100 }, (_, index) => `t${index}`);
    discovery.rename([...named, ...later], true);
    ok(watching().length < 110);
    const peeked = discovery.peek('t99');
    deepEqual(['code' in peeked && peeked.code, watching().includes('/services/t99')], ['discovering', false]);
    equal(found('t99').name, 't99');
    equal(found('T98').name, 't98', 'in any case');
    while (watching().length < 200) await setImmediate();
    ok(most() <= 7, `${most()} at one time`);
    equal(new Set(watching()).size, 200);
    deepEqual(discovery.sizes, { named: 200, unnamed: 0 });
  });

  it('is one peer however often it is called', () => {
    const { found, watching } = setup();
    equal(found('orders'), found('orders'));
    equal(watching().length, 1);
  });

  it('is found in another case only if a single known name is meant', () => {
    const { discovery, found, watching } = setup({ named: ['Orders', 'USERS', 'users'] });
    void discovery.start();
    equal(found('orders').name, 'Orders');
    equal(found('users').name, 'users');
    equal(found('Users').name, 'Users', 'a name of its own, since two are meant');
    equal(watching().length, 4);
  });

  it('is nobody else when the list is closed, and the refusal says who is known', () => {
    const { discovery, refused, watching } = setup({ named: ['orders'], closed: true });
    void discovery.start();
    const { code, message } = refused('users');
    equal(code, 'unknown_upstream');
    match(message, /^"users" is not in ZIDECAR_UPSTREAMS \(orders\): add it, or add \*/);
    match(refused('example.com', true).message, /no_proxy/);
    equal(watching().length, 1);
  });

  it('may be named later, and be named no more', () => {
    const { discovery, found, refused, watched } = setup({ named: ['orders', 'users'], closed: true });
    void discovery.start();
    const [orders, users] = [found('orders'), found('users')];
    watched[1]!.tell([instance({ id: 'u' })]);
    discovery.rename(['orders', 'carts'], true);
    equal(found('orders'), orders);
    match(refused('users').message, /not in ZIDECAR_UPSTREAMS \(orders, carts\)/);
    deepEqual(
      [users.ids, watched.map(({ service, stopped }) => `${service} ${stopped}`)],
      [[], ['orders false', 'users true', 'carts false']],
    );
    deepEqual(discovery.sizes, { named: 2, unnamed: 0 });
    discovery.rename(['users'], false);
    deepEqual([found('orders'), discovery.sizes], [orders, { named: 1, unnamed: 2 }]);
    discovery.rename(['users', 'orders', 'carts'], false);
    deepEqual([found('orders'), discovery.sizes], [orders, { named: 3, unnamed: 0 }]);
  });

  it('is nobody whose name could not be a folder', () => {
    const { refused, watching } = setup();
    for (const name of ['', '.', '..', 'a/b', '../x', 'a b', 'ü', 'a\r\n', 'x'.repeat(254), '__proto__\0']) {
      equal(refused(name).code, 'unknown_upstream');
    }
    deepEqual(watching(), []);
  });

  it('is nobody beyond 256 that no setting names, and a fact says so once', async () => {
    const { discovery, found, refused, clock, told } = setup({ named: ['orders'], limits: { newPerSecond: 1_000 } });
    void discovery.start();
    for (let i = 0; i < 256; i++) found(`peer-${i}`);
    for (let i = 0; i < 3; i++) equal(refused(`late-${i}`).code, 'unknown_upstream');
    match(refused('late').message, /more than the 256 beside those in ZIDECAR_UPSTREAMS/);
    equal(told('bound_reached').length, 1);
    await clock.advance(500_000);
    found('peer-7').lastUsed = clock.now();
    await clock.advance(100_001);
    found('late');
    deepEqual(discovery.sizes, { named: 1, unnamed: 2 });
  });

  it('is at most ten new names a second; the next one is to call again', async () => {
    const { found, refused, clock } = setup();
    for (let i = 0; i < 10; i++) found(`peer-${i}`);
    const { code, message } = refused('eleventh');
    equal(code, 'discovering');
    match(message, /call again/);
    found('peer-3');
    await clock.advance(1_000);
    found('eleventh');
  });

  it('is let go after ten minutes without a call, unless it is named', async () => {
    const { discovery, found, watching, watched, clock } = setup({ named: ['orders'] });
    void discovery.start();
    const idle = found('idle');
    watched.at(-1)!.tell([instance()]);
    found('busy');
    await clock.advance(590_000);
    found('busy').lastUsed = clock.now();
    await clock.advance(60_000);
    deepEqual(watching(), ['/services/orders', '/services/busy']);
    deepEqual(idle.endpoints, [], 'so that its connections close');
    ok(found('idle') !== idle);
  });

  it('is nobody once stopped', () => {
    const { discovery, found, watching } = setup({ named: ['orders'] });
    void discovery.start();
    found('users');
    discovery.stop();
    deepEqual(watching(), []);
  });
});

describe('what an upstream holds', () => {
  it('is what the registry tells, and listed even if that is nobody', () => {
    const { discovery, watched } = setup({ named: ['orders'] });
    void discovery.start();
    const [upstream] = discovery.upstreams();
    equal(discovery.isListed('orders'), false);
    watched[0]!.tell([]);
    equal(discovery.isListed('orders'), true);
    watched[0]!.tell([instance({ id: 'b', port: 2 }), instance({ id: 'a', port: 1 })]);
    deepEqual(upstream!.ids, ['a', 'b']);
  });

  it('is the union of its sources, and none only when all of them have been heard', () => {
    const sourcesFor = (name: string): Source[] => ['/a', '/b'].map((root) => ({ dialect: 'curator', path: root + name }));
    const { discovery, watched, found } = setup({ sourcesFor });
    const upstream = found('orders');
    const [one, other] = watched;
    one!.tell([]);
    equal(upstream.listed, false);
    other!.tell([instance({ id: 'b', port: 2 })]);
    deepEqual(upstream.ids, ['b']);
    one!.tell([instance({ id: 'a', port: 2 }), instance({ id: 'c', port: 3 })], { confirmed: false });
    deepEqual(upstream.ids, ['b', 'c'], 'the same process as before keeps its id, and circuit and turn with it');
    const [view] = discovery.view();
    deepEqual(
      view!.sources.map(({ path, instances, confirmed }) => `${path} ${instances} ${confirmed}`),
      ['/aorders 2 false', '/borders 1 true'],
    );
    equal(view!.confirmed, false);
  });

  it('is what is remembered as well, as long as the registry is still telling of more', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const all = ids.map((id, index) => instance({ id, port: index + 1 }));
    const { discovery, found, watched, told } = setup({
      trusting: { remembered: () => ({ instances: all, skipped: [], asOf: 0, confirmed: false }) },
    });
    const doubts = (): readonly unknown[] => found('orders').endpoints.map(({ id, doubt }) => [id, doubt?.why]);
    found('orders');
    watched[0]!.tell(all.slice(0, 1), { partial: true });
    const why = 'known from the snapshot on disk';
    deepEqual(
      doubts(),
      ids.map((id) => [id, id === 'a' ? undefined : why]),
    );
    equal(discovery.confirmedLists('orders'), undefined, 'no snapshot of that');
    watched[0]!.tell(all.slice(0, 3));
    deepEqual(found('orders').ids, ids.slice(0, 3));
    ok(discovery.confirmedLists('orders'));
    deepEqual(told('mass_drop'), []);
  });

  it('is to be written down again when those who were kept after a mass drop are let go', async () => {
    const all = ['a', 'b', 'c', 'd'].map((id, index) => instance({ id, port: index + 1 }));
    const written: (readonly string[] | undefined)[] = [];
    const { discovery, found, watched, clock } = setup({
      trusting: {
        heard: (name) =>
          void written.push(discovery.confirmedLists(name)?.flatMap(({ list }) => list.instances.map(({ id }) => id))),
      },
    });
    found('orders');
    watched[0]!.tell(all);
    watched[0]!.tell(all.slice(0, 1));
    deepEqual(found('orders').ids, ['a', 'b', 'c', 'd']);
    deepEqual(written.at(-1), undefined, 'not while some are kept');
    await clock.advance(61_000);
    deepEqual(found('orders').ids, ['a']);
    deepEqual(written.at(-1), ['a']);
  });

  it('is without those that get no call, which are shown and told once', () => {
    const { discovery, watched, found, told } = setup({ isOwnListener: (_, port) => port === 6140 });
    const upstream = found('orders');
    const list = [
      instance({ id: 'ok' }),
      instance({ id: 'own', host: '127.0.0.1', port: 6140 }),
      instance({ id: 'meta', host: '169.254.169.254' }),
      instance({ id: 'off', up: false, port: 9 }),
    ];
    for (let i = 0; i < 3; i++) watched[0]!.tell(list);
    deepEqual(upstream.ids, ['ok']);
    deepEqual(
      told('endpoint_refused').map(({ endpoint, why }) => `${endpoint} ${why}`),
      [
        '127.0.0.1:6140 127.0.0.1 is a listener of this sidecar itself',
        '169.254.169.254:8080 169.254.169.254 is a link-local address',
      ],
    );
    const [view] = discovery.view();
    deepEqual([view!.refused.length, view!.down.map(({ id }) => id)], [2, ['off']]);
    watched[0]!.tell([]);
    watched[0]!.tell(list);
    equal(told('endpoint_refused').length, 4, 'told again when it comes again');
  });

  it('is looked at again when our listeners change', () => {
    const own: number[] = [];
    const { discovery, watched, found } = setup({ isOwnListener: (_, port) => own.includes(port) });
    const upstream = found('orders');
    watched[0]!.tell([instance()]);
    own.push(8080);
    void discovery.recheck();
    deepEqual(upstream.ids, []);
  });

  it('looks at those only who have changed, of a long list, and at all when where we listen has changed', () => {
    const looked: string[] = [];
    const { discovery, watched, found } = setup({ isOwnListener: (host) => looked.push(host) === 0 });
    const upstream = found('orders');
    const all = Array.from({ length: 500 }, (_, index) =>
      instance({ id: `i${index}`, host: `10.1.${index >> 8}.${index & 255}` }),
    );
    watched[0]!.tell(all);
    deepEqual([looked.splice(0).length, upstream.endpoints.length], [500, 500]);
    const [first, ...others] = upstream.endpoints;
    watched[0]!.tell([...all.slice(1), instance({ id: 'j', host: '10.2.0.1' })]);
    deepEqual(looked.splice(0), ['10.2.0.1']);
    deepEqual([first!.id, upstream.endpoints.length], ['i0', 500]);
    ok(
      others.every((endpoint) => upstream.endpoints.includes(endpoint)),
      'the same objects',
    );
    void discovery.recheck();
    equal(looked.length, 500);
  });

  const many = Array.from({ length: 2_600 }, (_, index) =>
    instance({ id: `i${index}`, host: `10.0.${index >> 8}.${index & 255}` }),
  );

  it('is without thousands that vanish at one time by some hundreds a turn, and the first of them are kept as the last are', async () => {
    const prove = (): Promise<never> => new Promise(() => undefined);
    const { clock, discovery, watched, found, told } = setup({ trusting: { prove } });
    const upstream = found('orders');
    watched[0]!.tell(many);
    const [doubtful, updates]: [unknown[], unknown[]] = [[], []];
    watched[0]!.tell(many.slice(2_400));
    deepEqual(told('mass_drop'), [{ kind: 'mass_drop', upstream: 'orders', vanished: 2_400, left: 200 }]);
    for (let turn = 0; turn < 6; turn++, await clock.advance(1)) {
      equal(upstream.endpoints.length, 2_600, 'nobody is let go');
      doubtful.push(discovery.listOf('orders')!.doubtful);
      updates.push(upstream.updates);
    }
    deepEqual(doubtful, [0, 0, 0, 0, 0, 2_400]);
    deepEqual(updates, [1, 1, 1, 1, 1, 2], 'a list costs the data path once, in a turn of its own');
    equal(told('mass_drop').length, 1);
  });

  it('is what was told last, though some of thousands had still to leave when that came', async () => {
    const { clock, discovery, watched, found, told } = setup();
    const upstream = found('orders');
    watched[0]!.tell(many);
    const moved = many.slice(0, 3).map((one) => ({ ...one, port: 9_090 }));
    watched[0]!.tell([...many.slice(1_300), ...moved]);
    await clock.advance(2);
    equal(upstream.endpoints.length, 2_600);
    await clock.advance(1);
    equal(upstream.endpoints.length, 2_600 - 500, 'and the others in the turns after this one');
    ok(moved.every(({ id }) => upstream.endpoints.some((one) => one.id === id && one.port === 9_090)));
    watched[0]!.tell(many.slice(3));
    await clock.advance(10);
    deepEqual(upstream.ids, many.slice(3).map(({ id }) => id).sort()); // prettier-ignore
    equal(discovery.listOf('orders')!.doubtful, 0);
    deepEqual(told('mass_drop'), []);
    watched[0]!.tell(many.slice(1_000));
    discovery.stop();
    const { updates } = upstream;
    await clock.advance(10);
    equal(upstream.updates, updates);
  });

  it('has the address that a name has, asked for in the background, and keeps it while the name can not be resolved', async () => {
    let answer: readonly string[] | undefined = ['10.0.0.2', '10.0.0.1'];
    const asked: string[] = [];
    const resolve = async (host: string): Promise<readonly string[]> => {
      asked.push(host);
      if (!answer) throw new Error('SERVFAIL');
      return answer;
    };
    const { watched, found, clock, told } = setup({ resolve });
    const upstream = found('orders');
    const host = (): readonly string[] => upstream.endpoints.map((endpoint) => endpoint.host);
    watched[0]!.tell([instance({ host: 'one.example' })]);
    deepEqual(host(), []);
    await calm();
    deepEqual(host(), ['10.0.0.2']);
    answer = ['10.0.0.1', '10.0.0.2'];
    await clock.advance(40_000);
    deepEqual(host(), ['10.0.0.2'], 'as long as the name keeps it');
    answer = ['10.0.0.3'];
    await clock.advance(40_000);
    deepEqual(host(), ['10.0.0.3']);
    answer = undefined;
    await clock.advance(200_000);
    deepEqual(host(), ['10.0.0.3']);
    deepEqual(
      told('name_unresolved').map(({ why }) => why),
      ['SERVFAIL'],
    );
    watched[0]!.tell([]);
    asked.length = 0;
    await clock.advance(200_000);
    deepEqual(asked, [], 'a name that nobody uses is not asked for');
  });

  it('hears of a name that could not be resolved at first', async () => {
    let answer: readonly string[] = [];
    const { watched, found, clock, discovery } = setup({ resolve: async () => answer });
    const upstream = found('orders');
    watched[0]!.tell([instance({ host: 'one.example' })]);
    await calm();
    deepEqual(discovery.view()[0]!.unresolved, ['one.example']);
    answer = ['not an address', '10.0.0.1'];
    await clock.advance(6_000);
    deepEqual(
      upstream.endpoints.map(({ host }) => host),
      ['10.0.0.1'],
    );
  });

  describe('with names alone in its first list', () => {
    const slow = () => {
      const asked = new Map<string, (answer: readonly string[] | Error) => void>();
      const resolve = (host: string): Promise<readonly string[]> =>
        new Promise((done, fail) => asked.set(host, (answer) => (answer instanceof Error ? fail(answer) : done(answer))));
      const made = setup({ resolve });
      const upstream = made.found('orders');
      const tell = (...hosts: readonly string[]): void =>
        made.watched[0]!.tell(hosts.map((host, index) => instance({ id: `n${index}`, host })));
      const answer = async (host: string, what: readonly string[] | Error): Promise<void> => {
        asked.get(host)!(what);
        await calm();
      };
      return { ...made, upstream, tell, answer };
    };

    it('is not listed before the first of them has an address, and then at once', async () => {
      const { upstream, tell, answer } = slow();
      tell('one.example', 'two.example');
      await calm();
      equal(upstream.listed, false);
      await answer('two.example', ['10.0.0.2']);
      deepEqual([upstream.ids, upstream.updates], [['n1'], 1]);
      await answer('one.example', ['10.0.0.1']);
      deepEqual(upstream.ids, ['n0', 'n1']);
    });

    it('is listed as nobody as soon as all of them have been asked for in vain', async () => {
      const { upstream, tell, answer } = slow();
      tell('one.example', 'two.example');
      await calm();
      await answer('one.example', new Error('ENOTFOUND'));
      equal(upstream.listed, false);
      await answer('two.example', []);
      deepEqual([upstream.listed, upstream.ids], [true, []]);
    });

    it('is listed as nobody after a second of a resolver that hangs, however often it is told', async () => {
      const { upstream, tell, clock, answer } = slow();
      tell('one.example');
      await clock.advance(600);
      tell('one.example', 'two.example');
      await clock.advance(399);
      equal(upstream.listed, false);
      await clock.advance(1);
      deepEqual([upstream.listed, upstream.ids], [true, []]);
      await answer('two.example', ['10.0.0.2']);
      deepEqual(upstream.ids, ['n1']);
    });

    it('is listed as nobody once they have left again', () => {
      const { upstream, tell } = slow();
      tell('one.example');
      tell();
      deepEqual([upstream.listed, upstream.ids], [true, []]);
    });

    it('is given later ones at once', async () => {
      const { upstream, tell } = slow();
      tell('10.0.0.1');
      tell('one.example');
      await calm();
      deepEqual([upstream.updates, upstream.ids], [2, []]);
    });

    it('is told of nobody once it is stopped', async () => {
      const { upstream, tell, clock, discovery } = slow();
      tell('one.example');
      discovery.stop();
      await clock.advance(2_000);
      equal(upstream.listed, false);
    });
  });

  it('waits for no slow name, and asks for two at one time', async () => {
    let [out, most] = [0, 0];
    const resolve = (): Promise<readonly string[]> => {
      most = Math.max(most, ++out);
      return new Promise(() => undefined);
    };
    const { watched, found } = setup({ resolve });
    const upstream = found('orders');
    const named = Array.from({ length: 20 }, (_, index) => instance({ id: `n${index}`, host: `n${index}.example` }));
    watched[0]!.tell([instance({ id: 'a' }), ...named]);
    await calm();
    deepEqual(upstream.ids, ['a']);
    equal(most, 2);
  });

  it('resolves a thousand names at most, and says so', () => {
    const { watched, found, told } = setup({ resolve: () => new Promise(() => undefined) });
    found('orders');
    watched[0]!.tell(Array.from({ length: 1_010 }, (_, index) => instance({ id: `n${index}`, host: `n${index}.example` })));
    equal(told('bound_reached').length, 1);
  });
});

describe('what is to be said of a peer', () => {
  const skip = (name: string) => ({ name, reason: 'not_json', detail: 'not JSON' }) as const;

  it('is why a list cannot be read, for as long as that is so', () => {
    const { discovery, watched, found } = setup();
    found('orders');
    deepEqual(discovery.notesOf('orders'), []);
    watched[0]!.trouble('cannot list /services/orders: no permission');
    deepEqual(discovery.notesOf('orders'), ['cannot list /services/orders: no permission']);
    watched[0]!.trouble(undefined);
    watched[0]!.tell([instance({ id: 'a' })]);
    deepEqual(discovery.notesOf('orders'), []);
  });

  it('is who is passed over, who gets no call, and of each kind how many more', () => {
    const { discovery, watched, found } = setup();
    found('orders');
    const skipped = ['a', 'b', 'c', 'd', 'e'].map(skip);
    watched[0]!.tell([instance({ id: 'x', host: '10.0.0.1', port: 1, protocol: 'tri' }), instance({ id: 'y' })], { skipped });
    deepEqual(discovery.notesOf('orders'), [
      ...['a', 'b', 'c'].map((node) => `node ${node} is ignored: not JSON`),
      '2 more nodes are ignored: zidecar services orders',
      '10.0.0.1:1 gets no call: it speaks tri, which only a port of plain TCP carries: ZIDECAR_UPSTREAMS=orders@tcp:PORT',
    ]);
  });

  it('is where nobody is, only while there is nobody to call', () => {
    const sourcesFor = (name: string): readonly Source[] => [
      { dialect: 'curator', path: `/services/${name}` },
      { dialect: 'serverset', path: `/aurora/${name}`, registry: 'old:2181' },
    ];
    const { discovery, watched, found } = setup({ sourcesFor });
    found('orders');
    watched[0]!.tell([]);
    deepEqual(discovery.notesOf('orders'), ['nobody is in /services/orders (curator)']);
    watched[1]!.tell([instance({ id: 'a', up: false })]);
    deepEqual(discovery.notesOf('orders'), ['nobody is in /services/orders (curator)', '1 registered, and drained or disabled']);
    watched[1]!.tell([instance({ id: 'a' })]);
    deepEqual(discovery.notesOf('orders'), []);
  });
});

describe('discovery on a tree', () => {
  it('follows a service through joins, leaves, a lost connection and a new session, and never empties it', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore(() => clock.wall());
    const tree = new MemoryTree(store);
    const emit = (): void => undefined;
    const random = seeded(7);
    const registry = new TreeRegistry({ tree, dialects, clock, random, emit });
    const discovery = new Discovery<Upstream>({
      ...{ registry, clock, random, emit, named: ['orders'], closed: true },
      makeUpstream: (name) => new Upstream(name, clock.now()),
      sourcesFor: (name) => [{ dialect: 'curator', path: `/services/${name}` }],
    });
    const join = (id: string, port: number): void =>
      store.plant(`/services/orders/${id}`, curator.place(instance({ id, port })).data);
    const pass = async (ms: number): Promise<void> => {
      await calm();
      await clock.advance(ms);
      await calm();
    };
    join('a', 1);
    void discovery.start();
    const [upstream] = discovery.upstreams();
    await pass(0);
    deepEqual(upstream!.ids, ['a']);
    join('b', 2);
    await pass(2_000);
    deepEqual(upstream!.ids, ['a', 'b']);
    tree.lose();
    store.delete('/services/orders/a');
    await pass(10_000);
    deepEqual(upstream!.ids, ['a', 'b']);
    tree.expire();
    await pass(10_000);
    deepEqual(upstream!.ids, ['a', 'b']);
    tree.connect();
    await pass(5_000);
    deepEqual(upstream!.ids, ['b']);
    equal(discovery.view()[0]!.confirmed, true);
    discovery.stop();
  });
});
