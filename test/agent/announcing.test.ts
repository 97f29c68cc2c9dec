/** What announces the app, put together from a configuration. */
import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeAnnouncements, type AnnouncingParts } from '../../agent/announcing.js';
import type { Fact } from '../../agent/events.js';
import { FakeClock } from '../support/clock.js';
import { load } from '../support/load-config.js';
import { app } from '../support/calls.js';
import { MemoryStore, MemoryTree } from '../support/memory-tree.js';

describe('a service that is announced in two dialects', () => {
  it('is asked by one prober, and one of another row by its own', async (t) => {
    const beside = await app('beside');
    t.after(() => beside.close());
    const config = load(
      { ZIDECAR_ZOOKEEPER: 'dir:nowhere', ZIDECAR_ADVERTISE: '10.1.2.3' },
      `announce:
  - { service: orders, port: ${beside.port}, dialects: 'curator:/a+spring:/b' }
  - { service: users, port: ${beside.port} }`,
    );
    const probed: string[] = [];
    const both = new Promise<void>((resolve) => {
      const emit = (fact: Fact): void => {
        if (fact.kind === 'probe_ended') probed.push(fact.service);
        if (probed.length === 2) resolve();
      };
      // nothing is written: no verdict rises on its first pass
      const registry = {} as AnnouncingParts['registry'];
      const parts = {
        config,
        ownHost: '127.0.0.1',
        registry,
        tree: new MemoryTree(new MemoryStore()),
        clock: new FakeClock(),
        random: () => 0,
        emit,
      };
      const all = makeAnnouncements(parts);
      equal(all.length, 3);
      for (const announcement of all) announcement.start();
    });
    await both;
    deepEqual(probed.sort(), ['orders', 'users']);
  });
});
