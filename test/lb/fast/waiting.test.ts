/** Apps that ask faster than they read, and more than they are answered: what waits for them, and what comes behind. */
import { doesNotMatch, equal, ok as isTrue } from 'node:assert/strict';
import { it } from 'node:test';
import { RawServer } from '../../support/raw.js';
import { eventually, get, house, ok, useLane } from '../full/house.js';

useLane('fast');
const MIB = 1024 * 1024;

it('a connection whose answer waited for the app is read again for the next call', async (t) => {
  const [count, length] = [300, 60_000];
  const orders = await RawServer.always(ok('x'.repeat(length)));
  const { app, upstreams } = await house(t, { orders: [orders] }, { settings: { responseTimeoutMs: 5_000, retries: 0 } });
  const wire = await app();
  wire.socket.pause();
  wire.write(get().repeat(count));
  const { stats } = upstreams.get('orders')!;
  let [before, same] = [-1, 0];
  await eventually(() => {
    same = stats.attempts === before ? same + 1 : 0;
    before = stats.attempts;
    return same > 20;
  });
  isTrue(before < count, 'all answers fit into the buffers of the system');
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
