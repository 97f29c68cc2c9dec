/** What the kernel has by the time that the loop looks: a body that comes in one read, and a request beside the end of its connection. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { awaitKernel } from '../../support/kernel.js';
import { RawServer, type Wire } from '../../support/raw.js';
import { get, house, ok, useLane, type House } from '../full/house.js';

useLane('fast');

const headOf = (method: string, length: number): string =>
  `${method} / HTTP/1.1\r\nHost: orders\r\nContent-Length: ${length}\r\n\r\n`;
const port = ({ at }: House): number => Number(at.split(':').at(-1));
/** What is written is read at once, as far as one read goes: the loop has not turned since. */
const writeWhole = (house: House, wire: Wire, bytes: Buffer): void => {
  wire.write(bytes);
  awaitKernel(port(house), wire.socket.localPort!, ({ unread }) => unread === bytes.length);
};

describe('a PUT that comes in one read, and whose first endpoint breaks off when it has it', () => {
  const oneRead = 64 * 1024;
  const head = headOf('PUT', oneRead).length;
  for (const length of [4096 - head, 4096, 20_000, oneRead - head - 1, oneRead - head])
    it(`is whole, byte for byte, at the second one, with ${length} bytes of body, and so is the one beside it`, async (t) => {
      const got: string[] = [];
      const firsts = new Set<string>();
      const take = async (wire: Wire): Promise<void> => {
        for (;;) {
          const message = await wire.message();
          const body = message.slice(message.indexOf('\r\n\r\n') + 4);
          got.push(body);
          if (firsts.has(body)) wire.write(ok('well'));
          else return (firsts.add(body), wire.reset());
        }
      };
      const built = await house(t, { orders: [await RawServer.start(take), await RawServer.start(take)] });
      const bodies = [randomBytes(length), randomBytes(length)];
      const wires = [await built.app(), await built.app()];
      await turn();
      for (const [index, body] of bodies.entries())
        writeWhole(built, wires[index]!, Buffer.concat([Buffer.from(headOf('PUT', length)), body]));
      for (const wire of wires) match(await wire.message(), /200 OK.*well$/s);
      const sent = bodies.map((body) => body.toString('latin1'));
      equal(got.length, 4);
      for (const body of sent) equal(got.filter((one) => one === body).length, 2);
      equal(built.upstreams.get('orders')!.stats.retries, 2);
    });
});

describe('a POST that comes just before the end of the connection over which it would leave, when turns bring one message', () => {
  const whole = `${headOf('POST', 3)}abc`;
  for (const [how, first, last] of [
    ['whole', '', whole],
    ['its head in pieces', 'POST / HTTP/1.1\r\nHost: orders\r\nNoThin', `G: 1\r\nContent-Length: 3\r\n\r\nabc`],
  ] as const)
    it(`leaves over another one: ${how}`, async (t) => {
      const came: string[] = [];
      const orders = await RawServer.start(async (wire, nth) => {
        for (;;) {
          came.push(`${nth} ${(await wire.message()).split(' ')[0]!}`);
          wire.write(ok());
        }
      });
      const built = await house(t, { orders: [orders] });
      const wire = await built.app();
      for (let n = 0; n < 20; n++) await wire.write(whole).message();
      await wire.write(get()).message();
      if (first !== '') writeWhole(built, wire, Buffer.from(first)); // it is there, and is read in the first of these turns
      for (let n = 0; n < 20; n++) await turn();
      writeWhole(built, wire, Buffer.from(last));
      const { socket } = orders.wires[0]!;
      const ours = socket.remotePort!;
      socket.destroy();
      awaitKernel(ours, orders.port, ({ isEnded }) => isEnded);
      match(await wire.message(), /200 OK/);
      deepEqual(came.slice(-2), ['0 GET', '1 POST']);
      equal(built.upstreams.get('orders')!.stats.lost, 0);
    });
});
