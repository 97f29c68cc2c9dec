import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { withoutOurSockets, type Stdio } from '../../agent/inherited.js';
import { openZooKeeper } from '../../agent/registry/zookeeper.js';
import { clock, random } from '../../agent/system.js';
import { isNativeBuilt } from '../support/native.js';
import { ZooKeeperServer, requireZooKeeper } from '../support/zookeeper.js';
import { connected } from './registry/tree-contract.js';

/** Its standard streams may be sockets too. */
const look = `
  const fs = require('node:fs');
  const to = (fd) => { try { return fs.readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } };
  const above = fs.readdirSync('/proc/self/fd').filter((fd) => Number(fd) > 2);
  console.log(JSON.stringify(above.map(to).filter((name) => name.startsWith('socket:'))));
`;
/** The sockets that a child has at its start. */
async function socketsOf(start: (run: (stdio: Stdio[]) => ChildProcess) => ChildProcess): Promise<readonly string[]> {
  const child = start((stdio) => spawn(process.execPath, ['-e', look], { stdio }));
  const [answer] = (await once(child.stdout!, 'data')) as [Buffer];
  return JSON.parse(answer.toString()) as string[];
}

describe('what a child inherits', { skip: !requireZooKeeper() || !isNativeBuilt() || process.platform !== 'linux' }, () => {
  let server: ZooKeeperServer;
  before(async () => (server = await ZooKeeperServer.start()));
  after(() => server.remove());

  it('is not the socket of our session', async (t) => {
    const where = { servers: [server], chroot: '', sessionTimeoutMs: 30_000 };
    const tree = openZooKeeper({ ...where, client: { kind: 'native' }, clock, random, emit: () => undefined });
    await connected(tree);
    t.after(() => tree.close());
    const plain = await socketsOf((run) => run(['ignore', 'pipe', 'inherit']));
    equal(plain.length > 0, true, 'the native client marks its sockets by itself now: this file can go');
    const ours = await socketsOf((run) => withoutOurSockets(['ignore', 'pipe', 'inherit'], run));
    deepEqual(ours, []);
  });

  it('is what the caller gives it when there is no session', async () => {
    const seen: Stdio[][] = [];
    const child = withoutOurSockets(['ignore', 'pipe', 'inherit'], (stdio) => {
      seen.push(stdio);
      return spawn(process.execPath, ['-e', '0'], { stdio });
    });
    deepEqual(seen, [['ignore', 'pipe', 'inherit']]);
    const [code] = (await once(child, 'exit')) as [number];
    ok(code === 0);
  });
});
