/** What one turn of the event loop has to say: in order, whole, and out of bytes that stay as they are until they have left. */
import { deepEqual, equal, match } from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { Connection } from '../../../lb/fast/connection.js';
import { Outbox, mostBytes, type Sender } from '../../../lb/fast/outbox.js';
import { Request } from '../../../lb/fast/request.js';
import { RequestHead } from '../../../lb/fast/request-head.js';
import type { Way } from '../../../lb/fast/ways.js';
import type { CallParts } from '../../../lb/lane.js';
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

  it('has a request that had to be put into words leave at the end of the turn as well, in one piece', async () => {
    const bytes = Buffer.from('POST /x HTTP/1.1\r\nHost: a\r\nVia: 1.1 a\r\nContent-Length: 4\r\n\r\nbody');
    const head = new RequestHead(32_768, 100);
    head.begin(0);
    equal(head.scan(bytes, bytes.length), 'whole');
    const outbox = new Outbox();
    const parts = { pseudonym: 'zidecar-1', forwardedFor: undefined, random: () => 0 } as unknown as CallParts;
    const request = new Request(head, parts, outbox);
    equal(request.begin(bytes, bytes.length, { cut: 0, host: 'a', prefix: undefined, newHost: false } as unknown as Way), true);
    const guest = new Guest();
    equal(request.send(guest as unknown as Connection, 0), true);
    equal(guest.written.length, 0);
    await turn();
    match(
      guest.text.join('|'),
      /^POST \/x HTTP\/1\.1\r\nHost: a\r\nVia: 1\.1 a\r\nContent-Length: 4\r\nx-request-id: \w+\r\nvia: 1\.1 zidecar-1\r\n\r\nbody$/,
    );
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
