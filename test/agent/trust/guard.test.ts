import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import type { Fact } from '../../../agent/events.js';
import { Guard } from '../../../agent/trust/guard.js';
import type { Proof, Suspect } from '../../../agent/trust/prover.js';
import type { Listed } from '../../../agent/trust/trust.js';
import { address, type Endpoint } from '../../../lb/endpoint.js';
import { deadPort } from '../../lb/full/house.js';
import { FakeClock } from '../../support/clock.js';

const nobody = new Set<string>();
const endpoint = (id: string, port: number): Endpoint => ({ id, host: '127.0.0.1', port, weight: 1, meta: {} });
const confirmed = (endpoints: readonly Endpoint[]): Listed[] => endpoints.map((one) => ({ endpoint: one, why: undefined }));
const unconfirmed = (endpoints: readonly Endpoint[]): Listed[] => endpoints.map((one) => ({ endpoint: one, why: 'unconfirmed' }));

/** The data path takes its time. */
class BusyClock extends FakeClock {
  spent = 0;
  override now(): number {
    return super.now() + this.spent;
  }
}

const setup = (
  proofs: Readonly<Record<string, Proof>> = {},
  names: () => Promise<ReadonlySet<string>> = async () => nobody,
  clock: FakeClock & { spent?: number } = new FakeClock(),
  proof = async (id: string): Promise<Proof> => proofs[id] ?? { kind: 'same' },
) => {
  const facts: Fact[] = [];
  let told: readonly Endpoint[] = [];
  const asked: string[] = [];
  const guard = new Guard({
    ...{
      upstream: 'orders',
      clock,
      random: () => 0.5,
      emit: (fact: Fact) => void facts.push(fact),
      names,
      nodeOf: ({ id }: Endpoint) => id,
      connectTimeoutMs: () => 1_000,
    },
    prove: ({ meant: { id = '' } }) => {
      asked.push(id);
      return proof(id);
    },
    suspectOf: ({ id, host, port }): Suspect => ({
      ...{ host, port, healthPort: undefined, foreign: 'connect' },
      meant: { id, port, hosts: new Set([host]), services: new Set(['orders']) },
    }),
    onEndpoints(endpoints) {
      told = endpoints;
      if (clock.spent !== undefined) clock.spent += 5;
    },
  });
  return { clock, guard, asked, facts, told: () => told, ids: () => told.map(({ id }) => id) };
};

/** `looked`: a connection was made, and has ended again. */
const listening = async (t: TestContext, looked = (): void => undefined): Promise<number> => {
  const server = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .on('close', looked)
      .resume(),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
};
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
};
const askedOf = (one: Endpoint): Promise<string | undefined> => new Promise((resolve) => void one.doubt!.ask(resolve));

describe('the guard of an upstream', () => {
  it('hands on without a doubt those whom the registry confirms', () => {
    const { guard, told } = setup();
    const one = endpoint('a', 1);
    guard.heard(confirmed([one]), nobody);
    const { doubt, ...rest } = told()[0]!;
    deepEqual([rest, doubt!.why, doubt!.kept, guard.doubtful], [one, undefined, false, 0]);
  });

  it('makes nobody anew for the data path whom it doubts, believes again, or keeps', () => {
    const { clock, guard, told } = setup();
    const listed = ['a', 'b', 'c', 'd'].map((id, index) => endpoint(id, index + 1));
    guard.heard(confirmed(listed), nobody);
    const first = told();
    const whys = (): unknown[] => told().map(({ doubt }) => doubt!.why);
    guard.retold('unconfirmed');
    deepEqual([new Set(whys()), guard.doubtful], [new Set(['the registry cannot be asked']), 4]);
    void clock.advance(2_000);
    guard.retold(undefined);
    deepEqual(guard.doubtful, 0, 'no time has passed yet');
    guard.changed(
      { found: { endpoints: [listed[1]!] } as never, gone: [listed[0]!, listed[2]!, listed[3]!], joined: [] },
      nobody,
    );
    deepEqual(whys(), ['kept after a mass drop', undefined, 'kept after a mass drop', 'kept after a mass drop']);
    told().forEach((one, index) => equal(one, first[index], 'in the order of before'));
    guard.stop();
  });

  it('lets no more than 500 leave the data path in one turn, however long that takes', async () => {
    const { clock, guard, told } = setup({}, undefined, new BusyClock());
    const all = Array.from({ length: 1_300 }, (_, index) => endpoint(`e${String(index).padStart(4, '0')}`, index + 1));
    guard.heard(confirmed(all), nobody);
    const drained = new Set(all.slice(100).map(({ id }) => id)); // with a mark, so that nobody is kept
    guard.changed({ found: { endpoints: all.slice(0, 100) } as never, gone: all.slice(100), joined: [] }, drained);
    const sizes = [told().length];
    for (let turn = 0; turn < 3; turn++) {
      await clock.advance(1);
      sizes.push(told().length);
    }
    deepEqual(sizes, [800, 300, 100, 100]);
    deepEqual(
      told().map(({ id }) => id),
      all.slice(0, 100).map(({ id }) => id),
    );
  });

  it('lets no more than 500 leave in one turn where as many join', async () => {
    const { clock, guard, told, ids } = setup({}, undefined, new BusyClock());
    const [before, after] = [0, 600].map((from) =>
      Array.from({ length: 600 }, (_, index) => endpoint(`e${String(from + index).padStart(4, '0')}`, from + index + 1)),
    ) as [Endpoint[], Endpoint[]];
    guard.heard(confirmed(before), nobody);
    guard.changed({ found: { endpoints: after } as never, gone: before, joined: after }, nobody);
    equal(told().length, 700);
    await clock.advance(1);
    deepEqual(
      ids(),
      after.map(({ id }) => id),
    );
  });

  it('lets nobody go by a look into the registry before he has been kept for ten seconds', async (t) => {
    const { clock, guard, ids } = setup();
    let looks = 0;
    const ports = [];
    for (let count = 0; count < 4; count++) ports.push(await listening(t, () => looks++));
    const listed = ports.map((port, index) => endpoint('abcd'[index]!, port));
    guard.heard(confirmed(listed), nobody);
    guard.heard(confirmed(listed.slice(3)), nobody);
    await clock.advance(1);
    await until(() => looks === 3);
    await clock.advance(7_999);
    guard.heard([], nobody);
    await clock.advance(1);
    await until(() => looks === 4);
    await clock.advance(9_998);
    deepEqual(ids(), ['a', 'b', 'c', 'd']);
    await clock.advance(1_002);
    deepEqual(ids(), []);
    guard.stop();
  });

  it('looks at eight of thousands at one time, and at nobody any more who was let go meanwhile', async () => {
    const { clock, guard, asked, told } = setup({}, undefined, undefined, () => new Promise(() => undefined));
    guard.heard(confirmed(Array.from({ length: 1_300 }, (_, index) => endpoint(`e${index}`, index + 1))), nobody);
    const timers = clock.waiting;
    guard.heard([], nobody);
    ok(clock.waiting - timers < 5, `${clock.waiting} timers`);
    await clock.advance(1_000);
    deepEqual([asked.length, told().length], [8, 1_300]);
    await clock.advance(11_000); // each takes the second that a connect may
    const looks = asked.length;
    ok(looks < 100, `${looks} looks`);
    deepEqual(told(), []);
    await clock.advance(10_000);
    equal(asked.length, looks);
  });

  it('gives the others a doubt that says why, asks for a proof, and drops whoever fails', async () => {
    const { guard, told, ids, facts, clock } = setup({ b: { kind: 'other', why: 'its address belongs to users (u1) now' } });
    guard.heard(unconfirmed([endpoint('a', 1), endpoint('b', 2), endpoint('c', 3)]), nobody);
    const [a, b, c] = told();
    deepEqual([a!.doubt!.why, a!.doubt!.kept, guard.doubtful], ['the registry cannot be asked', true, 3]);
    equal(await askedOf(a!), undefined);
    match((await askedOf(b!))!, /belongs to users/);
    deepEqual(ids(), ['a', 'c']);
    c!.doubt!.failed('refused');
    deepEqual(ids(), ['a']);
    deepEqual(
      facts.map((fact) => fact.kind === 'doubtful_dropped' && fact.endpoint),
      ['127.0.0.1:2', '127.0.0.1:3'],
    );
    await clock.advance(30_001);
    deepEqual(ids(), ['a', 'b', 'c'], 'they may prove themselves again');
  });

  it('hands on as they are those whom it doubts on', () => {
    const { guard, told } = setup();
    const [a, b] = [endpoint('a', 1), endpoint('b', 2)];
    guard.heard(unconfirmed([a, b]), nobody);
    const [first] = told();
    guard.heard(unconfirmed([a]), nobody);
    equal(told()[0], first);
    guard.heard([{ endpoint: a, why: 'snapshot' }], nobody);
    equal(told()[0]!.doubt!.why, 'known from the snapshot on disk');
  });

  it('says nothing to whoever has given up asking', async () => {
    const { guard, told, asked } = setup();
    guard.heard(unconfirmed([endpoint('a', 1)]), nobody);
    told()[0]!.doubt!.ask(() => {
      throw new Error('it was given up');
    })();
    await until(() => asked.length === 1);
  });

  it('looks at once after those that a mass drop has taken, and keeps who can be reached until a sync and a read', async (t) => {
    const there = new Set<string>();
    const { guard, clock, facts, ids } = setup({ b: { kind: 'withdrawn', why: 'its sidecar says so' } }, async () => there);
    let looks = 0;
    const [open, shut] = [await listening(t, () => looks++), await deadPort()];
    guard.heard(confirmed([endpoint('a', 1), endpoint('b', 2), endpoint('c', shut), endpoint('d', open)]), nobody);
    guard.heard(confirmed([endpoint('a', 1)]), nobody);
    deepEqual(ids(), ['a', 'b', 'c', 'd']);
    await clock.advance(1);
    await until(() => facts.filter(({ kind }) => kind === 'doubtful_dropped').length === 2 && looks === 1);
    await clock.advance(1_000);
    deepEqual(ids(), ['a', 'd']);
    there.add('d');
    await clock.advance(11_000);
    deepEqual(ids(), ['a', 'd'], 'its node is there');
    guard.stop();
  });

  it('lets go whom a sync and a read show to be gone, however often it has to ask', async (t) => {
    let fails = 1;
    const { guard, clock, ids, facts } = setup({}, async () => {
      if (fails-- > 0) throw new Error('no session');
      return nobody;
    });
    let looks = 0; // by real connections, whose patience is that of the clock
    const ports = await Promise.all(Array.from({ length: 3 }, () => listening(t, () => looks++)));
    guard.heard(confirmed(ports.map((port, index) => endpoint('abc'[index]!, port))), nobody);
    guard.heard([], nobody);
    await clock.advance(1);
    await until(() => looks === 3);
    await clock.advance(11_000);
    equal(ids().length, 3);
    await clock.advance(8_000);
    deepEqual(ids(), []);
    deepEqual(facts.at(-1), { kind: 'mass_drop_confirmed', upstream: 'orders', endpoints: 3 });
  });

  it('does as an operator says, and tells of it', () => {
    const { guard, told, facts } = setup();
    guard.heard(unconfirmed([endpoint('a', 1), endpoint('b', 2)]), nobody);
    equal(guard.overrule('trust'), 2);
    deepEqual(
      told().map((each) => [address(each), each.doubt!.why]),
      [
        ['127.0.0.1:1', undefined],
        ['127.0.0.1:2', undefined],
      ],
    );
    equal(guard.overrule('drop'), 2); // who was trusted before as well
    deepEqual(told(), []);
    deepEqual(
      facts,
      ['trust', 'drop'].map((what) => ({ kind: 'doubts_overruled', upstream: 'orders', what, endpoints: 2 })),
    );
  });
});
