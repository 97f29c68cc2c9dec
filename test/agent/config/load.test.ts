import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commands } from '../../../agent/commands.js';
import { loadSettings } from '../../../agent/config/load.js';
import type { Texts } from '../../../agent/config/layers.js';
import { envName, flagName, keys, schema, type Key } from '../../../agent/config/schema.js';
import { load, orders, problems, refusal, zk } from '../../support/load-config.js';

describe('the smallest start', () => {
  const config = load({ ...orders, POD_IP: '10.1.2.3', POD_NAME: 'orders-7f', POD_UID: '12345678-9abc' });

  it('announces the app in the default dialect', () => {
    deepEqual(config.announcements, [
      {
        service: 'orders',
        appHost: '127.0.0.1',
        appPort: 8080,
        probes: [{ kind: 'http', url: 'http://127.0.0.1:8080/healthz' }],
        dialect: 'curator',
        path: '/services/orders',
        weight: 1,
        meta: {},
        instanceId: 'orders-7f-12345678',
        advertise: { host: '10.1.2.3' },
      },
    ]);
  });

  it('lets any peer be called', () => {
    deepEqual(config.upstreams, { closed: false, named: [] });
    deepEqual(config.sourcesOf('users'), [{ dialect: 'curator', path: '/services/users' }]);
  });

  it('has the defaults that users are promised', () => {
    const { sessionTimeout, outbound, requestTimeout, maxHead, drainWait, grace, domain, snapshot } = config;
    deepEqual([sessionTimeout, requestTimeout, maxHead, drainWait, grace, domain], [30_000, 60_000, 32_768, 5_000, 25_000, 'zk']);
    equal(snapshot, '/var/lib/zidecar/snapshot-orders.json');
    deepEqual(outbound, [
      { kind: 'tcp', host: '127.0.0.1', port: 6140 },
      { kind: 'tcp', host: '::1', port: 6140 },
    ]);
  });

  it('cannot be changed, however deep', () => {
    throws(() => ((config as { weight: number }).weight = 2), TypeError);
    throws(() => (config.announcements as unknown[]).push(1), TypeError);
    throws(() => ((config.outbound[0] as { host: string }).host = 'x'), TypeError);
  });
});

describe('a value', () => {
  it('of a flag wins over the environment, that over the file, and that over the default', () => {
    const yaml = 'weight: 3\nzone: file\nprobeRise: 7';
    const config = load({ ...zk, ZIDECAR_WEIGHT: '4', ZIDECAR_ZONE: 'env' }, yaml, { weight: '5' });
    deepEqual([config.weight, config.zone, config.probeRise, config.probeFall], [5, 'env', 7, 3]);
    deepEqual(
      (['weight', 'zone', 'probeRise', 'probeFall'] as const).map((key) => config.entries[key].origin),
      [
        { from: 'flag', name: '--weight' },
        { from: 'env', name: 'ZIDECAR_ZONE' },
        { from: 'file', name: 'z.yaml' },
        { from: 'default', name: 'default' },
      ],
    );
  });

  it('that is empty counts as not set', () => {
    const config = load({ ...zk, ZIDECAR_ZONE: '', ZIDECAR_WEIGHT: '' }, 'zone: a\nweight:', { zone: '' });
    deepEqual([config.zone, config.weight], ['a', 1]);
  });

  it('of a timeout is undefined when it is off', () => {
    const off = keys.filter((key) => key.endsWith('Timeout') && key !== 'sessionTimeout');
    const config = load({ ...zk, ...Object.fromEntries(off.map((key) => [envName(key), 'off'])) });
    for (const key of off) equal(config[key as 'bodyTimeout'], undefined, key);
  });

  it('of a file is the text that was written', () => {
    const config = load({}, 'zookeeper: zk:2181\nservice: 007\nappPort: 0x50\n'.replace('0x50', '8080'));
    equal(config.service, '007');
  });
});

/** One wrong value for each setting. */
const wrong: Readonly<Record<Key, string>> = {
  ...{ config: '/no/such/file.yaml', zookeeper: 'zk', sessionTimeout: '30', dialect: 'eureka', registryPath: 'services' },
  force: 'yes',
  ...{
    zookeeperClient: 'java',
    zookeeperTlsCa: 'x'.repeat(5000),
    zookeeperTlsCert: 'x'.repeat(5000),
    zookeeperTlsKey: 'x'.repeat(5000),
    zookeeperAuth: 'user:secret',
    zookeeperAcl: 'all',
  },
  ...{
    service: 'a/b',
    appPort: '0',
    appHost: 'a b',
    advertise: '0.0.0.0',
    instanceId: 'a/b',
    weight: '-1',
    zone: 'a b',
    meta: 'x',
    additionalEndpoints: 'admin',
    pathEncoding: 'yes',
  },
  ...{
    probe: 'grpc',
    probeInterval: '5',
    probeTimeout: '1',
    probeRise: '0',
    probeFall: 'three',
    upstreams: 'a@b',
    doubtful: 'maybe',
    seed: 'orders',
    domain: '.zk',
  },
  ...{
    policy: 'fastest',
    hashKey: 'cookie:',
    hashLoad: '90',
    slowStart: '30',
    zoneAware: 'yes',
    subset: 'canary',
    subsetFallback: 'all',
  },
  ...{ split: 'version=canary', retries: '11', retryBudget: '20%', outbound: '6140', admin: ':6190', health: '::1:6191' },
  ...{ retryOn: 'connect,sometimes', retryIdempotencyKey: 'yes', hedge: 'p99' },
  ...{ circuitFailures: '0', circuitFailureRate: '50%', circuitSlowCall: '2', circuitSlowRate: '0' },
  ...{ outlier: 'yes', outlierFailures: '0', outlierInterval: '10', outlierTime: '6m', outlierMax: '101', panic: '-1' },
  ...{ maxConnections: '0', maxPending: 'off', maxRequests: '1e3' },
  ...{ check: 'http:health', checkInterval: '0s', checkTimeout: '1', checkRise: '0', checkFall: '0', shadow: 'circuits' },
  ...{ connectTimeout: '1', requestTimeout: '60', responseTimeout: 'never', headerTimeout: '25h', bodyTimeout: '-1s' },
  ...{
    tunnelIdleTimeout: '1d',
    clientIdleTimeout: '1 h',
    idleTimeout: '4.5s',
    maxHead: '32KB',
    maxFields: '0',
    forwarded: 'drop',
    metricsEndpoints: 'some',
  },
  ...{ fastLane: 'true', dataDir: 'x'.repeat(5000), snapshot: 'x'.repeat(5000), startWait: '5', drainWait: '5', grace: '25' },
  ...{ logLevel: 'verbose', logFormat: 'text', accessLog: 'yes' },
};

/** The value as it may be shown. */
const shown = (where: string, key: Key): string =>
  schema[key].secret ? `${where} (hidden)` : `${where}${where.includes(': ') ? ': ' : '='}"${wrong[key].slice(0, 79)}`;

describe('a wrong value', () => {
  for (const key of keys.filter((one) => one !== 'config')) {
    it(`of ${envName(key)} is one problem, which names the setting, the value and what is accepted`, () => {
      const said = problems({ ...orders, [envName(key)]: wrong[key] });
      equal(said.length, 1, said.join('\n'));
      ok(said[0]!.startsWith(shown(envName(key), key)), said[0]);
      ok(said[0]!.endsWith(`; accepted: ${schema[key].grammar.accepts}`), said[0]);
    });

    it(`of --${flagName(key)} is told as a flag, and of the file with its path`, () => {
      ok(problems(orders, undefined, { [key]: wrong[key] })[0]!.startsWith(shown(`--${flagName(key)}`, key)));
      const env: Texts = { ...orders, [envName(key)]: undefined };
      ok(problems(env, `${key}: ${JSON.stringify(wrong[key])}`)[0]!.startsWith(shown(`z.yaml: ${key}`, key)));
    });
  }

  it('of every setting at once is as many problems', () => {
    const env = Object.fromEntries(Object.entries({ ...wrong, config: '' }).map(([key, text]) => [envName(key), text]));
    equal(problems(env).length, keys.length - 1);
  });

  it('has an example that reads well', () => {
    deepEqual(problems({ ...zk, ZIDECAR_PROBE_INTERVAL: '5', ZIDECAR_POLICY: 'fastest' }), [
      'ZIDECAR_PROBE_INTERVAL="5" has no unit; accepted: a duration from 10ms to 1h, in ms, s, m, h',
      'ZIDECAR_POLICY="fastest" is not known; accepted: one of weighted_round_robin, round_robin, least_request, peak_ewma, random, ring_hash, maglev',
    ]);
  });

  it('cannot hide, steer a terminal or fill a screen', () => {
    const [said] = problems({ ...zk, ZIDECAR_ZONE: `\u001b[2J\n\u202e${'x'.repeat(10_000)}` });
    ok(said!.startsWith('ZIDECAR_ZONE="\\u001b[2J\\u000a\\u202exxx'));
    ok(said!.length < 300);
  });
});

describe('what is missing', () => {
  it('is the registry, and how to name it', () => {
    deepEqual(problems({}), [`ZIDECAR_ZOOKEEPER (or --zookeeper) is required; accepted: ${schema.zookeeper.grammar.accepts}`]);
  });

  it('is the port of a service', () => {
    deepEqual(problems({ ...zk, ZIDECAR_SERVICE: 'orders' }), [
      'ZIDECAR_SERVICE="orders" needs ZIDECAR_APP_PORT (or --app-port), the port that the app listens on; accepted: a whole number from 1 to 65535',
    ]);
  });

  it('is not told of when it may be in a file that cannot be read', () => {
    equal(problems({ ZIDECAR_SERVICE: 'orders' }, '{').length, 1);
  });
});

describe('a command that needs a few settings', () => {
  it('is not stopped by what is wrong elsewhere', () => {
    const env = { ZIDECAR_PROBE: 'grpc', ZIDECAR_WEIGHTT: '1', ZIDECAR_ADMIN: '127.0.0.1:1' };
    deepEqual(loadSettings({ env }, ['admin']), {
      admin: [{ kind: 'tcp', host: '127.0.0.1', port: 1 }],
      warnings: ['ZIDECAR_WEIGHTT is not a setting; the nearest is ZIDECAR_WEIGHT'],
    });
  });

  it('does not miss a login that it does not know of', () => {
    const env = { ZIDECAR_ZOOKEEPER_CLIENT: 'wire', ZIDECAR_ZOOKEEPER_ACL: 'owner' };
    equal(loadSettings({ env }, ['zookeeperClient', 'zookeeperAcl']).zookeeperAcl, 'owner');
    const asked = refusal(() => loadSettings({ env }, ['zookeeperClient', 'zookeeperAcl', 'zookeeperAuth', 'zookeeperTlsCert']));
    equal(asked.problems.length, 1);
  });

  it('is stopped by what is wrong with those', () => {
    equal(refusal(() => loadSettings({ env: { ZIDECAR_ADMIN: 'x' } }, ['admin'])).problems.length, 1);
    equal(refusal(() => loadSettings({ env: {} }, ['zookeeper', 'dialect'])).problems.length, 1);
  });
});

describe('the files of TLS', () => {
  const tls = { ZIDECAR_ZOOKEEPER: 'zk:2181', ZIDECAR_ZOOKEEPER_CLIENT: 'wire' };
  const wrong = (ca: string): readonly string[] => problems({ ...tls, ZIDECAR_ZOOKEEPER_TLS_CA: ca });

  it('are read at the start, and refused where no connection could be made with them', () => {
    deepEqual(wrong('/no/such/ca.pem'), ['ZIDECAR_ZOOKEEPER_TLS_CA="/no/such/ca.pem" cannot be read: there is no such file']);
    deepEqual(wrong('package.json'), [
      'ZIDECAR_ZOOKEEPER_TLS_CA="package.json" has no certificate in it; accepted: a file in PEM',
    ]);
    equal(load({ ...tls, ZIDECAR_ZOOKEEPER_TLS_CA: 'public' }).zookeeperTlsCa, 'public');
  });

  it('are refused to a command that asks the registry by itself', () => {
    throws(
      () => loadSettings({ env: { ...tls, ZIDECAR_ZOOKEEPER_TLS_CA: '/no/ca.pem' } }, commands.services.settings),
      /ZIDECAR_ZOOKEEPER_TLS_CA="\/no\/ca\.pem" cannot be read: there is no such file/,
    );
  });
});

describe('the registry path that nobody has set', () => {
  it('is shown as that of the dialect', () => {
    const { entries, registryPath } = load({ ...zk, ZIDECAR_DIALECT: 'dubbo' });
    deepEqual([entries.registryPath.text, registryPath], ['/dubbo/{service}/providers', undefined]);
  });
});
