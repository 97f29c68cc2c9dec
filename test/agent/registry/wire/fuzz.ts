/**
 * A fuzzer for the decoder: answers of every kind, whole and then damaged, and plain noise. `npm run fuzz -- zookeeper SECONDS [SEED]` goes on
 * for that long (../../../fuzz.ts); the tests run it for some thousand tries. Whatever is thrown must be a ProtocolError.
 */
import { Frames } from '../../../../agent/registry/wire/frames.js';
import { Greeting } from '../../../../agent/registry/wire/greeting.js';
import { ProtocolError, Reader } from '../../../../agent/registry/wire/jute.js';
import { multi } from '../../../../agent/registry/wire/multi.js';
import * as ops from '../../../../agent/registry/wire/operations.js';
import type { Operation } from '../../../../agent/registry/wire/operations.js';
import { readHead, writeAcl, openToAll, writeTexts } from '../../../../agent/registry/wire/records.js';
import { frame, framesOf, writeStat } from './fake-server.js';

const changes = [
  { do: 'create', path: '/a' },
  { do: 'set', path: '/a', data: new Uint8Array(3) },
  { do: 'delete', path: '/a' },
] as const;
const kinds: readonly Operation<unknown>[] = [
  ops.create('/a', new Uint8Array(), 'persistent', [], 0),
  ops.createOld('/a', new Uint8Array(), 'persistent', []),
  ops.exists('/a', false),
  ops.getData('/a', false),
  ops.getChildren('/a', false),
  ops.getAcl('/a'),
  ops.whoAmI(),
  ops.saslToken(new Uint8Array()),
  multi(changes),
];

/** Reads the bytes as every answer that there is. */
export function decodesOrRefuses(bytes: Uint8Array): void {
  const buffer = Buffer.from(bytes);
  const tries: readonly (() => unknown)[] = [
    ...kinds.map(
      ({ read }) =>
        () =>
          read(new Reader(buffer)),
    ),
    () => readHead(new Reader(buffer)),
    () => new Greeting(1_000, true).read(new Reader(buffer)),
    () => {
      const frames = new Frames(500);
      frames.push(buffer);
      return [...framesOf(frames)];
    },
  ];
  for (const run of tries) {
    try {
      run();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
}

/** Whole answers, to be damaged. */
const answers: readonly Buffer[] = [
  frame((writer) => writeStat(writer)),
  frame((writer) => writeStat(writer.text('/some/path'))),
  frame((writer) => writeStat(writer.bytes(Buffer.from('data')))),
  frame((writer) => writeStat(writeTexts(writer, ['one', 'two', 'three']))),
  frame((writer) => writeStat(writeAcl(writer, openToAll))),
  frame((writer) => writer.int(0).int(4_000).long(7n).bytes(Buffer.alloc(16)).bool(true)),
  frame((writer) => {
    writeStat(writer.int(15).bool(false).int(0).text('/a'));
    writeStat(writer.int(5).bool(false).int(0));
    writer.int(2).bool(false).int(0).int(-1).bool(true).int(-1);
  }),
];

/** Goes on for so long, or for so many tries; answers with their number. Throws, with the bytes in the message, at the first that fails otherwise. */
export function fuzz(until: { readonly ms: number } | { readonly tries: number }, random: () => number): number {
  const end = 'ms' in until ? performance.now() + until.ms : Infinity;
  const most = 'ms' in until ? Infinity : until.tries;
  let count = 0;
  const upTo = (beyond: number): number => Math.floor(random() * beyond);
  for (; count < most && performance.now() < end; count++) {
    const bytes = Buffer.from(answers[upTo(answers.length)]!.subarray(random() < 0.9 ? 4 : 0));
    for (let damage = upTo(6); damage >= 0; damage--) {
      const at = upTo(bytes.length);
      if (random() < 0.5) bytes[at] = upTo(256);
      else if (at + 4 <= bytes.length) bytes.writeInt32BE([-1, -2, 0, 1, 0x7fffffff, -0x80000000, 0xffff][upTo(7)]!, at);
    }
    const cut = random() < 0.5 ? bytes : bytes.subarray(0, upTo(bytes.length + 1));
    try {
      decodesOrRefuses(cut);
    } catch (error) {
      throw new Error(`the decoder failed on ${cut.toString('hex')}`, { cause: error });
    }
  }
  return count;
}
