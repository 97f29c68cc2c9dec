/**
 * A fleet of 100,000 in one folder, followed node by node: what it costs, and that a lost connection loses nothing of it; and a service of 20,000. How
 * long one turn of the event loop takes is told and not judged, since it depends on the machine; the CPU time of its thread does so least.
 */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { withoutOurSockets } from '../../../../agent/inherited.js';
import { Cuttable } from '../../../support/cuttable.js';
import { dieWithUs, holding } from '../../../support/die-with-us.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { bytes } from '../tree-contract.js';
import type { Place } from './bad-line.js';
import type { Act, Seen } from './many-process.js';
import { opened, type Opened } from './opened.js';

const AT_ONCE = 1_000;
/** As many-process.ts has it. */
const path = (index: number): string => `/many/10.0.${index >> 8}.${index & 255}:8080`;

/** A process with a tree. */
class Client {
  readonly #child: ChildProcess;

  constructor({ host, port }: Place, folder: string, count: number) {
    const program = new URL('./many-process.js', import.meta.url);
    const args = [host, String(port), folder, String(count)];
    this.#child = withoutOurSockets(['ignore', 'inherit', 'inherit', 'ipc'], (stdio) => fork(program, args, { stdio }));
    dieWithUs(this.#child);
  }

  async tell(act: Act): Promise<Seen> {
    const answer = holding(once(this.#child, 'message')) as Promise<[Seen]>;
    this.#child.send(act);
    return (await answer)[0];
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

async function each(count: number, write: (index: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => write(from + index)));
}

async function served(): Promise<{ server: ZooKeeperServer; writer: Opened }> {
  const server = await ZooKeeperServer.start();
  const writer = opened([server], { timeoutMs: 40_000 });
  await writer.up();
  await writer.client.create('/many');
  return { server, writer };
}

describe('100,000 nodes that are watched', { skip: !requireZooKeeper(), timeout: 600_000 }, () => {
  it('cost less than 300 bytes each and the server one watch, and hear what changed while the connection was lost', async (t) => {
    const COUNT = 100_000;
    const { server, writer } = await served();
    const { client } = writer;
    await each(COUNT, (index) => client.create(path(index)));
    const line = await Cuttable.to(server);
    const one = new Client(line, '/many', COUNT);
    const listed = await one.tell('list');
    t.diagnostic(`listing: ${listed.turn!}`);
    equal(listed.count, COUNT);
    const armed = await one.tell('arm');
    t.diagnostic(`arming: ${armed.turn!}`);
    const { resident, heap } = armed.each!;
    t.diagnostic(`${Math.round(resident)} bytes each are resident, ${Math.round(heap)} of them on the heap`);
    ok(heap < 300, `${Math.round(heap)} bytes each`);
    equal(armed.watches, COUNT + 1);
    equal(Number(/Total watches:(\d+)/.exec(await server.ask('wchs'))![1]), 1);
    await line.cut();
    await one.tell('lose');
    for (const index of [0, 50_000, 99_999]) await client.setData(path(index), bytes('x'));
    await client.delete(path(7));
    await line.heal();
    const back = await one.tell('connect');
    t.diagnostic(`reconnecting: ${back.turn!}`);
    deepEqual([back.session, back.fired], [armed.session, 5], 'three changes, one leave, and the list');
    await line.cut();
    const { watches } = await one.tell('lose');
    await each(COUNT, (index) => client.setData(path(index), bytes('y')).catch(() => undefined));
    await line.heal();
    const heard = await one.tell('connect');
    t.diagnostic(`reconnecting with ${watches} events: ${heard.turn!}`);
    equal(heard.fired, watches);
    const again = await one.tell('arm');
    const ended = one.tell('end');
    await line.endSession();
    const { fired, session, turn } = await ended;
    t.diagnostic(`telling all that their session is over: ${turn!}`);
    equal(fired, again.watches);
    notEqual(session, again.session);
    one.end();
    await client.close();
    await line.stop();
    await server.remove();
  });
});

describe('20,000 instances of one service', { skip: !requireZooKeeper(), timeout: 300_000 }, () => {
  it('are all told by the watcher', async (t) => {
    const COUNT = 20_000;
    const { server, writer } = await served();
    const said = (id: number): string => JSON.stringify({ name: 'many', id: String(id), address: '10.0.0.1', port: 1_000 + id });
    await each(COUNT, (index) => writer.client.create(`/many/${index}`, bytes(said(index))));
    await writer.client.close();
    const one = new Client(server, '/many', COUNT);
    const { count, turn } = await one.tell('watch');
    t.diagnostic(`watching: ${turn!}`);
    equal(count, COUNT);
    one.end();
    await server.remove();
  });
});
