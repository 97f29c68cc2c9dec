/** `zidecar services --watch` on a real ZooKeeper that goes away and comes back, and what is said where there is nothing to show. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, services, zidecar } from '../support/program.js';
import { RawClient } from '../support/raw-client.js';
import { requireZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';

const main = fileURLToPath(new URL('../../agent/main.js', import.meta.url));
const node = (id: string): string => JSON.stringify({ name: 'orders', id, address: '127.0.0.1', port: 1, payload: null });

describe('zidecar services', { timeout: 240_000 }, () => {
  let server: ZooKeeperServer;
  before(async () => {
    requireZooKeeper();
    server = await ZooKeeperServer.start();
  });
  after(() => server.remove());

  it('says that a chroot does not exist, instead of showing an empty fleet', async () => {
    const { code, out, err } = await services(['--zookeeper', `${server.connect}/teams/bleu`]);
    deepEqual([code, out], [1, '']);
    match(err, /there is no \/teams\/bleu in this ZooKeeper/);
  });

  it('says that there are no services where nobody has announced yet', async () => {
    const { code, out } = await services(['--zookeeper', server.connect]);
    equal(code, 0);
    match(out, /^no services, for there is no \/services: nobody has announced yet/);
  });

  it('gives up by itself, within the seconds that it tells, though the server is frozen', async (t) => {
    server.freeze();
    t.after(() => server.resume());
    const { code, err } = await zidecar(['services', '--zookeeper', server.connect]);
    equal(code, 69);
    match(err, /no session with the registry within \d s/);
  });

  it('tells a table once into a pipe, keeps it while ZooKeeper is away, and says how old it is', async () => {
    const raw = await RawClient.open(server.connect);
    await raw.create('/services', '').catch(() => undefined);
    await raw.create('/services/orders', '');
    await raw.create('/services/orders/a', node('a'));
    const child = spawn(process.execPath, [
      main,
      'services',
      '--watch',
      '--zookeeper',
      server.connect,
      '--session-timeout',
      '4s',
    ]);
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const told = (): number => out.split('SERVICE').length - 1;
    try {
      await eventually(() => told() === 1);
      match(out, /orders +curator +1 +1/);
      await server.kill();
      await eventually(() => /no answer from the registry for .*: this is what it said at \d\d:\d\d:\d\d\n/.test(err));
      await server.start();
      await eventually(() => err.includes('the registry answers again'));
      equal(told(), 1, out);
      await raw.create('/services/orders/b', node('b'));
      await eventually(() => told() === 2);
      match(out.slice(out.lastIndexOf('SERVICE')), /orders +curator +2 +1 +two nodes with 127.0.0.1:1/);
    } finally {
      child.kill();
      await raw.close();
    }
  });
});
