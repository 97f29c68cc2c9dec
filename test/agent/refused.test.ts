/** Commands of a moment at an address where nobody listens: by either client, they say so and do not wait for what will not come. */
import { deepEqual } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clients, zidecar } from '../support/program.js';

describe('a command that asks ZooKeeper once', () => {
  it('says that nobody listens without waiting for it, by either client', async () => {
    const asked = ['services', 'lint'].flatMap((command) =>
      [...clients].map((client) => [command, '--zookeeper-client', client]),
    );
    const ended = await Promise.all(asked.map((args) => zidecar([...args, '--zookeeper', '127.0.0.1:1'])));
    const said =
      'zidecar: no session with the registry: nothing listens at 127.0.0.1:1: start ZooKeeper there, or check ZIDECAR_ZOOKEEPER\n';
    deepEqual(
      ended.map(({ code, err }) => [code, err]),
      asked.map(() => [69, said]),
    );
  });
});
