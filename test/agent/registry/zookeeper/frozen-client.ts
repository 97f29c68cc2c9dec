/** A sidecar's tree in a process that a test can freeze. Says every session that it has, and makes an ephemeral in it. */
import { clock, random } from '../../../../agent/system.js';
import { openZooKeeper } from '../../../../agent/registry/zookeeper.js';

const [, , host, port, sessionTimeoutMs, kind] = process.argv;
const tree = openZooKeeper({
  servers: [{ host: host!, port: Number(port) }],
  chroot: '',
  sessionTimeoutMs: Number(sessionTimeoutMs),
  client: { kind: kind === 'wire' ? 'wire' : 'native' },
  clock,
  random,
  emit: () => undefined,
});
tree.onSession((session) => {
  process.send!(session);
  if (session.state === 'connected') void tree.create(`/ours-${kind!}`, new Uint8Array(), 'ephemeral').catch(() => undefined);
});
process.on('message', () => void tree.close().then(() => process.disconnect()));
