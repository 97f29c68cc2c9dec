/**
 * A fleet of 100,000 in one folder, followed node by node: what it costs, and that a lost connection loses nothing of it. How long one turn of the
 * event loop takes is told and not judged, since it depends on the machine; the CPU time of its thread does so least.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { openZooKeeper } from '../../../../agent/registry/zookeeper.js';
import { clock, random } from '../../../../agent/system.js';
import { each, memory } from '../../../support/memory.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { bytes, connected, until } from '../tree-contract.js';
import { BadLine } from './bad-line.js';
import { opened } from './opened.js';

const COUNT = 100_000;

const SCHEDULED = `/proc/self/task/${process.pid}/schedstat`;
/** What the thread of the event loop has computed, in milliseconds; where that is not told, all threads. */
const computed = existsSync(SCHEDULED)
  ? (): number => Number(readFileSync(SCHEDULED, 'latin1').split(' ')[0]) / 1e6
  : (): number => process.cpuUsage().user / 1_000;

/** Looks at the clocks in every turn of the event loop, and keeps the longest turn. */
class Turns {
  #cpu = 0;
  #wall = 0;
  #isOver = false;

  constructor() {
    let [at, used] = [performance.now(), computed()];
    const look = (): void => {
      const [now, spent] = [performance.now(), computed()];
      this.#cpu = Math.max(this.#cpu, spent - used);
      this.#wall = Math.max(this.#wall, now - at);
      [at, used] = [now, spent];
      if (!this.#isOver) setImmediate(look);
    };
    setImmediate(look);
  }

  end(): string {
    this.#isOver = true;
    return `the longest turn took ${this.#cpu.toFixed(1)} ms of CPU, ${this.#wall.toFixed(1)} ms by the clock`;
  }
}

describe('100,000 nodes that are watched', { skip: !requireZooKeeper(), timeout: 600_000 }, () => {
  it('cost less than 300 bytes each and the server one watch, and hear what changed while the connection was lost', async (t) => {
    const server = await ZooKeeperServer.start();
    const line = await BadLine.to(server);
    const other = opened([server], { timeoutMs: 40_000 });
    await other.up();
    await other.client.create('/many');
    const path = (index: number): string => `/many/10.0.${index >> 8}.${index & 255}:8080`;
    for (let from = 0; from < COUNT; from += 1_000) {
      await Promise.all(Array.from({ length: 1_000 }, (_, index) => other.client.create(path(from + index))));
    }
    const tree = openZooKeeper({
      ...{ servers: [line], chroot: '', sessionTimeoutMs: 40_000, client: { kind: 'wire' } },
      ...{ clock, random, emit: () => undefined },
    });
    await connected(tree);
    let fired = 0;
    const hear = (): void => {
      fired++;
    };
    const asked = async (onChange?: () => void): Promise<void> => {
      for (let from = 0; from < COUNT; from += 500)
        await Promise.all(Array.from({ length: 500 }, (_, index) => tree.exists(path(from + index), onChange)));
    };
    await asked(); // so that what grows later is what is kept, and not what was needed for a moment
    const before = memory();
    const listing = new Turns();
    equal((await tree.children('/many', hear))?.names.length, COUNT);
    t.diagnostic(`listing: ${listing.end()}`);
    const arming = new Turns();
    await asked(hear);
    t.diagnostic(`arming: ${arming.end()}`);
    const { resident, heap } = each(before, memory(), COUNT);
    t.diagnostic(`${Math.round(resident)} bytes each are resident, ${Math.round(heap)} of them on the heap`);
    ok(heap < 300, `${Math.round(heap)} bytes each`);
    equal(tree.watches, COUNT + 1);
    equal(Number(/Total watches:(\d+)/.exec(await server.ask('wchs'))![1]), 1);
    const { session } = tree;
    line.cut();
    await until(() => tree.session.state === 'suspended', 'the loss');
    for (const index of [0, 50_000, 99_999]) await other.client.setData(path(index), bytes('x'));
    await other.client.delete(path(7));
    const reconnecting = new Turns();
    line.heal();
    await connected(tree);
    t.diagnostic(`reconnecting: ${reconnecting.end()}`);
    deepEqual([tree.session.id, fired], [session.id, 5], 'three changes, one leave, and the list');
    line.cut();
    await until(() => tree.session.state === 'suspended', 'the loss');
    const left = tree.watches;
    for (let from = 0; from < COUNT; from += 1_000)
      await Promise.all(
        Array.from({ length: 1_000 }, (_, index) => other.client.setData(path(from + index), bytes('y')).catch(() => undefined)),
      );
    fired = 0;
    const hearing = new Turns();
    line.heal();
    await connected(tree);
    await tree.exists('/');
    t.diagnostic(`reconnecting with ${fired} events: ${hearing.end()}`);
    equal(fired, left);
    await tree.close();
    await other.client.close();
    await line.stop();
    await server.remove();
  });
});
