/** What is read lies in the same memory each time, so whoever is not done with a frame must find it as it was. */
import { deepEqual, equal } from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { Connection, type Tls } from '../../../../agent/registry/wire/connection.js';
import { Turns, type Pieces } from '../../../../agent/registry/wire/turns.js';
import { Authority } from '../../../support/certificates.js';
import { endsWithFile } from '../../../support/left-open.js';
import { until } from '../tree-contract.js';
import { frame } from './fake-server.js';

/** One turn, whose end the test says. */
class OneTurn extends Turns {
  isLong = true;
  #next: (() => void)[] = [];
  constructor() {
    super({ now: () => 0, after: () => () => undefined, sleep: () => Promise.resolve() });
  }
  override get isOver(): boolean {
    return !this.isLong;
  }
  override next(run: () => void): void {
    if (this.isLong) queueMicrotask(run);
    else this.#next.push(run);
  }
  goOn(): void {
    this.isLong = true;
    for (const run of this.#next.splice(0)) run();
  }
}

const KIB = 1024;
const filled = (byte: number, size: number): Buffer => frame((writer) => writer.bytes(Buffer.alloc(size - 4, byte)));

describe('a connection', () => {
  const authority = new Authority('ours');
  const { cert, key } = authority.issue('server', ['IP:127.0.0.1']);
  const tls: Tls = { ca: readFileSync(authority.ca) };
  let plain: Server;
  let secret: Server;

  before(async () => {
    plain = createServer().listen(0, '127.0.0.1');
    secret = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }).listen(0, '127.0.0.1');
    await Promise.all([once(plain, 'listening'), once(secret, 'listening')]);
  });
  after(() => {
    plain.close();
    secret.close();
    authority.remove();
  });

  const opened = async (isSecret: boolean, turns: Turns, onFrame: (bytes: Buffer) => Pieces | undefined) => {
    const server = isSecret ? secret : plain;
    const { port } = server.address() as AddressInfo;
    const welcomed = once(server, isSecret ? 'secureConnection' : 'connection') as Promise<[Socket]>;
    let [ended, heard] = ['', 0];
    const connection = new Connection(
      { host: '127.0.0.1', port, label: 'zk1' },
      isSecret ? tls : undefined,
      4 * KIB * KIB,
      turns,
      {
        opened: () => undefined,
        heard: () => {
          heard++;
        },
        frame: onFrame,
        ended: (why) => (ended = why),
      },
    );
    endsWithFile(() => connection.end('is left'));
    const [guest] = await welcomed;
    return { connection, guest: guest.on('error', () => undefined), ended: () => ended, heard: () => heard };
  };

  for (const isSecret of [false, true]) {
    const how = isSecret ? 'with TLS' : 'without TLS';

    it(`reads into the same memory each time, ${how}`, async () => {
      const places = new Set<ArrayBufferLike>();
      let count = 0;
      const { guest, ended } = await opened(isSecret, new OneTurn(), (bytes) => {
        places.add(bytes.buffer);
        count++;
        return undefined;
      });
      for (let index = 1; index <= 10; index++) {
        guest.write(filled(index, 1_000));
        await until(() => count === index, 'the frame');
      }
      equal(places.size, 1);
      guest.end();
      await until(() => ended() !== '', 'the end');
      equal(ended(), 'zk1 closed the connection');
    });

    it(`keeps what is not whole, ${how}`, async () => {
      const read: string[] = [];
      const { connection, guest, heard } = await opened(
        isSecret,
        new OneTurn(),
        (bytes) => void read.push(bytes.toString('hex', 4)),
      );
      const bytes = Buffer.concat([filled(1, 6), filled(2, 9), filled(3, 7)]);
      for (const [from, to] of [
        [0, 8],
        [8, 20],
        [20, 25],
        [25, bytes.length],
      ]) {
        const before = heard();
        guest.write(bytes.subarray(from, to));
        await until(() => heard() > before, 'the bytes');
      }
      deepEqual(read, ['0101', '0202020202', '030303']);
      connection.end('is left');
      guest.destroy();
    });

    it(`writes over no frame that is not read to its end, ${how}`, async () => {
      const sizes = [12 * KIB, 100, 40 * KIB, 5, 300 * KIB, 7 * KIB, 90 * KIB, 12];
      const turns = new OneTurn();
      const read: string[] = [];
      let rests = 0;
      const { connection, guest } = await opened(isSecret, turns, function* (bytes) {
        turns.isLong = false;
        rests++;
        yield;
        read.push(`${bytes.length - 4} of ${[...new Set(bytes.subarray(4))].join()}`);
      });
      guest.write(Buffer.concat(sizes.map((size, index) => filled(index + 1, size))));
      while (read.length < sizes.length) {
        const before = rests;
        await new Promise(setImmediate); // what comes meanwhile
        turns.goOn();
        await until(() => rests > before || read.length === sizes.length, 'the next frame');
      }
      deepEqual(
        read,
        sizes.map((size, index) => `${size - 4} of ${index + 1}`),
      );
      connection.end('is left');
      guest.destroy();
    });
  }

  it('is heard again when it comes to what it has kept waiting', async () => {
    const turns = new OneTurn();
    let isBusy = false;
    const { connection, guest, heard } = await opened(false, turns, function* () {
      turns.isLong = false;
      isBusy = true;
      yield;
    });
    guest.write(filled(1, 8 * KIB));
    await until(() => isBusy, 'the frame');
    const before = heard();
    turns.goOn();
    equal(heard(), before + 1);
    connection.end('is left');
    guest.destroy();
  });
});
