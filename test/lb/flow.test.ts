/** What a tunnel holds back until its turn ends: in order, whole, and before whatever ends or breaks behind it. */
import { deepEqual, equal } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Flow } from '../../lb/flow.js';
import { hearsResets } from '../../lb/reset.js';
import { Tunnel, type TunnelEnd } from '../../lb/tunnel.js';
import { Wire } from '../support/raw.js';
import { clock } from '../support/running-clock.js';
import { eventually } from './full/house.js';

type Side = 'app' | 'endpoint';

/** A connection: `far` is the one outside, `near` the end that a tunnel gets. */
interface Pair {
  readonly far: Wire;
  readonly near: Socket;
  /** Its end has been read into its stream. */
  ended: boolean;
}

async function pair(t: TestContext): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 1024 * 1024 }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const far = await Wire.dial((server.address() as AddressInfo).port);
  const [near] = (await accepted) as [Socket];
  t.after(() => {
    far.socket.destroy();
    near.destroy();
    server.close();
  });
  const made: Pair = { far, near, ended: false };
  const push = near.push.bind(near);
  near.push = (bytes: unknown, encoding?: BufferEncoding) => {
    made.ended ||= bytes === null;
    return push(bytes, encoding);
  };
  return made;
}

/** The pieces lie in the stream of `near`, each for itself, and come out of it in one turn. */
async function pieces({ far, near }: Pair, texts: readonly string[]): Promise<void> {
  let count = 0;
  for (const text of texts) {
    far.write(text);
    near.read(0);
    count += text.length;
    await eventually(() => near.readableLength === count);
  }
}

async function sides(t: TestContext): Promise<Readonly<Record<Side, Pair>>> {
  const both = { app: await pair(t), endpoint: await pair(t) };
  hearsResets(both.endpoint.near); // as `dial` has it
  return both;
}

const tunnelled = ({ app, endpoint }: Readonly<Record<Side, Pair>>): Tunnel =>
  new Tunnel({ clock, app: app.near, endpoint: endpoint.near, idleTimeoutMs: undefined, bytes: { sent: 0, received: 0 } });

const otherOf = { app: 'endpoint', endpoint: 'app' } as const;
const brokeBy: Readonly<Record<Side, TunnelEnd>> = { app: 'app_broke', endpoint: 'endpoint_broke' };

describe('a stream', () => {
  for (const side of ['app', 'endpoint'] as const)
    it(`arrives whole where it is read by fits and starts: from the ${side}`, async (t) => {
      const both = await sides(t);
      tunnelled(both);
      const sent = Buffer.from(Uint32Array.from({ length: 2 ** 20 }, (_, index) => index).buffer);
      both[side].far.write(sent);
      const to = both[otherOf[side]].far;
      const came: string[] = [];
      for (let left = sent.length; left > 0; left -= 2 ** 16) {
        to.socket.pause();
        for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
        to.socket.resume();
        came.push(await to.bytes(2 ** 16));
      }
      equal(Buffer.from(came.join(''), 'latin1').equals(sent), true);
    });
});

describe('messages of one turn', () => {
  it('keep their order in both directions, small ones before, between and behind large ones', async (t) => {
    const both = await sides(t);
    const texts = (side: Side): string[] => [
      ...[`${side} one `, `${side} two `, 'a'.repeat(20_000), 'three '],
      ...['b'.repeat(17_000), 'c'.repeat(18_000), 'four ', 'five '],
    ];
    for (const side of ['app', 'endpoint'] as const) await pieces(both[side], texts(side));
    tunnelled(both);
    for (const side of ['app', 'endpoint'] as const) {
      const expected = texts(side).join('');
      equal((await both[otherOf[side]].far.bytes(expected.length)) === expected, true, `from the ${side}`);
    }
  });
});

for (const side of ['app', 'endpoint'] as const)
  describe(`a small message of the ${side}`, () => {
    it('arrives when a reset of its sender lies right behind it', async (t) => {
      const both = await sides(t);
      const tunnel = tunnelled(both);
      both[otherOf[side]].far.write('hello');
      equal(await both[side].far.bytes(5), 'hello');
      both[side].far.write('last words').reset();
      deepEqual(await both[otherOf[side]].far.rest(), { text: 'last words', end: 'broken' });
      equal(await tunnel.closed, brokeBy[side]);
    });

    it('arrives when its sender breaks in the same turn', async (t) => {
      const both = await sides(t);
      await pieces(both[side], ['last words']);
      const tunnel = tunnelled(both);
      both[side].near.once('data', () => both[side].near.destroy(new Error('broken'))); // as by a reset that is read right behind
      deepEqual(await both[otherOf[side]].far.rest(), { text: 'last words', end: 'broken' });
      equal(await tunnel.closed, brokeBy[side]);
    });

    it('goes before the end of its sender, and the other direction goes on', async (t) => {
      const both = await sides(t);
      const [sender, receiver] = [both[side], both[otherOf[side]]];
      await pieces(sender, ['last words']);
      sender.far.end();
      await eventually(() => sender.ended);
      const tunnel = tunnelled(both);
      deepEqual(await receiver.far.rest(), { text: 'last words', end: 'ended' });
      receiver.far.write('still here').end();
      deepEqual(await sender.far.rest(), { text: 'still here', end: 'ended' });
      equal(await tunnel.closed, 'ended');
    });

    it('does no harm when its receiver is reset, or destroyed, in the same turn', async (t) => {
      for (const how of ['reset', 'destroyed'] as const) {
        const both = await sides(t);
        const [sender, receiver] = [both[side], both[otherOf[side]]];
        await pieces(sender, ['for nobody']);
        const tunnel = tunnelled(both);
        sender.near.once('data', () => (how === 'reset' ? receiver.far.reset() : receiver.near.destroy()));
        equal((await sender.far.rest()).end, 'broken');
        equal(await tunnel.closed, brokeBy[otherOf[side]]);
      }
    });
  });

it('a flow that is stopped has passed on what it took', async (t) => {
  const [from, to] = [await pair(t), await pair(t)];
  await pieces(from, ['taken', 'not taken']);
  const flow = new Flow(from.near, to.near, () => undefined);
  from.near.once('data', () => {
    flow.stop();
    to.near.end('.');
  });
  deepEqual(await to.far.rest(), { text: 'taken.', end: 'ended' });
});
