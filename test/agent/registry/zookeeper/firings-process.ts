/** A tree by one of the clients in a process of its own: arms a watch on each of its nodes when it is told to, and says when all have fired, and its memory. */
import { clock, random } from '../../../../agent/system.js';
import { openZooKeeper, type ZooKeeperClient } from '../../../../agent/registry/zookeeper.js';
import { connected } from '../tree-contract.js';

const [kind, host, port, nodes] = process.argv.slice(2);
const server = { host: host!, port: Number(port), label: `${host}:${port}` };
const client = { kind: kind as 'native' | 'wire' } satisfies ZooKeeperClient;
const paths = Array.from({ length: Number(nodes) }, (_, index) => `/n${index}`);
const tree = openZooKeeper({
  ...{ servers: [server], chroot: '', sessionTimeoutMs: 60_000, client, clock, random },
  emit: () => undefined,
});

export type Asked = 'arm' | 'memory';
export type Said = 'ready' | 'armed' | 'fired' | { readonly resident: number; readonly heap: number };
const say = (said: Said): void => void process.send!(said);

let left = 0;
const hear = (): void => {
  if (--left === 0) say('fired');
};

process.on('message', (asked: Asked) => {
  if (asked === 'memory') {
    globalThis.gc!();
    const { rss, heapUsed, external } = process.memoryUsage();
    return say({ resident: rss, heap: heapUsed + external });
  }
  left = paths.length;
  void Promise.all(paths.map((path) => tree.exists(path, hear))).then(() => say('armed'));
});
process.on('disconnect', () => process.exit());
void connected(tree).then(() => say('ready'));
