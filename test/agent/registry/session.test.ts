import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fact } from '../../../agent/events.js';
import type { Address } from '../../../agent/registry/wire/resolve.js';
import { SessionKeeper } from '../../../agent/registry/session.js';
import { RegistryError } from '../../../agent/registry/tree.js';
import type { Link, LinkEvents } from '../../../agent/registry/turn.js';
import { FakeClock } from '../../support/clock.js';

const at = (host: string): Address => ({ host, port: 2181, label: `${host}:2181` });
const TIMEOUT_MS = 30_000;

/** A link whose connection the test makes and loses. */
class ScriptedLink implements Link {
  readonly events: LinkEvents;
  readonly openedAt: number;
  readonly said: string[] = [];

  constructor(events: LinkEvents, openedAt: number) {
    this.events = events;
    this.openedAt = openedAt;
  }

  aim(addresses: readonly Address[]): void {
    this.said.push(`aim ${addresses.map(({ host }) => host).join(' ')}`);
  }

  async close(): Promise<void> {
    this.said.push('close');
  }

  drop(): void {
    this.said.push('drop');
  }
}

function staged(
  answer: (link: ScriptedLink) => Promise<void> = async () => undefined,
  addresses: readonly Address[] = [at('10.0.0.1')],
) {
  const clock = new FakeClock();
  const links: ScriptedLink[] = [];
  const facts: Fact[] = [];
  const world = { addresses, why: 'nothing listens', isServing: false };
  const keeper = new SessionKeeper<ScriptedLink>({
    timeoutMs: TIMEOUT_MS,
    clock,
    random: () => 1,
    emit: (fact) => facts.push(fact),
    resolve: async () => world.addresses,
    async open(_, events) {
      const link = new ScriptedLink(events, clock.now());
      links.push(link);
      return link;
    },
    confirm: answer,
    diagnose: async () => world,
  });
  return {
    clock,
    facts,
    links,
    world,
    keeper,
    last: () => links.at(-1)!,
    states: () => facts.flatMap((fact) => (fact.kind === 'session_changed' ? [fact.state] : [])),
    troubles: () => facts.flatMap((fact) => (fact.kind === 'session_trouble' ? [fact.why] : [])),
    /** One turn of the event loop. */
    settle: () => clock.advance(0),
    /** Has the last link connect, or the next if that one is gone. */
    connect: async (id: string, timeoutMs = TIMEOUT_MS): Promise<void> => {
      do await clock.advance(100);
      while (links.at(-1)!.said.includes('drop'));
      links.at(-1)!.events.up(id, timeoutMs);
      await clock.advance(0);
    },
  };
}

describe('session keeper', () => {
  it('has a session only when a question was answered within it', async () => {
    let answer = (): void => undefined;
    const { keeper, settle, connect, states } = staged(() => new Promise((resolve) => (answer = resolve)));
    await connect('a');
    deepEqual([keeper.session.state, keeper.session.epoch, keeper.link], ['connecting', 0, undefined]);
    answer();
    await settle();
    deepEqual(keeper.session, { state: 'connected', id: 'a', epoch: 1, timeoutMs: TIMEOUT_MS, server: '10.0.0.1:2181' });
    deepEqual(states(), ['connecting', 'connected']);
  });

  it('asks again after a connection that was lost before the answer', async () => {
    let asked = 0;
    const { keeper, connect, last } = staged(async () => {
      if (++asked === 1) throw new RegistryError('connection_lost', 'lost');
    });
    await connect('a');
    last().events.down();
    await connect('a');
    deepEqual([asked, keeper.session.state], [2, 'connected']);
  });

  it('says which server demands another login: by the word of the link, or by the answer to its own question', async () => {
    const { keeper, connect, last, clock, facts } = staged(() => Promise.reject(new RegistryError('auth_failed', 'demanded')));
    const demands = (): unknown[] =>
      facts.flatMap((fact) => (fact.kind === 'session_trouble' ? [[fact.why, fact.demandedBy]] : []));
    await clock.advance(0);
    last().events.over('refused', '10.0.0.9:2181');
    await connect('a');
    last().events.over('later');
    deepEqual(demands(), [
      ['refused', '10.0.0.9:2181'],
      ['demanded', '10.0.0.1:2181'],
    ]);
    await keeper.close(async () => undefined);
  });

  it('takes the timeout that the servers grant', async () => {
    const { keeper, connect } = staged();
    await connect('a', 4_000);
    equal(keeper.session.timeoutMs, 4_000);
  });

  it('takes a day where they grant more than timers can count', async () => {
    const { keeper, connect } = staged();
    await connect('a', 2 ** 31 - 1);
    equal(keeper.session.timeoutMs, 86_400_000);
  });

  it('names a server only where there is but one', async () => {
    const { keeper, connect } = staged(undefined, [at('10.0.0.1'), at('10.0.0.2')]);
    await connect('a');
    equal(keeper.session.server, undefined);
  });

  it('keeps its session through a loss that is shorter than 4/3 of the timeout', async () => {
    const { keeper, clock, connect, last, states, links } = staged();
    await connect('a');
    for (let loss = 0; loss < 3; loss++) {
      last().events.down();
      equal(keeper.link, undefined);
      await clock.advance(39_800);
      await connect('a');
    }
    deepEqual([keeper.session.id, keeper.session.epoch, links.length], ['a', 1, 1]);
    deepEqual(states().slice(1), [
      'connected',
      ...['suspended', 'connected', 'suspended', 'connected', 'suspended', 'connected'],
    ]);
  });

  it('gives it up after 4/3 of the timeout without a connection, whatever the link believes', async () => {
    const { keeper, clock, connect, last, states, links } = staged();
    await connect('a');
    const old = last();
    old.events.down();
    await clock.advance(40_000);
    deepEqual(old.said.at(-1), 'drop');
    await clock.advance(200);
    await connect('b');
    deepEqual([keeper.session.id, keeper.session.epoch, links.length], ['b', 2, 2]);
    deepEqual(states(), ['connecting', 'connected', 'suspended', 'expired', 'connecting', 'connected']);
  });

  it('does not hear what an old link still has to say', async () => {
    const { keeper, clock, connect, last } = staged();
    await connect('a');
    const old = last();
    old.events.over('the servers have ended it');
    await clock.advance(200);
    await connect('b');
    old.events.down();
    old.events.up('a', 1_000);
    old.events.over('again');
    await clock.advance(0);
    deepEqual([keeper.session.state, keeper.session.id, keeper.link === last()], ['connected', 'b', true]);
  });

  it('takes an id that changed silently for the end of the session', async () => {
    const { keeper, clock, connect, last, states } = staged();
    await connect('a');
    last().events.down();
    await connect('z');
    equal(keeper.session.state, 'expired');
    await clock.advance(200);
    await connect('b');
    deepEqual([keeper.session.id, keeper.session.epoch], ['b', 2]);
    equal(states().filter((state) => state === 'expired').length, 1);
  });

  it('pauses ever longer while there is no session, and as at first after one', async () => {
    const { clock, links, connect, last } = staged();
    await clock.advance(120_000);
    const gaps = links.slice(1).map(({ openedAt }, index) => openedAt - links[index]!.openedAt);
    // each a patience of 2 s growing to 8 s, and a pause of 0.4 s growing to 10 s
    deepEqual(gaps.slice(0, 7), [2_400, 4_800, 9_600, 11_200, 14_400, 18_000, 18_000]);
    await connect('a');
    const before = links.length;
    const ended = clock.now();
    last().events.over('ended');
    await clock.advance(1_000);
    deepEqual([links.length, last().openedAt - ended], [before + 1, 200]);
  });

  it('is patient with a link that is up and waits for its answer', async () => {
    const { clock, connect, links } = staged(() => new Promise(() => undefined));
    await connect('a');
    await clock.advance(39_800);
    equal(links.length, 1);
    links[0]!.events.down();
    await connect('a');
    await clock.advance(1_000);
    equal(links.length, 2, 'but not for longer because its connection comes and goes');
  });

  it('tells each different trouble once, and again after a session', async () => {
    const { clock, world, connect, last, troubles } = staged();
    await clock.advance(30_000);
    deepEqual(troubles(), ['nothing listens']);
    world.why = 'no answer';
    await clock.advance(30_000);
    deepEqual(troubles(), ['nothing listens', 'no answer']);
    await connect('a');
    last().events.down();
    await clock.advance(39_000);
    deepEqual(troubles(), ['nothing listens', 'no answer', 'no answer']);
  });

  it('tells what it was told of a question that was refused, and tries again', async () => {
    let isRefused = true;
    const { keeper, clock, connect, troubles } = staged(async () => {
      if (isRefused) throw new RegistryError('no_auth', 'create /apps: not for us');
    });
    await connect('a');
    deepEqual(troubles(), ['create /apps: not for us']);
    isRefused = false;
    await clock.advance(1_000);
    await connect('b');
    deepEqual([keeper.session.id, keeper.session.epoch], ['b', 1]);
  });

  it('does not complain of a server that serves before its link has had time to come back', async () => {
    const { clock, world, connect, last, troubles } = staged();
    world.isServing = true;
    await connect('a');
    last().events.down();
    await clock.advance(15_000);
    deepEqual(troubles(), []);
    await clock.advance(24_000);
    deepEqual(troubles(), ['nothing listens']);
  });

  it('complains of one that serves within half a minute, however long a session is', async () => {
    const { clock, world, connect, last, troubles } = staged();
    world.isServing = true;
    await connect('a', 600_000);
    last().events.down();
    await clock.advance(15_000);
    deepEqual(troubles(), []);
    await clock.advance(15_000);
    deepEqual(troubles(), ['nothing listens']);
  });

  it('complains of a server that serves only when a second turn ended without a session', async () => {
    const { clock, world, links, troubles } = staged();
    world.isServing = true;
    while (links.length < 2) await clock.advance(100);
    deepEqual(troubles(), []);
    while (links.length < 3) await clock.advance(100);
    deepEqual(troubles(), ['nothing listens']);
  });

  it('does not complain of a server that has just come up again', async () => {
    const { clock, world, connect, last, troubles } = staged();
    await connect('a');
    last().events.down();
    await clock.advance(20_000);
    deepEqual(troubles(), ['nothing listens']);
    Object.assign(world, { isServing: true, why: 'it may demand a login' });
    await clock.advance(10_000);
    deepEqual(troubles(), ['nothing listens']);
  });

  it('aims its link at new addresses while it is suspended, and at no others', async () => {
    const { clock, world, connect, last } = staged();
    await connect('a');
    world.addresses = [at('10.0.0.9')];
    await clock.advance(60_000);
    last().events.down();
    await clock.advance(2_000);
    deepEqual(last().said, ['aim 10.0.0.9']);
    await connect('a');
    world.addresses = [at('10.0.0.7')];
    await clock.advance(60_000);
    deepEqual(last().said, ['aim 10.0.0.9']);
  });

  it('waits for an address, and opens nothing without one', async () => {
    const { keeper, clock, world, links, troubles, connect } = staged(undefined, []);
    await clock.advance(20_000);
    deepEqual([links.length, troubles()], [0, ['nothing listens']]);
    world.addresses = [at('10.0.0.1')];
    await clock.advance(10_000);
    await connect('a');
    equal(keeper.session.state, 'connected');
  });

  it('ends the session when it is closed and the servers answer', async () => {
    const { keeper, connect, last, states, settle } = staged();
    await connect('a');
    let asked: ScriptedLink | undefined;
    await keeper.close(async (link) => void (asked = link));
    await settle();
    equal(asked, last());
    deepEqual(last().said, ['close', 'drop']);
    deepEqual(states().slice(-2), ['connected', 'closed']);
    await keeper.close(async () => undefined);
    equal(states().filter((state) => state === 'closed').length, 1);
  });

  it('lets go after 2 s when it is closed and nobody answers', async () => {
    const { keeper, clock, connect, last } = staged();
    await connect('a');
    const closed = keeper.close(() => new Promise(() => undefined));
    await clock.advance(1_999);
    equal(keeper.session.state, 'connected');
    await clock.advance(1);
    await closed;
    await clock.advance(0);
    deepEqual([keeper.session.state, last().said], ['closed', ['drop']]);
  });

  it('says so when it is closed and no server could be told, where there is a session that may stand there', async () => {
    const stays =
      'no server could be told: its nodes may stay for about 30 s, counted from when the servers are back if they were down';
    for (const [state, told] of [
      ['connected', stays],
      ['suspended', stays],
      ['given up', stays],
      ['refused', stays],
      ['ended', undefined],
      ['replaced', undefined],
      ['never there', undefined],
    ] as const) {
      const { keeper, clock, connect, last, facts } = staged();
      if (state !== 'never there') await connect('a');
      if (state === 'suspended' || state === 'given up') last().events.down();
      if (state === 'given up') await clock.advance(2 * TIMEOUT_MS);
      if (state === 'refused') last().events.over('another login', '10.0.0.9:2181');
      if (state === 'ended') last().events.over('gone');
      if (state === 'replaced') last().events.up('b', TIMEOUT_MS);
      await clock.advance(0);
      const closed = keeper.close(() => new Promise(() => undefined));
      await clock.advance(2_000);
      await closed;
      const ends = facts.flatMap((fact) => (fact.kind === 'session_changed' && fact.state === 'closed' ? [fact.why] : []));
      deepEqual(ends, [told], state);
    }
  });

  it('opens nothing more once it is closed', async () => {
    const { keeper, clock, links, connect, last } = staged();
    await connect('a');
    last().events.over('ended');
    await clock.advance(0);
    await keeper.close(async () => undefined);
    await clock.advance(60_000);
    equal(links.length, 1);
  });
});
