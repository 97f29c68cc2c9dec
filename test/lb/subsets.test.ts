import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sharesOf, type Balancer, type Seat } from '../../lb/balancer.js';
import { makeBalancer, type Balancing } from '../../lb/balancing.js';
import type { EndpointView } from '../../lb/explain.js';
import type { Outcome } from '../../lb/outcome.js';
import { Split } from '../../lb/split.js';
import { subsetOf, type Subset } from '../../lb/subset.js';
import { Switch } from '../../lb/switch.js';
import { Upstream, type UpstreamParts } from '../../lb/upstream.js';
import { WeightedRoundRobin } from '../../lb/weighted-round-robin.js';
import { FakeClock } from '../support/clock.js';
import { fc } from '../support/fast-check.js';
import { seeded } from '../support/random.js';
import { bad, good, orders } from './orders.js';
import { seat, tally } from './seats.js';

const labelled = (id: string, meta: Readonly<Record<string, string>>, zone?: string): Seat => {
  const one = seat(id);
  return { ...one, endpoint: { ...one.endpoint, meta, ...(zone !== undefined && { zone }) } };
};
const fleet = (): Seat[] => [
  labelled('s1', { version: 'stable' }, 'a'),
  labelled('s2', { version: 'stable' }, 'b'),
  labelled('c1', { version: 'canary' }, 'a'),
  labelled('n1', {}),
];
const balancing = (set: Partial<Balancing> = {}, seats = fleet()): Balancer => {
  const balancer = makeBalancer({
    policy: 'weighted_round_robin',
    random: seeded(6),
    subsets: { otherwise: 'none' },
    ...set,
  });
  balancer.update(seats);
  return balancer;
};
const subset = (text: string): Subset => subsetOf(text)!;
const ids = (balancer: Balancer, count: number, asked?: string): Record<string, number> =>
  tally(
    Array.from({ length: count }, () => {
      return balancer.pick({ tried: [], subset: asked === undefined ? undefined : subset(asked) }, 0)?.endpoint.id ?? '-';
    }),
  );

describe('a subset', () => {
  it('is read from labels, the same in whichever order they come', () => {
    equal(subset('version=canary, zone=a').text, 'version=canary,zone=a');
    equal(subset('zone=a,version=canary').text, 'version=canary,zone=a');
  });

  for (const text of [
    '',
    'version',
    '=x',
    'a=',
    'a=1,a=2',
    'a=1,,b=2',
    'a=\u0001',
    `a=${'x'.repeat(1100)}`,
    'a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1',
  ])
    it(`is not ${JSON.stringify(text.slice(0, 40))}`, () => equal(subsetOf(text), undefined));
});

describe('calls to a subset', () => {
  it('go to those that have all its labels, each by the policy, and zone is a label', () => {
    const balancer = balancing();
    deepEqual(ids(balancer, 10, 'version=stable'), { s1: 5, s2: 5 });
    deepEqual(ids(balancer, 10, 'version=stable,zone=a'), { s1: 10 });
    deepEqual(ids(balancer, 10, 'zone=a'), { c1: 5, s1: 5 });
    deepEqual(ids(balancer, 8), { c1: 2, n1: 2, s1: 2, s2: 2 });
  });

  it('have nobody where nobody has its labels, or anybody where a user has said so', () => {
    deepEqual(ids(balancing(), 4, 'version=next'), { '-': 4 });
    deepEqual(ids(balancing({ subsets: { otherwise: 'any' } }), 4, 'version=next'), { c1: 1, n1: 1, s1: 1, s2: 1 });
  });

  it('lack nobody where anybody will do', () => {
    const ask = { tried: [], subset: subset('version=next') };
    equal(balancing({ subsets: { otherwise: 'any' } }).lacks!(ask), undefined);
    equal(balancing().lacks!(ask), 'version=next');
  });

  it('find no label in what every object has', () => {
    deepEqual(ids(balancing(), 1, 'constructor=x'), { '-': 1 });
  });

  it('do not go elsewhere because those of the subset are out', () => {
    const seats = fleet();
    const balancer = balancing({ subsets: { otherwise: 'any' } }, seats);
    ids(balancer, 1, 'version=canary');
    seats[2]!.eligible = false;
    balancer.changed(seats[2]!);
    deepEqual(ids(balancer, 1, 'version=canary'), { '-': 1 });
  });

  it('follow the list', () => {
    const balancer = balancing();
    deepEqual(ids(balancer, 1, 'version=next'), { '-': 1 });
    balancer.update([...fleet(), labelled('x', { version: 'next' })]);
    deepEqual(ids(balancer, 2, 'version=next'), { x: 2 });
  });

  it('that ask for none go to the subset of the setting', () => {
    const balancer = balancing({ subsets: { otherwise: 'none', standard: subset('version=stable') } });
    deepEqual(ids(balancer, 4), { s1: 2, s2: 2 });
    deepEqual(ids(balancer, 2, 'version=canary'), { c1: 2 });
    const canary = fleet()[2]!;
    equal(balancer.note!(canary), 'not in the subset version=stable, to which calls go that ask for none');
    equal(balancer.note!(canary, { tried: [], subset: subset('version=canary') }), undefined);
  });

  it('cost no more than 32 balancers, however many there are, and each that is given up is counted', () => {
    let dropped = 0;
    const made: unknown[] = [];
    const seats = Array.from({ length: 40 }, (_, index) => labelled(`e${index}`, { shard: String(index) }));
    const balancer = balancing({ subsets: { otherwise: 'none', dropped: () => made.push(dropped++) } }, seats);
    for (let index = 0; index < 40; index++) deepEqual(ids(balancer, 1, `shard=${index}`), { [`e${index}`]: 1 });
    equal(dropped, 8);
    ids(balancer, 1, 'shard=39');
    equal(dropped, 8);
  });

  it('look at those only who have the rarest of their labels, and at nobody for one that nobody has', () => {
    let looks = 0;
    const seats = Array.from({ length: 200 }, (_, index): Seat => {
      const { endpoint } = labelled(`e${index}`, { shard: String(index) }, 'a');
      return {
        ...seat(`e${index}`),
        get endpoint() {
          return (looks++, endpoint);
        },
      };
    });
    let dropped = 0;
    const balancer = balancing({ subsets: { otherwise: 'none', dropped: () => dropped++ } }, seats);
    ids(balancer, 1, 'shard=0');
    looks = 0;
    for (let index = 0; index < 100; index++) deepEqual(ids(balancer, 1, `zone=a,version=${index}`), { '-': 1 });
    deepEqual([looks, dropped], [0, 0]);
    for (let index = 1; index <= 100; index++) deepEqual(ids(balancer, 1, `zone=a,shard=${index}`), { [`e${index}`]: 1 });
    ok(looks / 100 < 30, `${looks / 100} looks a call`);
    deepEqual(ids(balancer, 1, 'shard=1,zone=b'), { '-': 1 });
  });

  it('are refused by an upstream in words when nobody is in it, also while somebody else is suspect', () => {
    const clock = new FakeClock();
    const balancer = makeBalancer({ policy: 'random', random: seeded(1), subsets: { otherwise: 'none' } });
    const parts = { balancer, clock, random: seeded(1), emit: () => undefined, source: '/services/orders' };
    const upstream = new Upstream('orders', parts);
    upstream.update(fleet().map(({ endpoint }, index) => ({ ...endpoint, port: 8_080 + index })));
    const ask = { tried: [], subset: subset('version=next') };
    equal(upstream.acquire(ask), 'no_subset');
    deepEqual(upstream.whyNot('no_subset', false, ask), {
      code: 'no_subset',
      message: 'no endpoint of "orders" in /services/orders is in the subset version=next (0 of 4): zidecar why orders',
      retryAfterMs: 1_000,
    });
    const lease = upstream.acquire({ tried: [] });
    ok(typeof lease === 'object');
    lease.answered({ kind: 'failure', code: 'connect_refused', ms: 1 });
    equal(upstream.acquire(ask), 'no_subset');
  });

  it('that nobody is in, but all calls are held to, is what the verdict says first, and each endpoint', () => {
    const clock = new FakeClock();
    const held = (otherwise: 'any' | 'none', text: string): Upstream => {
      const subsets = { otherwise, standard: subset(text) };
      const balancer = makeBalancer({ policy: 'weighted_round_robin', random: seeded(1), subsets });
      const upstream = new Upstream('orders', { balancer, clock, random: seeded(1), emit: () => undefined });
      upstream.update(fleet().map(({ endpoint }, index) => ({ ...endpoint, port: 8_080 + index })));
      return upstream;
    };
    const said = (upstream: Upstream): unknown => [
      upstream.verdict().state,
      upstream.verdict().lacks,
      upstream.explain()[0]!.reason,
    ];
    const not = (text: string): string => `gets no calls: not in the subset ${text}, to which calls go that ask for none`;
    deepEqual(said(held('none', 'verison=canary')), ['empty', 'verison=canary', not('verison=canary')]);
    deepEqual(said(held('none', 'version=canary')), ['well', undefined, not('version=canary')]);
    deepEqual(said(held('any', 'verison=canary')), ['well', undefined, 'takes calls: weight 1 of 4']);
    const late = held('none', 'verison=canary');
    late.update([{ ...labelled('x', { verison: 'canary' }).endpoint, port: 1 }]);
    deepEqual(said(late), ['well', undefined, 'takes calls: weight 1 of 1']);
  });
});

describe('the panic of a subset', () => {
  const canary = { tried: [], subset: subset('version=canary') };
  /** Ten stable ones, and two of a canary which both answer 503 until they are ejected; a third of it answers. */
  const ejected = (set: Partial<Balancing['subsets']> = {}, more: Partial<UpstreamParts> = {}, canaries = 2) => {
    const told: string[] = [];
    const subsets: Balancing['subsets'] = {
      otherwise: 'none',
      panicked: (text, began, well, total, why) =>
        told.push(`${text} ${began ? 'panic' : 'calm'} ${well} of ${total}${why === undefined ? '' : `: ${why}`}`),
      ...set,
    };
    const balancer = makeBalancer({ policy: 'weighted_round_robin', random: seeded(1), subsets });
    const fleet = Array.from({ length: 10 + canaries }, (_, index) => {
      const { endpoint } = labelled(`e${index}`, { version: index < 10 ? 'stable' : 'canary' });
      return { ...endpoint, port: 8_080 + index };
    });
    const all = orders(fleet, { more: { balancer, ...more } });
    for (let turn = 0; turn < 60; turn++) all.call(); // peers that are well
    const third = ['e12'];
    for (let turn = 0; turn < 10; turn++) all.call({ kind: 'success', ms: 1, status: 503 }, { ...canary, tried: third });
    return { ...all, panics: told };
  };

  it('is counted among its own: calls that ask for it are not refused because all of it is ejected, and others do not go there', () => {
    const { call, calls, upstream, panics } = ejected();
    equal(upstream.states().ejected, 2);
    equal(upstream.verdict().panic, false);
    deepEqual(panics, ['version=canary panic 0 of 2']);
    deepEqual(tally(Array.from({ length: 10 }, () => call(good, canary))), { e10: 5, e11: 5 });
    equal(/e1[01]/.test(calls(48)), false);
  });

  it('ends when enough of it are well, and pardons no circuit', async () => {
    const { call, clock, panics, upstream } = ejected();
    for (let turn = 0; turn < 4; turn++) call({ kind: 'failure', code: 'reset', ms: 1 }, canary); // both circuits open
    equal(upstream.acquire(canary), 'all_open');
    match(
      upstream.whyNot('all_open', false, canary).message,
      /^every circuit in the subset version=canary of "orders" is open \(2 of 2\), next trial in 1 s: zidecar why/,
    );
    await clock.advance(31_000);
    upstream.states(); // their time is up
    deepEqual(tally(Array.from({ length: 4 }, () => call(good, canary))), { e10: 2, e11: 2 });
    deepEqual(panics, ['version=canary panic 0 of 2', 'version=canary calm 0 of 2']);
  });

  it('says of each, to who asks about such a call, that it is pardoned and what it gets', () => {
    const { upstream } = ejected();
    const [first, second] = upstream.explain(canary);
    deepEqual([first!.share, second!.share], [50, 50]);
    match(first!.reason, /^takes calls: weight 1 of 2; pardoned, as too few are well: ejected for another 30 s/);
    match(upstream.explain()[10]!.reason, /^ejected for another 30 s/);
  });

  it('is in the verdict where all calls are held to the subset', () => {
    equal(ejected({ standard: canary.subset }).upstream.verdict().panic, true);
  });

  it('is off with its share, and who is refused for that is told of the subset, be it asked for or set', () => {
    const { upstream, panics } = ejected({ panic: { percent: 0 } });
    deepEqual([upstream.acquire(canary), panics], ['all_open', []]);
    const says = 'nobody in the subset version=canary of "orders" may be asked (2 of 2 are out: 0 by circuit, 2 ejected or ill)';
    equal(upstream.whyNot('all_open', false, canary).message, `${says}: zidecar why orders`);
    const held = ejected({ panic: { percent: 0 }, standard: canary.subset }).upstream;
    deepEqual([held.acquire({ tried: [] }), held.whyNot('all_open').message], ['all_open', `${says}: zidecar why orders`]);
  });

  it('follows its share while calls go on', () => {
    const panic = { percent: 0 };
    const balancer = new Switch(
      makeBalancer({ policy: 'weighted_round_robin', random: seeded(1), subsets: { otherwise: 'none', panic } }),
    );
    const { upstream, call } = ejected({}, { balancer });
    equal(upstream.acquire(canary), 'all_open');
    panic.percent = 50;
    balancer.reconsider();
    deepEqual(tally(Array.from({ length: 4 }, () => call(good, canary))), { e10: 2, e11: 2 });
    panic.percent = 0;
    balancer.reconsider();
    equal(upstream.acquire(canary), 'all_open');
  });

  it('ends when the subset is forgotten for others, and begins anew when it is asked for again', () => {
    const { upstream, panics, call } = ejected();
    const { endpoint } = labelled('other', {});
    const there = upstream.explain().map(({ id, host, port, labels }) => ({ id, host, port, weight: 1, meta: labels }));
    const others = Array.from({ length: 40 }, (_, index) => ({
      ...endpoint,
      ...{ id: `o${index}`, port: 9_000 + index, meta: { shard: String(index) } },
    }));
    upstream.update([...there, ...others]);
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 40; index++) call(good, { subset: subset(`shard=${index}`) });
      call(good, canary);
    }
    const [began, ended] = ['version=canary panic 0 of 2', 'version=canary calm 0 of 2: the subset is forgotten for others'];
    deepEqual(panics, [began, ended, began, ended, began]);
  });

  it('ends with its balancer, where another takes its place', () => {
    const panics: string[] = [];
    const panicked = (text: string, began: boolean): unknown => panics.push(`${text} ${began}`);
    const make = (): Balancer =>
      makeBalancer({ policy: 'weighted_round_robin', random: seeded(1), subsets: { otherwise: 'none', panicked } });
    const balancer = new Switch(make());
    const { call } = ejected({}, { balancer });
    balancer.to(make());
    deepEqual(panics, ['version=canary true', 'version=canary false']);
    call(good, canary);
    deepEqual(panics.slice(2), ['version=canary true']);
  });

  it('pardons no suspicion while anybody else of it may be asked', () => {
    const { upstream, call } = ejected({}, {}, 3);
    const third = { ...canary, tried: ['e10', 'e11'] };
    equal(call(bad, third), 'e12');
    deepEqual(tally(Array.from({ length: 6 }, () => call(good, canary))), { e10: 3, e11: 3 });
    deepEqual(
      upstream.explain(canary).map(({ share }) => share),
      [50, 50, 0],
    );
    equal(call(good, third), 'e12');
  });

  it('asks one that is ejected and suspect where nobody else is left', () => {
    const { upstream, call } = ejected();
    for (let turn = 0; turn < 2; turn++) call(bad, canary);
    equal(upstream.suspects().length, 2);
    match(call(bad, canary), /^e1[01]$/);
  });

  const kept = { why: 'kept', kept: true, ask: () => () => undefined, failed: () => undefined };
  const keep = (upstream: Upstream, who: (view: EndpointView) => boolean): void =>
    upstream.update(
      upstream.explain().map((view) => ({
        ...{ id: view.id, host: view.host, port: view.port, weight: 1, meta: view.labels },
        ...(who(view) && { doubt: kept }),
      })),
    );

  it('that is kept by a mass drop, and out, is not said to have open circuits', () => {
    const { upstream } = ejected({ panic: { percent: 0 } });
    keep(upstream, ({ labels }) => labels['version'] === 'canary');
    equal(upstream.acquire(canary), 'all_open');
    equal(
      upstream.whyNot('all_open', false, canary).message,
      'nobody in the subset version=canary of "orders" may be asked (those in it are out, and kept though they have left the list): zidecar why orders',
    );
  });

  it('that is kept in part says so of that part too, and how many that are', () => {
    const { upstream, call } = ejected();
    for (let turn = 0; turn < 4; turn++) call(bad, canary); // both circuits open
    keep(upstream, ({ id }) => id === 'e11');
    equal(upstream.acquire(canary), 'all_open');
    equal(
      upstream.whyNot('all_open', false, canary).message,
      'every circuit in the subset version=canary of "orders" is open (1 of 1, beside 1 that is out, and kept though it has left the list), next trial in 1 s: zidecar why orders',
    );
  });

  it('that is refused waits for the next trial of its own, and not of others', async () => {
    const endpoints = ['stable', 'canary'].map((version) => labelled(version, { version }).endpoint);
    const { upstream, call, clock } = orders(endpoints, { more: { balancer: balancing({}, []) } });
    const reset: Outcome = { kind: 'failure', code: 'reset', ms: 1 };
    for (let turn = 0; turn < 2; turn++) call(reset, { subset: subset('version=stable') });
    await clock.advance(600);
    for (let turn = 0; turn < 2; turn++) call(reset, canary);
    await clock.advance(100);
    equal(upstream.whyNot('all_open').retryAfterMs, 300);
    equal(upstream.whyNot('all_open', false, canary).retryAfterMs, 900);
  });

  it('of weight 0 is no matter of circuits', () => {
    const endpoints = ['1', '0'].map((weight, index) => ({
      ...labelled(`e${index}`, { version: weight === '0' ? 'canary' : 'stable' }).endpoint,
      weight: Number(weight),
    }));
    const { upstream } = orders(endpoints, { more: { balancer: balancing({}, []) } });
    equal(upstream.acquire(canary), 'no_endpoints');
    match(
      upstream.whyNot('no_endpoints', false, canary).message,
      /^every endpoint in the subset version=canary of "orders" in \/services\/orders has weight 0: give one/,
    );
  });

  it('follows the list: who comes well ends it', () => {
    const { upstream, panics, call } = ejected();
    const { endpoint } = labelled('new', { version: 'canary' });
    const there = upstream.explain().map(({ id, host, port, labels }) => ({ id, host, port, weight: 1, meta: labels }));
    upstream.update([...there, endpoint, { ...endpoint, id: 'newer', port: 1 }]);
    deepEqual(panics.slice(-1), ['version=canary calm 2 of 4']);
    deepEqual(tally(Array.from({ length: 4 }, () => call(good, canary))), { new: 2, newer: 2 });
  });
});

describe('the home of a key', () => {
  it('is where the key leads while all are well, and stays so when that one is out, through subsets, splits and zones', () => {
    const fleet = Array.from({ length: 12 }, (_, index) =>
      labelled(`e${index}`, { version: index % 3 === 0 ? 'canary' : 'stable' }, 'abc'[index % 2]),
    );
    const split = { label: 'version', percents: new Map([['canary', 30]]) };
    const zone = {
      own: 'a',
      callers: () =>
        new Map([
          ['a', 3],
          ['b', 1],
        ]),
    };
    for (const policy of ['ring_hash', 'maglev'] as const)
      for (const set of [{}, { split }, { zone }, { split, zone }] as const)
        for (const subset of [undefined, subsetOf('version=stable') as Subset]) {
          const balancer = balancing({ policy, ...set }, fleet);
          for (let key = 0; key < 2 ** 32; key += 2 ** 27) {
            const ask = { tried: [], key, subset };
            const home = balancer.pick(ask, 0)!;
            const homes = (): Seat[] => fleet.filter((one) => balancer.home!(ask, one));
            deepEqual(homes(), [home]);
            home.eligible = false;
            balancer.changed(home);
            if (!('zone' in set)) deepEqual(homes(), [home]); // who is out changes what zones get
            home.eligible = true;
            balancer.changed(home);
          }
        }
    equal(balancing({}, fleet).home!({ tried: [], key: 1 }, fleet[0]!), false); // turns go by no key
  });
});

describe('a split by a label', () => {
  const canary = { label: 'version', percents: new Map([['canary', 5]]) };

  it('gives each value its part of the calls, to the call, whatever there are of it', () => {
    const { c1, s1, s2, n1 } = ids(balancing({ split: canary }), 2_000);
    deepEqual([c1, s1! + s2! + n1!], [100, 1_900]);
    ok(Math.abs(s1! - 633) <= 1 && Math.abs(n1! - 633) <= 1, `${s1} ${n1}`);
  });

  it('is exact over any hundred of twenty calls each, not at their end only', () => {
    const balancer = balancing({ split: canary });
    for (let round = 0; round < 20; round++) equal(ids(balancer, 20)['c1'], 1);
  });

  it('leaves the part of a value that nobody well has to the others, and gives it back', () => {
    const seats = fleet();
    const balancer = balancing({ split: canary }, seats);
    seats[2]!.eligible = false;
    balancer.changed(seats[2]!);
    equal(ids(balancer, 100)['-'], undefined);
    seats[2]!.eligible = true;
    balancer.changed(seats[2]!);
    equal(ids(balancer, 200)['c1'], 10);
  });

  it('knows of the lightest that is left of a value, whatever the others weighed', () => {
    const seats = [...fleet(), { ...labelled('c2', { version: 'canary' }), weight: 1e-12 }];
    seats[2]!.weight = 1e6;
    const balancer = balancing({ split: canary }, seats);
    seats[2]!.eligible = false;
    balancer.changed(seats[2]!);
    equal(ids(balancer, 200)['c2'], 10);
  });

  it('serves from whoever is there when only those without a part are', () => {
    const all = { label: 'version', percents: new Map([['canary', 100]]) };
    const seats = fleet().slice(0, 2);
    const balancer = balancing({ split: all }, seats);
    deepEqual(ids(balancer, 4), { s1: 2, s2: 2 });
    deepEqual([...sharesOf(balancer, seats).values()], [0.5, 0.5]);
  });

  it('lets a call elsewhere that has been to all of its part', () => {
    const balancer = balancing({ split: { label: 'version', percents: new Map([['canary', 100]]) } });
    ok(balancer.pick({ tried: ['c1'] }, 0));
  });

  it('keeps a key on its part, and moves the fewest keys when a part grows', () => {
    const keyed = (percent: number): boolean[] => {
      const rule = { label: 'version', percents: new Map([['canary', percent]]) };
      const balancer = balancing({ split: rule, policy: 'ring_hash' });
      return Array.from(
        { length: 1_000 },
        (_, key) => balancer.pick({ tried: [], key: key * 4_294_967 }, 0)!.endpoint.id === 'c1',
      );
    };
    const [five, ten] = [keyed(5), keyed(10)];
    const count = (many: boolean[]): number => many.filter(Boolean).length;
    ok(Math.abs(count(five) - 50) < 25 && Math.abs(count(ten) - 100) < 35, `${count(five)} ${count(ten)}`);
    equal(five.filter((was, place) => was && !ten[place]).length, 0);
  });

  it('spreads the keys of a small part over all that are in it', () => {
    const rule = { label: 'version', percents: new Map([['canary', 1]]) };
    const seats = [...fleet(), labelled('c2', { version: 'canary' })];
    const balancer = balancing({ split: rule, policy: 'ring_hash' }, seats);
    const counts = tally(
      Array.from({ length: 20_000 }, (_, key) => balancer.pick({ tried: [], key: key * 214_748 }, 0)!.endpoint.id),
    );
    ok(counts['c1']! > 50 && counts['c2']! > 50, JSON.stringify(counts));
  });

  it('is left aside by a call that asks for a subset, and not told of as its reason', () => {
    const seats = fleet();
    const balancer = balancing({ split: canary }, seats);
    deepEqual(ids(balancer, 10, 'version=canary'), { c1: 10 });
    equal(balancer.note!(seats[2]!, { tried: [], subset: subset('version=canary') }), undefined);
  });

  it('is told of where nobody is in the subset, and any will do', () => {
    const seats = fleet();
    const nobody = { otherwise: 'any', standard: subset('version=next') } as const;
    const balancer = balancing({ split: canary, subsets: nobody }, seats);
    equal(balancer.note!(seats[2]!), 'split: version=canary get 5 % of the calls');
    equal(balancer.note!(seats[2]!, { tried: [], subset: subset('version=last') }), balancer.note!(seats[2]!));
  });

  it('is seen in the shares, with a word', () => {
    const seats = fleet();
    const balancer = balancing({ split: canary }, seats);
    const shares = sharesOf(balancer, seats);
    deepEqual(
      seats.map((one) => Math.round(shares.get(one)! * 1_000) / 10),
      [31.7, 31.7, 5, 31.7],
    );
    equal(balancer.note!(seats[2]!), 'split: version=canary get 5 % of the calls');
    match(balancer.note!(seats[0]!)!, /^split: the others get 95 % of the calls$/);
  });

  it('gives shares that add up, whoever is well', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 100 }), (well, percent) => {
        const seats = fleet();
        const rule = { label: 'version', percents: new Map([['canary', percent]]) };
        const split = new Split(rule, () => new WeightedRoundRobin(seeded(1)), seeded(2));
        seats.forEach((one, place) => (one.eligible = well[place]!));
        split.update(seats);
        const total = [...split.shares().values()].reduce((sum, share) => sum + share, 0);
        ok(Math.abs(total - (well.some(Boolean) ? 1 : 0)) < 1e-9, String(total));
      }),
    );
  });
});
