/** Servers of other versions than the one that is installed here: what holds with that holds with them, and what an old one does not know is met. */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { otherZooKeeper } from '../../../support/other-zookeeper.js';
import type { Other } from '../../../support/other-zookeeper.js';
import { Sidecar, zidecar } from '../../../support/program.js';
import { ZooKeeperServer } from '../../../support/zookeeper.js';
import { bytes } from '../tree-contract.js';
import { opened } from './opened.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const FILES = ['operations', 'reconnect', 'read-only', 'patience', 'security'].map((name) => `./${name}.test.js`);
const TREE = ['contract', 'sessions', 'ensemble', 'access'].map((name) => `../zookeeper/${name}.test.js`);

/** Undefined, and said loudly, where Debian cannot be asked. */
function had(suite: string, isOld = false): Other | undefined {
  try {
    return otherZooKeeper(suite, isOld);
  } catch (error) {
    console.error(`\n*** SKIPPED, the ZooKeeper of Debian ${suite} cannot be had: ${(error as Error).message} ***\n`);
    return undefined;
  }
}

describe('servers of another version', { timeout: 1_800_000 }, () => {
  for (const suite of ['trixie', 'sid']) {
    it(`that Debian ${suite} has are spoken to as those of 3.8.0 are`, async (t) => {
      const other = had(suite);
      if (!other) return t.skip('it cannot be had');
      t.diagnostic(other.version);
      const child = spawn(process.execPath, ['--test', '--test-concurrency=2', ...[...FILES, ...TREE].map(here)], {
        env: { ...process.env, NODE_TEST_CONTEXT: undefined, ZOOKEEPER_CLASS_PATH: other.classPath },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number];
      equal(code, 0, said.slice(-20_000));
    });
  }

  it('3.4 end the connection over what they do not know: it is asked once, and what they know goes on in the same session', async (t) => {
    const other = had('bullseye', true);
    if (!other) return t.skip('it cannot be had');
    process.env['ZOOKEEPER_CLASS_PATH'] = other.classPath;
    const server = await ZooKeeperServer.start();
    t.after(() => server.remove());
    const { client, up, ups } = opened([server]);
    const { id } = await up();
    const lost = await client.create('/a').catch((error: unknown) => error);
    await up(2);
    if (lost instanceof Error && !(await client.exists('/a'))) await client.create('/a');
    equal((await client.create('/a/b', bytes('x'), { mode: 'ephemeral' })).path, '/a/b');
    const heard: string[] = [];
    const listen = ({ type, path }: { type: string; path: string }): void => void heard.push(`${type} ${path}`);
    await rejects(client.addWatch('/a', 'recursive', listen), { code: 'UNIMPLEMENTED' });
    await up(3);
    await rejects(client.addWatch('/a', 'recursive', listen), { code: 'UNIMPLEMENTED' });
    await client.getData('/a/b', listen);
    await client.getChildren('/a', listen);
    deepEqual(
      await client
        .multi([
          { do: 'set', path: '/a/b', data: bytes('y') },
          { do: 'delete', path: '/a/b' },
        ])
        .then(({ length }) => length),
      2,
    );
    await client.sync('/a');
    deepEqual(heard, ['changed /a/b', 'children_changed /a']);
    deepEqual([ups.length, ups.at(-1)!.id], [3, id]);
    await client.close();
  });

  it('3.4 hold the registry of a sidecar', async (t) => {
    const other = had('bullseye', true);
    if (!other) return t.skip('it cannot be had');
    process.env['ZOOKEEPER_CLASS_PATH'] = other.classPath;
    const server = await ZooKeeperServer.start();
    t.after(() => server.remove());
    const env = { ZIDECAR_ZOOKEEPER: server.connect, ZIDECAR_ZOOKEEPER_CLIENT: 'wire' };
    const sidecar = Sidecar.start({
      ...env,
      ZIDECAR_SERVICE: 'old',
      ZIDECAR_APP_PORT: '1',
      ZIDECAR_PROBE: 'none',
      ZIDECAR_UPSTREAMS: 'old',
    });
    t.after(() => sidecar.kill());
    await sidecar.fact('announced');
    const { code, out } = await zidecar(['services', 'old', '--json'], env);
    equal(code, 0, out);
    equal(await sidecar.stop(), 0);
  });
});
