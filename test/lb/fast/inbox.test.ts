/** What one turn of the event loop has read: worked on at its end, whole and in order, wherever it has landed. */
import { deepEqual, equal } from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { Inbox, mostTogether } from '../../../lb/fast/inbox.js';
import { Landing } from '../../../lb/fast/landing.js';
import { Outbox, type Sender } from '../../../lb/fast/outbox.js';
import { SpareBuffers } from '../../../lb/fast/spare-buffers.js';
import { TurnClock } from '../../../lb/fast/turn-clock.js';
import { FakeClock } from '../../support/clock.js';
import { fc } from '../../support/fast-check.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A connection as the landing sees it: bytes come from node, and go to the exchange, which `holds` them as long as it says. */
class Line {
  readonly got: string[] = [];
  pauses = 0;
  readonly landing: Landing;
  #heldFrom = -1;
  readonly #holds: () => boolean;
  #view: Uint8Array;

  constructor(inbox: Inbox, spare: SpareBuffers, holds: () => boolean = () => false) {
    this.landing = new Landing(this, inbox, spare);
    this.#holds = holds;
    this.#view = this.landing.buffer();
  }

  /** What node does with bytes that have come: as much in one read as there is place for. */
  comes(text: string): void {
    for (let bytes = Buffer.from(text); bytes.length > 0;) {
      const count = Math.min(bytes.length, this.#view.length);
      this.#view.set(bytes.subarray(0, count));
      this.landing.read(count);
      this.#view = this.landing.buffer();
      bytes = bytes.subarray(count);
    }
  }

  /** The exchange is over, if all has come. */
  over(): void {
    if (this.#heldFrom < 0) this.landing.used();
  }

  received(from: number, to: number): boolean {
    const begin = this.#heldFrom < 0 ? from : this.#heldFrom;
    if (this.#holds()) {
      this.#heldFrom = begin;
      this.landing.hold(to);
      return true;
    }
    this.#heldFrom = -1;
    this.got.push(this.landing.bytes.toString('latin1', begin, to));
    return true;
  }

  pause(): void {
    this.pauses++;
  }
}

function made(): { readonly inbox: Inbox; readonly line: (holds?: () => boolean) => Line } {
  const inbox = new Inbox(new Outbox(), new TurnClock(new FakeClock()));
  const spare = new SpareBuffers();
  return { inbox, line: (holds) => new Line(inbox, spare, holds) };
}

describe('a read', () => {
  it('that is small waits for the end of the turn, and those of one connection are one', async () => {
    const { line } = made();
    const [one, two] = [line(), line()];
    one.comes('a');
    two.comes('b');
    one.comes('c');
    deepEqual([one.got, two.got], [[], []]);
    await turn();
    deepEqual([one.got, two.got], [['ac'], ['b']]);
  });

  it('is received at once where turns have brought one each; a request that must not be lost waits, and so does what comes behind it', async () => {
    const { inbox, line } = made();
    const [one, two] = [line(), line()];
    const worked: string[] = [];
    const request = (what: string, mustWait: boolean): void => inbox.addRequest({ work: () => worked.push(what) }, mustWait);
    const requests = async (count: number, turns: number): Promise<void> => {
      for (; turns > 0; turns--) {
        for (let index = 0; index < count; index++) request('one', true);
        await turn();
      }
    };
    await requests(1, 10);
    one.comes('a');
    request('at once', false);
    deepEqual([one.got, worked.at(-1)], [['a'], 'at once']);
    request('waits', true);
    one.comes('b');
    request('behind it', false);
    deepEqual([one.got, worked.at(-1)], [['a'], 'at once']);
    await turn();
    deepEqual(
      [one.got, worked.slice(-2)],
      [
        ['a', 'b'],
        ['waits', 'behind it'],
      ],
    );
    await requests(3, 10);
    two.comes('c');
    deepEqual(two.got, []);
    await turn();
    deepEqual(two.got, ['c']);
  });

  it('is received at once no longer when more come, although none had to wait', async () => {
    const { inbox } = made();
    let worked = 0;
    const add = (): void => inbox.addRequest({ work: () => worked++ }, false);
    const atOnce = async (count: number): Promise<number> => {
      const before = worked;
      for (let index = 0; index < count; index++) add();
      const now = worked - before;
      await turn();
      equal(worked - before, count);
      return now;
    };
    for (let turns = 0; turns < 20; turns++) await atOnce(1);
    equal(await atOnce(1), 1);
    for (let turns = 0; turns < 60; turns++) await atOnce(4);
    equal(await atOnce(4), 0);
  });

  it('that is an answer is worked on before the requests of its turn', async () => {
    const { inbox, line } = made();
    const one = line();
    const order: string[] = [];
    one.received = () => order.push('answer') > 0;
    inbox.addRequest({ work: () => order.push('request') }, true);
    one.comes('a');
    await turn();
    deepEqual(order, ['answer', 'request']);
  });

  it('that is large is received at once, and what follows it too', () => {
    const one = made().line();
    one.comes('x'.repeat(mostTogether + 1));
    one.comes('y');
    deepEqual(
      one.got.map((text) => text.length),
      [mostTogether + 1, 1],
    );
    one.landing.used();
    one.comes('the next answer');
    equal(one.got.length, 2);
  });

  it('is worked on earlier when the place is used up', () => {
    const { line } = made();
    const lines = Array.from({ length: 6 }, () => line());
    for (const each of lines) each.comes('x'.repeat(mostTogether));
    deepEqual(
      lines.map(({ got }) => got.length),
      [1, 1, 1, 0, 0, 0],
    );
  });

  it('of a connection that has closed meanwhile is nobody’s', async () => {
    const one = made().line();
    one.comes('a');
    one.landing.close();
    await turn();
    deepEqual(one.got, []);
  });

  it('is whole and in order, however the bytes come and however long they are held', async () => {
    const step = fc.record({
      line: fc.nat(2),
      length: fc.oneof(fc.nat(40), fc.nat(3 * mostTogether), fc.nat(150_000)),
      turns: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
        async (steps, holds) => {
          const { line } = made();
          let asked = 0;
          const lines = [0, 1, 2].map(() => line(() => holds[asked++ % holds.length]!));
          const sent = ['', '', ''];
          for (const { line: index, length, turns } of steps) {
            const text = Buffer.alloc(length, `${sent[index]!.length}.${index} `).toString();
            sent[index] = sent[index]! + text;
            lines[index]!.comes(text);
            if (!turns) continue;
            await turn();
            for (const each of lines) each.over();
          }
          holds.fill(false);
          for (const [index, each] of lines.entries()) {
            await turn();
            each.comes('.');
            await turn();
            equal(each.got.join(''), `${sent[index]!}.`);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

it('what waits for a full socket stays as it is while others are read', async () => {
  const { inbox, line } = made();
  const written: Uint8Array[] = [];
  const full: Sender = {
    waits: false,
    socket: { write: (bytes: Uint8Array) => written.push(bytes) > 0, writableLength: 1 } as unknown as Socket,
    stuck: (message) => inbox.taken(message),
  };
  const one = line();
  one.received = (from, to) => inbox.post(full, one.landing.bytes, from, to);
  one.comes('slow');
  await turn();
  const other = line();
  other.comes('fast');
  await turn();
  deepEqual([written.map((bytes) => Buffer.from(bytes).toString()), other.got], [['slow'], ['fast']]);
});

it('one that the exchange cannot take pauses its connection', async () => {
  const one = made().line();
  one.received = () => false;
  one.comes('a');
  await turn();
  equal(one.pauses, 1);
});
