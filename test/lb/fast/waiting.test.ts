/** Apps that ask faster than they read, and more than they are answered: what waits for them, and what comes behind. */
import { doesNotMatch, equal, ok as isTrue } from 'node:assert/strict';
import { it } from 'node:test';
import { RawServer } from '../../support/raw.js';
import { eventually, get, house, ok, useLane } from '../full/house.js';

useLane('fast');
const MIB = 1024 * 1024;

/** The number, once it has stood still for a while. */
async function standing(look: () => number): Promise<number> {
  let [before, same] = [-1, 0];
  await eventually(() => {
    same = look() === before ? same + 1 : 0;
    before = look();
    return same > 20;
  });
  return before;
}

it('a connection whose answer waited for the app is read again for the next call', async (t) => {
  const [count, length] = [300, 60_000];
  const orders = await RawServer.always(ok('x'.repeat(length)));
  const { app, upstreams } = await house(t, { orders: [orders] }, { settings: { responseTimeoutMs: 5_000, retries: 0 } });
  const wire = await app();
  wire.socket.pause();
  wire.write(get().repeat(count));
  const asked = await standing(() => upstreams.get('orders')!.stats.attempts);
  isTrue(asked < count, 'all answers fit into the buffers of the system');
  wire.socket.resume();
  for (let n = 0; n < count; n++) doesNotMatch((await wire.message()).slice(0, 200), /x-zidecar-error/);
  equal(orders.wires.length, 1);
});

it('requests that wait for others are not read into memory: one read is, and another when it is used up', async (t) => {
  const answered = 700;
  const orders = await RawServer.always(ok());
  const { app } = await house(t, { orders: [orders] });
  const wire = await app();
  wire.write(get().repeat(Math.ceil((32 * MIB) / get().length)));
  for (let n = 0; n < answered; n++) await wire.message();
  isTrue(wire.socket.writableLength > 0, `${answered} answers, and ${32 * MIB} bytes of requests are taken`);
  wire.socket.destroy();
});

it('an app that does not read refusals is not read from', async (t) => {
  const count = 300_000;
  const { app, upstreams } = await house(t, { orders: [] });
  const wire = await app();
  wire.socket.pause();
  wire.write(get().repeat(count));
  const refused = await standing(() => upstreams.get('orders')!.stats.lost);
  isTrue(refused > 0 && refused < count, `${refused} of ${count} are refused`);
  wire.socket.resume();
  for (let n = 0; n < refused + 1; n++) await wire.message();
  wire.socket.destroy();
});

it('an app that does not read refusals in CLIENT_IDLE_TIMEOUT is cut, without another word', async (t) => {
  const { app, proxy } = await house(t, { orders: [] }, { proxy: { clientIdleTimeoutMs: 300 } });
  const wire = await app();
  wire.socket.pause();
  wire.write(get().repeat(300_000));
  await eventually(() => proxy.quiet().connections === 1);
  await eventually(() => proxy.quiet().connections === 0);
  equal(proxy.strays.calls.size, 0);
  wire.socket.destroy();
});
