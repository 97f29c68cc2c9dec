/**
 * A crowd of slow clients (heads and bodies that trickle, readers that do not read, connections that say nothing) beside normal ones, whose
 * calls must neither fail nor take longer than the time that they give themselves. The slow ones are cut by their own limits meanwhile.
 */
import { deepEqual, equal, match } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { RawServer, Wire } from '../support/raw.js';
import { clock } from '../support/running-clock.js';
import { eventually, get, house, ok, useLane } from './full/house.js';

const answerBytes = 16 * 1024 * 1024;
const part = Buffer.alloc(64 * 1024, 'x');

async function orders(): Promise<RawServer> {
  return RawServer.start(async (wire) => {
    wire.socket.on('error', () => undefined);
    for (;;) {
      const head = await wire.head();
      if (head.startsWith('PUT')) return; // its body never comes whole
      if (!head.startsWith('GET /large')) wire.write(ok());
      else {
        wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${answerBytes}\r\n\r\n`);
        for (let sent = 0; sent < answerBytes && wire.socket.writable; sent += part.length)
          if (!wire.socket.write(part)) await Promise.race([gone(wire), drained(wire)]);
      }
    }
  });
}
/** How long this process has not run. node's own server counts that time too. */
const stoodStillMs = (): number => performance.now() - clock.now();
const drained = (wire: Wire): Promise<void> => new Promise((resolve) => wire.socket.once('drain', resolve));
const gone = (wire: Wire): Promise<void> => new Promise((resolve) => wire.socket.once('close', () => resolve()));

export async function crowd(t: TestContext, lane: 'full' | 'fast', count: number): Promise<void> {
  const [endpoint, limitMs] = [await orders(), 2_000];
  useLane(lane);
  const { app, proxy, upstreams } = await house(
    t,
    { orders: [endpoint] },
    { settings: { bodyTimeoutMs: limitMs }, proxy: { headerTimeoutMs: limitMs, clientIdleTimeoutMs: limitMs } },
  );
  const { stats } = upstreams.get('orders')!;
  const kinds = { head: 0.4, body: 0.4, reader: 0.1 };
  const slow: Wire[] = [];
  let [bodies, readers] = [0, 0];
  for (let n = 0; n < count; n++) {
    const wire = await app();
    wire.socket.on('error', () => undefined);
    slow.push(wire);
    const place = n / count;
    if (place < kinds.head) wire.write('GET / HTTP/1.1\r\nHost: ord');
    else if (place < kinds.head + kinds.body) {
      bodies++;
      wire.write('PUT / HTTP/1.1\r\nHost: orders\r\nContent-Length: 100000\r\n\r\nx');
    } else if (place < kinds.head + kinds.body + kinds.reader) {
      readers++;
      wire.socket.pause();
      wire.write(get('/large'));
    }
  }
  await eventually(() => endpoint.wires.length >= bodies);
  const stopTrickle = clock.every(100, () => {
    for (const wire of slow.slice(0, Math.round(count * (kinds.head + kinds.body)))) if (!wire.over) wire.write('x');
  });
  t.after(stopTrickle);

  const calls = 40;
  const normal = Array.from({ length: 4 }, async () => {
    let [wire, before] = [await app(), stoodStillMs()];
    for (let n = 0; n < calls; n++) {
      const stood = stoodStillMs();
      const answer = await wire
        .write(get('/', 'x-zidecar-timeout: 5s\r\n'))
        .message()
        .catch((error: unknown) => error as Error);
      if (answer instanceof Error) {
        // it was idle for too long, which is no fault: since its last answer was sent, which may have been read long after
        if (stoodStillMs() - before < limitMs / 2) throw answer;
        wire = await app();
        n--;
      } else match(answer, /^HTTP\/1\.1 200 OK[^]*ok$/);
      before = stood;
      await clock.sleep(5);
    }
    wire.socket.destroy();
  });
  await Promise.all(normal);
  stopTrickle();
  await eventually(() => proxy.quiet().connections === 0);

  const became = Object.fromEntries([...stats.calls].filter(([code]) => !code.endsWith('xx')));
  deepEqual(became, { client_body_timeout: bodies, client_gone: readers });
  deepEqual(
    upstreams
      .get('orders')!
      .explain()
      .map(({ circuit }) => circuit),
    ['closed'],
  );
  equal(stats.inFlight, 0);
  for (const { socket } of slow) socket.destroy();
}
