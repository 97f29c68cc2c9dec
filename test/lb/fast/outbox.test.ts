/** What one turn of the event loop has to say: in order, whole, and out of bytes that stay as they are until they have left. */
import { deepEqual, equal, match } from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { Outbox, mostBytes, type Sender } from '../../../lb/fast/outbox.js';
import { RawServer } from '../../support/raw.js';
import { get, house, ok, useLane } from '../full/house.js';

useLane('fast');

/** Takes what is written; `full`: nothing of it leaves. */
class Guest implements Sender {
  waits = false;
  readonly written: Uint8Array[] = [];
  stuckTimes = 0;
  readonly socket: Socket;

  constructor({ full = false, destroyed = false } = {}) {
    const write = (bytes: Uint8Array): boolean => this.written.push(full ? bytes : Buffer.from(bytes)) > 0; // what has left is not looked at again
    this.socket = { destroyed, write, writableLength: full ? 1 : 0 } as unknown as Socket;
  }

  stuck(): void {
    this.stuckTimes++;
  }

  get text(): string[] {
    return this.written.map((bytes) => Buffer.from(bytes).toString());
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the outbox', () => {
  it('writes each message by itself, in the order in which they were posted, when the turn ends', async () => {
    const outbox = new Outbox();
    const [one, two] = [new Guest(), new Guest()];
    for (const text of ['a', 'b', 'c']) outbox.copy(one, Buffer.from(text));
    outbox.copy(two, Buffer.from('d'));
    deepEqual([one.text, one.waits, two.text], [[], true, []]);
    await turn();
    deepEqual([one.text, one.waits, two.text], [['a', 'b', 'c'], false, ['d']]);
  });

  it('writes what waits before another message would find no place', () => {
    const outbox = new Outbox();
    const guest = new Guest();
    outbox.copy(guest, Buffer.alloc(mostBytes, 'a'));
    equal(guest.written.length, 0);
    outbox.copy(guest, Buffer.alloc(mostBytes, 'b'));
    equal(guest.written.length, 1);
    outbox.flush();
    deepEqual(
      guest.text.map((text) => [text.length, new Set(text).size, text[0]]),
      [
        [mostBytes, 1, 'a'],
        [mostBytes, 1, 'b'],
      ],
    );
  });

  it('leaves the bytes alone that have not left', () => {
    const outbox = new Outbox();
    const [slow, other] = [new Guest({ full: true }), new Guest()];
    outbox.copy(slow, Buffer.from('slow'));
    outbox.copy(other, Buffer.from('fast'));
    outbox.flush();
    outbox.copy(other, Buffer.from('more and more'));
    outbox.flush();
    deepEqual([slow.text, slow.stuckTimes, other.text, other.stuckTimes], [['slow'], 1, ['fast', 'more and more'], 0]);
  });

  it('writes nothing to a socket that is gone', () => {
    const outbox = new Outbox();
    const [gone, other] = [new Guest({ destroyed: true }), new Guest()];
    outbox.copy(gone, Buffer.from('gone'));
    outbox.copy(other, Buffer.from('here'));
    outbox.flush();
    deepEqual([gone.text, gone.stuckTimes, other.text], [[], 0, ['here']]);
  });
});

const post = 'POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 2\r\n\r\nhi';

describe('a kept connection on which the endpoint acts in the turn in which a call takes it', () => {
  for (const [what, act] of [
    ['closes it', (socket: Socket) => socket.destroy()],
    ['says something nobody has asked for', (socket: Socket) => socket.write(ok('stray'))],
  ] as const) {
    it(`loses no call, since nothing of it has left: the endpoint ${what}`, async (t) => {
      const orders = await RawServer.always(ok('mine'));
      const { app } = await house(t, { orders: [orders] });
      const wire = await app();
      for (let n = 0; n < 10; n++) {
        match(await wire.write(post).message(), /^HTTP\/1\.1 200 [^]*mine$/);
        const { socket } = orders.wires.at(-1)!;
        wire.write(post);
        act(socket);
        match(await wire.message(), /^HTTP\/1\.1 200 [^]*mine$/);
      }
    });
  }
});

it('an answer that is the last of its connection leaves before the connection ends', async (t) => {
  const orders = await RawServer.always(ok('last'));
  const { app } = await house(t, { orders: [orders] });
  const wire = await app();
  wire.write(get('/', 'Connection: close\r\n'));
  const { text, end } = await wire.rest();
  match(text, /^HTTP\/1\.1 200 [^]*connection: close[^]*last$/);
  equal(end, 'ended');
});
