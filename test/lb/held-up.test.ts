/** The real clock, in a process that is held up: what is due rings when what had come was read. */
import { deepEqual, equal } from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { clock } from '../../agent/system.js';
import { dial } from '../../lb/dial.js';
import { holdUp } from '../support/hold-up.js';
import { RawServer } from '../support/raw.js';

describe('after this process was held up', () => {
  it('a connect that came through meanwhile is not too late', async (t) => {
    const server = await RawServer.start(() => undefined);
    t.after(() => server.stop());
    const dialled = (done: (result: unknown) => void): unknown =>
      dial(server.endpoint('a'), { clock, connectTimeoutMs: 50 }, done);
    const { connected } = await holdUp(100, () => ({ connected: new Promise<unknown>(dialled) }));
    const socket = await connected;
    equal(socket instanceof Socket, true, String(socket));
    (socket as Socket).destroy();
  });

  it('an alarm that is stopped by what had come does not ring, and a sleep lasts until that was read', async (t) => {
    const server = await RawServer.start(() => undefined);
    t.after(() => server.stop());
    const told: string[] = [];
    const socket = new Socket();
    const { slept } = await holdUp(100, () => {
      const stop = clock.after(50, () => told.push('rings'));
      socket.connect(server.port, '127.0.0.1').once('connect', () => {
        told.push('connected');
        stop();
      });
      return { slept: clock.sleep(50).then(() => told.push('slept')) };
    });
    await slept;
    deepEqual(told, ['connected', 'slept']);
    socket.destroy();
  });
});
