/** Endpoints that have to prove who they are, by way of both lanes, a tunnel and plain TCP. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Doubt, Endpoint } from '../../lb/endpoint.js';
import { RawServer } from '../support/raw.js';
import { clock } from '../support/running-clock.js';
import { dead, eventually, get, handshake, house, ok, switching, useLane } from './full/house.js';

/** A doubt whose answers are the test's to give. */
class Questions {
  readonly asked: ((refusal?: string) => void)[] = [];
  readonly failures: string[] = [];
  givenUp = 0;
  readonly doubt: Doubt = {
    why: 'kept from the last good list',
    kept: true,
    ask: (done) => {
      this.asked.push(done);
      return () => {
        this.givenUp++;
      };
    },
    failed: (why) => void this.failures.push(why),
  };

  async answer(refusal?: string): Promise<void> {
    await eventually(() => this.asked.length > 0);
    this.asked.shift()!(refusal);
  }
}

const doubted = (server: RawServer | Endpoint, { doubt }: Questions, id = 'a'): Endpoint => ({
  ...(server instanceof RawServer ? server.endpoint(id) : server),
  doubt,
});
const orders = async (t: TestContext, answer = ok()): Promise<RawServer> => {
  const server = await RawServer.always(answer);
  t.after(() => server.stop());
  return server;
};

for (const lane of ['fast', 'full'] as const)
  describe(`a doubtful endpoint, in the ${lane} lane`, () => {
    it('is asked for a proof before a new connection is made, and not for a kept one', async (t) => {
      useLane(lane);
      const [server, questions] = [await orders(t), new Questions()];
      const { app } = await house(t, { orders: [doubted(server, questions)] });
      const wire = await app();
      wire.write(get());
      await eventually(() => questions.asked.length === 1);
      equal(server.wires.length, 0);
      await questions.answer();
      match(await wire.message(), /200 OK/);
      match(await wire.write(get()).message(), /200 OK/);
      deepEqual([server.wires.length, questions.asked.length], [1, 0]);
    });

    it('gets nothing of a call when it is refused, whatever the method, and another one gets it', async (t) => {
      useLane(lane);
      const [server, other, questions] = [await orders(t), await orders(t, ok('other')), new Questions()];
      const { ask } = await house(t, { orders: [doubted(server, questions), other.endpoint('b')] });
      const answer = ask('POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 2\r\n\r\nhi');
      await questions.answer('somebody else has its address');
      match(await answer, /other/);
      deepEqual([server.wires.length, questions.failures], [0, []]);
    });

    it('is named in the refusal when there is no other', async (t) => {
      useLane(lane);
      const [server, questions] = [await orders(t), new Questions()];
      const { ask } = await house(t, { orders: [doubted(server, questions)] }, { settings: { retries: 0 } });
      const answer = ask(get());
      while (!(await Promise.race([answer, Promise.resolve(undefined)]))) {
        questions.asked.shift()?.('somebody else has its address');
        await clock.sleep(5);
      }
      match(await answer, /503 .*x-zidecar-error: unproven.*gets no new connection: somebody else has its address/is);
    });

    it('has its doubt told of a connect that failed, and of one that took too long, proof included', async (t) => {
      useLane(lane);
      const [refusing, silent, server] = [new Questions(), new Questions(), await orders(t, ok('other'))];
      const gone = doubted(await dead('a'), refusing);
      const mute = doubted(await orders(t), silent, 'b');
      const { ask } = await house(t, { orders: [gone, mute, server.endpoint('c')] }, { settings: { connectTimeoutMs: 100 } });
      const answer = ask(get());
      await refusing.answer();
      match(await answer, /other/);
      match(refusing.failures.join(), /refused the connection/);
      match(silent.failures.join(), /no connection to .* in 100 ms/);
      equal(silent.givenUp, 1);
      silent.asked[0]!(); // an answer that comes too late
    });
  });

describe('a doubtful endpoint', () => {
  it('is asked for a proof before a websocket is opened to it', async (t) => {
    useLane('fast');
    const [server, questions] = [await orders(t, switching()), new Questions()];
    const { app } = await house(t, { orders: [doubted(server, questions)] });
    const wire = (await app()).write(handshake());
    await eventually(() => questions.asked.length === 1);
    equal(server.wires.length, 0);
    await questions.answer();
    match(await wire.head(), /101 Switching/);
  });

  it('is asked for a proof before plain TCP goes to it', async (t) => {
    const [server, questions] = [await RawServer.start((wire) => void wire.write('hello')), new Questions()];
    t.after(() => server.stop());
    const { app } = await house(t, { db: [doubted(server, questions)] }, { listener: { upstream: 'db', tcp: true } });
    const wire = await app();
    await eventually(() => questions.asked.length === 1);
    equal(server.wires.length, 0);
    await questions.answer();
    equal(await wire.bytes(5), 'hello');
  });

  it('is named as such where it is explained why it is called', async (t) => {
    const { upstreams } = await house(t, { orders: [doubted(await dead('a'), new Questions())] });
    match(upstreams.get('orders')!.explain()[0]!.reason, /^doubtful, kept from the last good list; takes /);
  });
});
