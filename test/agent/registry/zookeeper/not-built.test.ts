import { equal } from 'node:assert/strict';
import { it } from 'node:test';
import { notBuilt } from '../../../../agent/registry/zookeeper.js';

it('a native client that is not there says what to do on this Node', () => {
  equal(
    notBuilt('25.9.0'),
    'the ZooKeeper client is not built: apt-get install -y python3 make g++ && npm rebuild zookeeper; ' +
      'or set ZIDECAR_ZOOKEEPER_CLIENT=wire, which needs none',
  );
  equal(
    notBuilt('26.10.0'),
    'the ZooKeeper client is not built: it does not compile on Node 26.10.0: set ZIDECAR_ZOOKEEPER_CLIENT=wire, which needs no compiler, ' +
      'or use Node 25 or older',
  );
});
