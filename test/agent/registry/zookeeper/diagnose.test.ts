/** What is said of a server that gives no session, by what listens there in truth. */
import { equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { diagnose, nobodyListens } from '../../../../agent/registry/zookeeper/diagnose.js';
import type { Address } from '../../../../agent/registry/wire/resolve.js';
import { clock, type Clock } from '../../../../agent/system.js';
import { FakeClock } from '../../../support/clock.js';
import { freePort } from '../../../support/ports.js';

const sentence = async (port: number, by: Clock): Promise<string> =>
  (await diagnose([{ host: '127.0.0.1', port, label: 'zk:2181' }], by)).why;

/** What is said of a server on the loopback that treats its connections so. */
async function of(onSocket: (socket: Socket) => void, by: Clock = clock): Promise<string> {
  const server = createServer(onSocket).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await sentence((server.address() as AddressInfo).port, by);
  } finally {
    server.close();
  }
}

/** A thread, since the one that asks stands still meanwhile. */
const RESETTING = `
  const { parentPort, workerData } = require('node:worker_threads');
  require('node:net').createServer((socket) => {
    socket.resetAndDestroy();
    Atomics.store(workerData, 0, 1);
    Atomics.notify(workerData, 0);
  }).listen(0, '127.0.0.1', function () { parentPort.postMessage(this.address().port); });`;

describe('the trouble with a server', () => {
  it('is that it is no ZooKeeper, when it speaks HTTP and waits for a whole line', async () => {
    const patience = new FakeClock();
    const said = await of((socket) => {
      let line = '';
      socket.on('data', (chunk) => {
        line += chunk.toString();
        if (line.includes('\r\n')) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
        else void patience.advance(500);
      });
    }, patience);
    equal(said, 'zk:2181 answers, but is no ZooKeeper: check the port in ZIDECAR_ZOOKEEPER');
  });

  it('is that it closes what it accepts, though it did so before we heard that it had accepted', async () => {
    const closed = new Int32Array(new SharedArrayBuffer(4));
    const server = new Worker(RESETTING, { eval: true, workerData: closed });
    try {
      const [port] = (await once(server, 'message')) as [number];
      const said = sentence(port, new FakeClock());
      process.nextTick(() => Atomics.wait(closed, 0, 0, 10_000)); // the connect is on its way, and nothing of its end is heard
      match(await said, /^zk:2181 accepts a connection and closes it at once: maxClientCnxns/);
    } finally {
      await server.terminate();
    }
  });

  it('is that it says nothing, though it ends the connection after a while', async () => {
    const said = await of((socket) => {
      let bytes = 0;
      socket.on('data', (chunk) => {
        bytes += chunk.length;
        if (bytes > 4) socket.end();
      });
    });
    match(said, /^no answer from zk:2181 within 1000 ms/);
  });
});

describe('that nobody listens', () => {
  const at = (port: number): Address => ({ host: '127.0.0.1', port, label: `zk:${port}` });

  it('is said when every server refuses', async () => {
    const port = await freePort();
    equal(
      await nobodyListens([at(port), at(port)], new FakeClock()),
      `nothing listens at zk:${port}, zk:${port}: start ZooKeeper there, or check ZIDECAR_ZOOKEEPER`,
    );
  });

  it('is not said when one of them has taken the connection, or none is known', async (t) => {
    const port = await freePort();
    const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    equal(await nobodyListens([at(port), at((server.address() as AddressInfo).port)], new FakeClock()), undefined);
    equal(await nobodyListens([], new FakeClock()), undefined);
  });
});
