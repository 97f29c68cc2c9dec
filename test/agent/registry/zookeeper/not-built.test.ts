import { equal } from 'node:assert/strict';
import { it } from 'node:test';
import { notBuilt } from '../../../../agent/registry/zookeeper.js';

it('a native client that is not there says what to do on this Node', () => {
  equal(
    notBuilt('25.9.0'),
    'the native ZooKeeper client is not built: apt-get install -y python3 make g++, and install zidecar again (npm ci); ' +
      'or leave ZIDECAR_ZOOKEEPER_CLIENT out, for the client that needs no compiler',
  );
  equal(
    notBuilt('26.10.0'),
    'the native ZooKeeper client is not built: it does not compile on Node 26.10.0: leave ZIDECAR_ZOOKEEPER_CLIENT out, ' +
      'for the client that needs no compiler, or use Node 25 or older',
  );
});
