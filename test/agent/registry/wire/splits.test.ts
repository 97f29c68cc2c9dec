/**
 * What a hostile server says, cut in two at every byte: the end is the same wherever the pieces meet, a sentence that names the server. And what an
 * honest one says, ended at every byte: by an end, by a break, and by silence.
 */
import { equal, match, rejects } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Client } from '../../../../agent/registry/wire/client.js';
import type { Writer } from '../../../../agent/registry/wire/jute.js';
import { writeTexts } from '../../../../agent/registry/wire/records.js';
import { seeded } from '../../../support/random.js';
import { until } from '../tree-contract.js';
import { FakeServer, frame, writeStat, type Guest, type Script } from './fake-server.js';
import { opened } from './opened.js';

/** What it is said in place of. */
type Place = 'greeting' | 'confirmation' | 'answer';
type Ask = (client: Client) => Promise<unknown>;

/** Of a session, where only silence is to end it soon. */
const [LONG_MS, SHORT_MS] = [30_000, 900];
const greeting = (writer: Writer): void => void writer.int(0).int(LONG_MS).long(7n).bytes(Buffer.alloc(16)).bool(false);
const pong = (writer: Writer): void => void writer.int(-2).long(1n).int(0);
/** To the first question. */
const answer =
  (body: (writer: Writer) => void) =>
  (writer: Writer): void =>
    body(writer.int(1).long(1n).int(0));

/** Says it once, and nothing after it. */
function script(place: Place, timeoutMs: number, say: (guest: Guest) => void): Script {
  const told = { id: 7n, timeoutMs, answersPings: false };
  if (place === 'greeting') return { ...told, onGreeting: say };
  const onRequest = (guest: Guest): void => {
    if (guest.asked.length === (place === 'answer' ? 2 : 1)) say(guest);
    else if (guest.asked.length === 1) guest.answer(-2);
  };
  return { ...told, onRequest };
}

/** What a machine that is busy says of itself. */
const slow = /takes no connection within|does not answer our greeting within/;

/**
 * One client for each of the ways, so many at once: how its stay ends, and with it the question that is out, where it is one for an answer.
 */
async function ends(
  place: Place,
  { ways, isSilent = false }: { readonly ways: number; readonly isSilent?: boolean },
  say: (guest: Guest, way: number) => void,
  told: RegExp,
  ask: Ask,
): Promise<void> {
  let way = 0;
  const atOnce = isSilent ? ways : 32; // each waits for the end
  const server = await FakeServer.start(script(place, isSilent ? SHORT_MS : LONG_MS, (guest) => say(guest, way++)));
  const one = async (): Promise<void> => {
    const { client, troubles, downs, up } = opened([server]);
    const heard = (): string | undefined => downs[0] ?? troubles.find((why) => told.test(why) || !slow.test(why));
    try {
      if (place === 'answer') {
        await up();
        await rejects(ask(client), { code: 'CONNECTION_LOSS', message: told });
      }
      await until(() => heard() !== undefined, 'the end');
    } finally {
      client.drop();
    }
    match(heard()!, told);
    equal(heard()!.startsWith(`${server.label} `), true, heard());
  };
  try {
    for (let left = ways; left > 0; left -= atOnce) await Promise.all(Array.from({ length: Math.min(left, atOnce) }, one));
  } finally {
    await server.stop();
  }
}

const exists: Ask = (client) => client.exists('/a');
const list: Ask = (client) => client.getChildren('/a');
const data: Ask = (client) => client.getData('/a');
const multi: Ask = (client) => client.multi([{ do: 'delete', path: '/a' }]);
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('what a hostile server says, cut anywhere,', () => {
  const cases: readonly (readonly [what: string, place: Place, bytes: Buffer, told: RegExp, ask?: Ask])[] = [
    ['HTTP', 'greeting', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /sent a packet of 1213486160 bytes/],
    ['SSH', 'greeting', Buffer.from('SSH-2.0-OpenSSH\r\n'), /sent a packet of \d+ bytes/],
    ['an alert of TLS', 'greeting', hex('15030100020228'), /sent a packet of \d+ bytes/],
    ['a negative length', 'greeting', hex('ffffffff00'), /sent a packet of -1 bytes/],
    ['a length of 2 GB', 'greeting', hex('7fffffff00'), /16777216 are the most/],
    ['a length of 0', 'greeting', hex('00000000'), /ends in the middle of a number/],
    ['half a greeting', 'greeting', frame((writer) => writer.int(0)), /ends in the middle of a number/],
    ['a greeting of another protocol', 'greeting', frame((to) => to.int(9).int(9).long(9n).int(0)), /no greeting/],
    ['a password without an end', 'greeting', frame((to) => to.int(0).int(9).long(9n).int(99)), /says that bytes has 99 bytes/],
    ['a negative password', 'greeting', frame((to) => to.int(0).int(9).long(9n).int(-2)), /has the length -2/],
    ['what nobody asked', 'confirmation', frame((to) => to.int(77).long(1n).int(0)), /an answer with the number 77/],
    ['an answer of two bytes', 'confirmation', frame((to) => to.bool(true).bool(true)), /ends in the middle/],
    ['a length of 0 later', 'confirmation', hex('00000000'), /ends in the middle of a number/],
    [
      'an event with a path without an end',
      'confirmation',
      frame((writer) => writer.int(-1).long(0n).int(0).int(1).int(3).int(0x7fffffff)),
      /says that a text has 2147483647 bytes/,
    ],
    ['an answer to another question', 'answer', frame((to) => to.int(2).long(1n).int(0)), /and 1 is the next/],
    ['half a stat', 'answer', frame(answer((to) => to.long(1n))), /ends in the middle of a long number/],
    ['a list without an end', 'answer', frame(answer((to) => to.int(0x7fffffff))), /that a list has 2147483647 items/, list],
    ['a negative list', 'answer', frame(answer((to) => to.int(-2))), /has the length -2/, list],
    ['a list that lies', 'answer', frame(answer((to) => to.int(1).int(5).int(0))), /says that a text has 5 bytes/, list],
    ['data that lies', 'answer', frame(answer((to) => to.int(9).int(0))), /says that bytes has 9 bytes/, data],
    ['a multi of changes that are none', 'answer', frame(answer((to) => to.int(99).bool(false).int(0))), /which is none/, multi],
  ];
  for (const [what, place, bytes, told, ask = exists] of cases) {
    it(`${what} in place of its ${place}, is named and left`, () =>
      ends(
        place,
        { ways: bytes.length },
        ({ socket }, at) => {
          socket.write(bytes.subarray(0, at));
          setImmediate(() => socket.write(bytes.subarray(at)));
        },
        told,
        ask,
      ));
  }

  it('noise of any length, is named and left', async () => {
    const random = seeded(1126);
    const noise = (most: number): Buffer =>
      Buffer.from(Array.from({ length: Math.floor(random() * most) }, () => Math.floor(random() * 256)));
    // a length that may be, or none
    const say = ({ socket }: Guest, way: number): void => {
      const body = noise(300);
      socket.end(way % 2 === 0 ? body : frame((writer) => writer.bytes(body)));
    };
    for (const place of ['greeting', 'confirmation', 'answer'] as const)
      await ends(place, { ways: 32 }, say, /^|CONNECTION_LOSS/, exists);
  });
});

describe('what an honest server says, ended anywhere,', () => {
  const said = [
    ['greeting', frame(greeting), exists],
    ['confirmation', frame(pong), exists],
    ['answer', frame(answer(writeStat)), exists],
    ['answer', frame(answer((writer) => writeStat(writeTexts(writer, ['one', 'two'])))), list],
  ] as const;
  const ways = [
    ['by an end', /closed the connection/, (guest: Guest) => guest.socket.end(), false],
    ['by a break', /broke the connection off|closed the connection/, (guest: Guest) => guest.socket.resetAndDestroy(), false],
    [
      'by silence',
      // what it says comes late on a busy machine: it has spoken then when its time to answer is over
      /does not answer our greeting within \d+ ms|does not (confirm our session|answer) in time|speaks, and does not answer what it was asked/,
      () => undefined,
      true,
    ],
  ] as const;
  for (const [how, told, end, isSilent] of ways) {
    it(`${how}, fails what is out with the name of the server`, async () => {
      const all = said.map(([place, bytes, ask]) => {
        const say = (guest: Guest, at: number): void => {
          guest.socket.write(bytes.subarray(0, at));
          setImmediate(() => end(guest));
        };
        return ends(place, { ways: bytes.length, isSilent }, say, told, ask);
      });
      await Promise.all(all);
    });
  }
});
