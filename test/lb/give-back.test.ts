/** What an app's socket has read is given back when its bytes have left, and not before. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { giveBack } from '../../lb/give-back.js';
import { RawServer } from '../support/raw.js';
import { house, ok, useLane } from './full/house.js';

useLane('fast');

const read = 64 * 1024;
const held = (): number => process.memoryUsage().arrayBuffers;

describe('what was read', () => {
  it('is free at once when it is given back', () => {
    const before = held();
    const reads = Array.from({ length: 100 }, () => Buffer.allocUnsafeSlow(read));
    assert.ok(held() >= before + 100 * read);
    for (const bytes of reads) giveBack(bytes);
    assert.ok(held() < before + 10 * read);
    assert.deepEqual([...new Set(reads.map(({ length }) => length))], [0]);
  });

  it('stays where others may lie beside it', () => {
    const bytes = Buffer.alloc(read, 'a');
    giveBack(bytes.subarray(0, read / 2));
    giveBack(bytes.subarray(1));
    assert.equal(bytes.toString(), 'a'.repeat(read));
  });
});

/** Each four bytes of it say where they are. */
const numbered = (length: number): Buffer => Buffer.from(Uint32Array.from({ length: length / 4 }, (_, index) => index).buffer);

describe('an upload', () => {
  for (const [how, length] of [
    ['a small one', 16 * 1024],
    ['one as large as is kept', read],
    ['a large one', 8 * 1024 * 1024],
  ] as const)
    it(`arrives whole at an endpoint that reads by fits and starts, and behind another: ${how}`, async (t) => {
      const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
      const body = numbered(length);
      const orders = await RawServer.start(async (wire) => {
        for (;;) {
          await wire.head();
          const came: string[] = [];
          for (let left = length; left > 0; left -= Math.min(left, read)) {
            wire.socket.pause();
            for (let turns = 0; turns < 5; turns++) await turn();
            wire.socket.resume();
            came.push(await wire.bytes(Math.min(left, read)));
          }
          wire.write(ok(Buffer.from(came.join(''), 'latin1').equals(body) ? 'whole' : 'broken'));
        }
      });
      t.after(() => orders.stop());
      const { app } = await house(t, { orders: [orders] });
      const wire = await app();
      const head = `POST /1 HTTP/1.1\r\nHost: orders\r\nContent-Length: ${length}\r\n\r\n`;
      wire.write(head, body, head, body);
      assert.match(await wire.message(), /whole$/);
      assert.match(await wire.message(), /whole$/);
    });
});
