import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Frames, goingAway } from '../../lb/frames.js';
import { fc } from '../support/fast-check.js';

/** `longer`: in more bytes than its length needs. */
function frame(opcode: number, size: number, masked: boolean, final = true, longer = 0): Buffer {
  const head = [(final ? 0x80 : 0) | opcode];
  const long = Math.max(longer, size < 126 ? 0 : size < 65_536 ? 2 : 8);
  head.push((masked ? 0x80 : 0) | (long === 0 ? size : long === 2 ? 126 : 127));
  for (let byte = long - 1; byte >= 0; byte--) head.push(Math.floor(size / 256 ** byte) % 256);
  return Buffer.concat([Buffer.from(head), Buffer.alloc((masked ? 4 : 0) + size, 0x88)]);
}

const aFrame = fc.record({
  opcode: fc.constantFrom(0, 1, 2, 9, 10),
  size: fc.oneof(fc.integer({ min: 0, max: 130 }), fc.constantFrom(65_535, 65_536, 70_000)),
  final: fc.boolean(),
  longer: fc.constantFrom(0, 2, 8),
});

describe('the frames of a websocket', () => {
  it('are known to end where they end, and nowhere else, in whatever pieces they come', () => {
    fc.assert(
      fc.property(
        fc.array(aFrame, { maxLength: 6 }),
        fc.boolean(),
        fc.array(fc.nat(200_000), { maxLength: 20 }),
        (list, masked, cuts) => {
          const frames = new Frames(masked);
          const made = list.map(({ opcode, size, final, longer }) =>
            opcode > 8 ? frame(opcode, size % 126, masked) : frame(opcode, size, masked, final, longer),
          );
          const bytes = Buffer.concat(made);
          const ends = new Set([0, ...made.map((_, index) => Buffer.concat(made.slice(0, index + 1)).length)]);
          const places = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), ...ends, bytes.length])].sort(
            (a, b) => a - b,
          );
          let from = 0;
          for (const to of places) {
            frames.take(bytes.subarray(from, to));
            from = to;
            equal(frames.inside, !ends.has(to), `at ${to} of ${bytes.length}`);
            equal(frames.mayClose, ends.has(to));
          }
        },
      ),
    );
  });

  it('end with a close frame, behind which none may stand', () => {
    for (const masked of [true, false]) {
      const frames = new Frames(masked);
      frames.take(goingAway(masked));
      deepEqual([frames.inside, frames.mayClose], [false, false]);
      frames.take(frame(1, 3, masked));
      deepEqual([frames.inside, frames.mayClose], [false, false]);
    }
  });

  for (const [what, bytes] of Object.entries({
    'an opcode that nobody knows': frame(3, 1, false),
    'a mask of a server': frame(1, 1, true),
    'a control frame that is too long': frame(9, 126, false),
    'half a control frame': frame(9, 1, false, false),
    'a length beyond all numbers': Buffer.from([0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    words: Buffer.from('no frames'),
  }))
    it(`are nobody's to say: ${what}`, () => {
      const frames = new Frames(false);
      frames.take(bytes);
      frames.take(frame(1, 1, false));
      deepEqual([frames.inside, frames.mayClose], [false, false]);
    });
});
