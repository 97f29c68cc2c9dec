import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { load, orders, problems, zk } from '../../support/load-config.js';

describe('listeners', () => {
  for (const [env, expected] of [
    [
      { ZIDECAR_ADMIN: '127.0.0.1:6140' },
      'ZIDECAR_OUTBOUND and ZIDECAR_ADMIN both want 127.0.0.1:6140; give each a port of its own',
    ],
    [{ ZIDECAR_ADMIN: 'localhost:6191' }, 'ZIDECAR_ADMIN and ZIDECAR_HEALTH both want [::]:6191; give each a port of its own'],
    [{ ZIDECAR_UPSTREAMS: 'a@7001,b@7001' }, 'upstream a and upstream b both want 127.0.0.1:7001; give each a port of its own'],
    [{ ZIDECAR_HEALTH: '0.0.0.0:1,[::]:1' }, 'ZIDECAR_HEALTH names [::]:1 twice; give each a port of its own'],
    [
      { ZIDECAR_ADMIN: 'unix:/a', ZIDECAR_HEALTH: 'unix:/a' },
      'ZIDECAR_ADMIN and ZIDECAR_HEALTH both want unix:/a; give each a port of its own',
    ],
    [
      { ZIDECAR_SERVICE: 'a', ZIDECAR_APP_PORT: '6140' },
      'ZIDECAR_OUTBOUND and the app both want 127.0.0.1:6140; give each a port of its own',
    ],
  ] as const) {
    it(`clash: ${JSON.stringify(env)}`, () => deepEqual(problems({ ...zk, ...env }), [expected]));
  }

  it('on any free port do not clash', () => {
    load({ ...zk, ZIDECAR_OUTBOUND: '127.0.0.1:0', ZIDECAR_ADMIN: '127.0.0.1:0', ZIDECAR_HEALTH: '127.0.0.1:0' });
  });
});

describe('a warning', () => {
  for (const [env, expected] of [
    [{ ...orders, ZIDECAR_ZOOKEEPER: 'dir:/tmp/x' }, /^peers are told 127\.0\.0\.1, as the registry is on this machine/],
    [{ ...orders, ZIDECAR_ZOOKEEPER: '[::1]:2181,localhost:2' }, /^peers are told 127\.0\.0\.1/],
    [
      {
        ...orders,
        ZIDECAR_ADVERTISE: '10.0.0.1',
        ZIDECAR_DIALECT: 'serverset',
        ZIDECAR_META: 'shard=1,a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8',
      },
      /^META of orders: g, h are not told in serverset, which has room for 6 entries, .* Finagle/,
    ],
    [{ ...zk, ZIDECAR_APP_PORT: '8080' }, /^ZIDECAR_APP_PORT is set and ZIDECAR_SERVICE is not/],
    [{ ...zk, ZIDECAR_OUTBOUND: 'off' }, /this sidecar has nothing to do$/],
    [
      { ZIDECAR_ZOOKEEPER: 'dir:x', ZIDECAR_ZOOKEEPER_CLIENT: 'wire', ZIDECAR_ZOOKEEPER_AUTH: 'digest:a:b' },
      /^ZIDECAR_ZOOKEEPER_AUTH has no effect: ZIDECAR_ZOOKEEPER is a folder, and whoever may write in it may change every node$/,
    ],
    [{ ...zk, ZIDECAR_ADMIN: '0.0.0.0:6190' }, /^ZIDECAR_ADMIN listens on 0\.0\.0\.0:6190: whoever reaches it/],
  ] as const) {
    it(`is due for ${JSON.stringify(env)}`, () => {
      const { warnings } = load(env);
      equal(warnings.length, 1, warnings.join('\n'));
      ok(expected.test(warnings[0]!), warnings[0]);
    });
  }

  it('is not due for what was meant', () => {
    deepEqual(load({ ...orders, ZIDECAR_ZOOKEEPER: 'dir:x', ZIDECAR_ADVERTISE: '127.0.0.1' }).warnings, []);
    deepEqual(load({ ...orders, ZIDECAR_OUTBOUND: 'off' }).warnings, []);
  });
});

describe('what follows from the surroundings', () => {
  it('is told with where it came from', () => {
    const { entries } = load({ ...orders, POD_IP: '10.0.0.9', XDG_STATE_HOME: '/home/u/.state', ZIDECAR_DIALECT: 'spring' });
    deepEqual(
      (['advertise', 'dataDir', 'snapshot', 'drainWait'] as const).map((key) => [entries[key].text, entries[key].origin.name]),
      [
        ['10.0.0.9', 'POD_IP'],
        ['/home/u/.state/zidecar', 'XDG_STATE_HOME'],
        ['/home/u/.state/zidecar/snapshot-orders.json', 'ZIDECAR_DATA_DIR'],
        ['40s', 'ZIDECAR_DIALECT'],
      ],
    );
  });

  it('gives way to what was set', () => {
    const config = load({
      ...orders,
      POD_IP: '10.0.0.9',
      ZIDECAR_ADVERTISE: 'h',
      ZIDECAR_DRAIN_WAIT: 'off',
      ZIDECAR_SNAPSHOT: 'off',
    });
    deepEqual([config.advertise, config.drainWait, config.snapshot], [{ host: 'h' }, 0, undefined]);
  });

  it('is left alone when it is no use', () => {
    const config = load({ ...orders, POD_IP: 'pending', POD_NAME: 'a/b', POD_UID: '1', ZIDECAR_DATA_DIR: 'off' });
    deepEqual([config.advertise, config.instanceId, config.snapshot], [undefined, undefined, undefined]);
  });
});
