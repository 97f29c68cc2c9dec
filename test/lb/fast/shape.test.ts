/** What V8 has compiled for calls outlives a rest (lb/shape.ts). In a file of its own, as what is kept is kept for as long as the process lives. */
import { deepEqual } from 'node:assert/strict';
import { subscribe } from 'node:diagnostics_channel';
import { get as ask } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { it } from 'node:test';
import { LIMITS, makeBoundedServer } from '../../../agent/bounded-server.js';
import { httpProbe } from '../../../health/http.js';
import { memory } from '../../support/memory.js';
import { RawServer } from '../../support/raw.js';
import { get, house, ok, useLane } from '../full/house.js';

useLane('fast');

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

it('keeps the first lease, and the first connection of each kind, and no other', async (t) => {
  /** Those of our side, by the port that they were accepted at, or have connected to. */
  const seen = new Map<number, WeakRef<object>[]>();
  const note = (port: number, socket: Socket): void => void seen.set(port, [...(seen.get(port) ?? []), new WeakRef(socket)]);
  const socketOf = (message: unknown): Socket => (message as { readonly socket: Socket }).socket;
  subscribe('net.server.socket', (message) => note(socketOf(message).localPort!, socketOf(message)));
  subscribe('net.client.socket', (message) => {
    const socket = socketOf(message);
    socket.once('connect', () => note(-socket.remotePort!, socket));
  });

  const orders = await RawServer.always(ok('ok', 'Connection: close\r\n'));
  const { at, ask: call, upstreams } = await house(t, { orders: [orders] });
  const leases = Array.from({ length: 3 }, () => {
    const lease = upstreams.get('orders')!.acquire({ tried: [] });
    if (typeof lease === 'string') throw new Error(lease);
    lease.release();
    return new WeakRef<object>(lease);
  });
  const server = makeBoundedServer(
    (_, response) => response.end(),
    LIMITS,
    () => undefined,
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const probed = await RawServer.always(ok('ok', 'Connection: close\r\n'));
  t.after(() => probed.stop());
  const probe = httpProbe({ url: `http://127.0.0.1:${probed.port}/` });
  for (let count = 0; count < 3; count++) {
    await call(get());
    deepEqual(await probe.check(new AbortController().signal), { kind: 'pass' });
    await new Promise<void>((resolve) => ask({ port, agent: false }, (answer) => answer.resume().on('close', resolve)));
  }

  const kinds = [leases, ...[Number(at.split(':')[1]), -orders.port, port, -probed.port].map((kind) => seen.get(kind)!)];
  const alive = (): boolean[][] => kinds.map((refs) => refs.map((ref) => ref.deref() !== undefined));
  const wanted = kinds.map(() => [true, false, false]);
  for (let tries = 0; tries < 100 && JSON.stringify(alive()) !== JSON.stringify(wanted); tries++) {
    await turn();
    memory();
  }
  deepEqual(alive(), wanted);
});
