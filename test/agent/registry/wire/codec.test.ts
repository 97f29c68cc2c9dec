import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../../support/fast-check.js';
import { Frames } from '../../../../agent/registry/wire/frames.js';
import { ProtocolError, Reader, Writer } from '../../../../agent/registry/wire/jute.js';
import { multi } from '../../../../agent/registry/wire/multi.js';
import { readAcl, readIdentities, readStat, readTexts, writeAcl, writeTexts } from '../../../../agent/registry/wire/records.js';
import { seeded } from '../../../support/random.js';
import { framesOf } from './fake-server.js';
import { decodesOrRefuses, fuzz } from './fuzz.js';

const written = (write: (writer: Writer) => void): Buffer => {
  const writer = new Writer();
  write(writer);
  return writer.take();
};

describe('jute', () => {
  it('is what the published definitions say, byte for byte', () => {
    const bytes = written((writer) => {
      writer
        .int(-2)
        .long(-1n)
        .bool(true)
        .bytes(Buffer.from([1, 2]))
        .text('/é');
      writeTexts(writer, ['a']);
    });
    equal(
      bytes.toString('hex'),
      'fffffffe' + 'ffffffffffffffff' + '01' + '000000020102' + '000000032fc3a9' + '000000010000000161',
    );
  });

  it('reads what it has written, whatever it was', () => {
    const acl = fc.record({ perms: fc.nat(31), scheme: fc.string(), id: fc.string() }, { noNullPrototype: true });
    const all = fc.tuple(
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.boolean(),
      fc.uint8Array({ maxLength: 300 }),
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.array(fc.string()),
      fc.array(acl),
    );
    fc.assert(
      fc.property(all, ([int, long, bool, bytes, text, texts, acls]) => {
        const reader = new Reader(
          written((writer) => {
            writer.int(int).long(long).bool(bool).bytes(bytes).text(text);
            writeAcl(writeTexts(writer, texts), acls);
          }),
        );
        deepEqual([reader.int(), reader.long(), reader.bool()], [int, long, bool]);
        deepEqual([...reader.bytes()], [...bytes]);
        deepEqual([reader.text(), readTexts(reader), readAcl(reader), reader.left], [text, texts, acls, 0]);
      }),
    );
  });

  it('takes -1 for nothing, and no other negative length', () => {
    const none = written((writer) => writer.int(-1).int(-1).int(-1));
    const reader = new Reader(none);
    deepEqual([reader.bytes().length, reader.text(), readTexts(reader)], [0, '', []]);
    for (const read of [(one: Reader) => one.bytes(), (one: Reader) => one.text(), readTexts, readIdentities]) {
      throws(() => void read(new Reader(written((writer) => writer.int(-2)))), ProtocolError);
    }
  });

  it('believes no length, and allocates nothing for one that lies', () => {
    const before = process.memoryUsage().arrayBuffers;
    for (const size of [5, 0x7fffffff]) {
      const lie = written((writer) => writer.int(size).int(0));
      for (const read of [(one: Reader) => one.bytes(), (one: Reader) => one.text(), readTexts, readAcl, readIdentities]) {
        throws(() => void read(new Reader(lie)), /^ProtocolError: says that/);
      }
    }
    throws(() => readStat(new Reader(Buffer.alloc(67))), /ends in the middle of a long number/);
    ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
  });

  it('never keeps the chunk that a few bytes came in alive', () => {
    const chunk = Buffer.alloc(2 ** 16);
    chunk.writeInt32BE(3, 0);
    ok(new Reader(chunk).bytes().buffer !== chunk.buffer);
  });

  it('fails in no other way than by a ProtocolError, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), decodesOrRefuses), { numRuns: 3_000 });
  });

  it('fails in no other way on damaged answers', () => {
    equal(fuzz({ tries: 5_000 }, seeded(1125)), 5_000);
  });

  it('refuses a multi that answers more or less than was asked', () => {
    const answer = multi([{ do: 'delete', path: '/a' }]);
    const end = (writer: Writer): void => void writer.int(-1).bool(true).int(-1);
    const one = (writer: Writer): void => void writer.int(2).bool(false).int(0);
    deepEqual(answer.read(new Reader(written((writer) => (one(writer), end(writer))))), [undefined]);
    throws(() => void answer.read(new Reader(written(end))), /answered a multi of 1 changes with 0/);
    throws(() => void answer.read(new Reader(written((writer) => (one(writer), one(writer), end(writer))))), ProtocolError);
  });
});

describe('frames', () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1, maxLength: 8 });
  const joined = (list: readonly Uint8Array[]): Buffer => written((writer) => list.forEach((body) => writer.bytes(body)));

  it('are the same however they are cut', () => {
    fc.assert(
      fc.property(bodies, fc.array(fc.nat(60), { minLength: 1 }), (list, cuts) => {
        const bytes = joined(list);
        const frames = new Frames(1_000);
        const found: number[][] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + 1 + cuts[turn % cuts.length]!;
          frames.push(bytes.subarray(at, end));
          for (const frame of framesOf(frames)) found.push([...frame]);
          at = end;
        }
        deepEqual(
          found,
          list.map((body) => [...body]),
        );
        equal(frames.held, 0);
      }),
    );
  });

  it('are refused as soon as their length is over the limit, or negative', () => {
    for (const size of [1_001, -1, 0x48545450]) {
      const frames = new Frames(1_000);
      frames.push(written((writer) => writer.int(size)));
      throws(() => frames.next(), /and 1000 are the most/);
    }
  });

  it('cost the memory that came and not what was promised, even in pieces of one byte', () => {
    const frames = new Frames(2 ** 30);
    const before = process.memoryUsage().arrayBuffers;
    const head = written((writer) => writer.int(2 ** 29));
    frames.push(head);
    for (let count = 0; count < 100_000; count++) {
      frames.push(Buffer.from([1]));
      equal(frames.next(), undefined);
    }
    equal(frames.held, 100_004);
    ok(process.memoryUsage().arrayBuffers - before < 4 * 2 ** 20);
  });
});
