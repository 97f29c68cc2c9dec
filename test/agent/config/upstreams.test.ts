import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { schema } from '../../../agent/config/schema.js';
import { load, problems, zk } from '../../support/load-config.js';

describe('peers', () => {
  const yaml = `
zookeeper: zk:2181
retries: 2
upstreams:
  orders: {policy: random, requestTimeout: off}
  users: {port: 7001, sources: [spring, "curator:/old/{service}"]}
`;

  it('named in the file close the list', () => {
    const { upstreams } = load({}, yaml);
    equal(upstreams.closed, true);
    deepEqual(upstreams.named[1], {
      name: 'users',
      sources: [
        { dialect: 'spring', path: '/services/users' },
        { dialect: 'curator', path: '/old/users' },
      ],
      listen: [
        { kind: 'tcp', host: '127.0.0.1', port: 7001 },
        { kind: 'tcp', host: '::1', port: 7001 },
      ],
      tcp: false,
    });
    equal(load({}, `${yaml}  "*":\n`).upstreams.closed, false);
  });

  it('named in the environment replace that list, and keep what the file says of them', () => {
    const config = load({ ZIDECAR_UPSTREAMS: 'users@7002,*', ZIDECAR_OUTBOUND: 'off' }, yaml);
    equal(config.upstreams.closed, false);
    deepEqual(
      config.upstreams.named.map(({ name, sources, listen }) => [name, sources.length, listen]),
      [['users', 2, [{ kind: 'tcp', host: '127.0.0.1', port: 7002 }]]],
    );
    equal(config.settingsOf('orders').policy, 'random');
    deepEqual(load({ ZIDECAR_UPSTREAMS: 'users' }, yaml).warnings, [
      'the file has settings for orders, which ZIDECAR_UPSTREAMS does not name',
    ]);
  });

  it('have settings of their own over those of the process', () => {
    const config = load({}, yaml);
    const { policy, requestTimeout, retries } = config.settingsOf('orders');
    deepEqual([policy, requestTimeout, retries], ['random', undefined, 2]);
    deepEqual([config.settingsOf('x').policy, config.settingsOf('x').requestTimeout], ['weighted_round_robin', 60_000]);
    deepEqual(config.overridesOf('orders'), ['policy random', 'requestTimeout off']);
  });

  it('of plain TCP are chosen by the calls they carry, unless somebody has said how', () => {
    const policyOf = (env: Record<string, string>, file?: string): string =>
      load({ ...zk, ...env }, file).settingsOf('db').policy;
    const db = { ZIDECAR_UPSTREAMS: 'db@tcp:7002' };
    equal(policyOf(db), 'least_request');
    equal(policyOf({ ZIDECAR_UPSTREAMS: 'db@7002' }), 'weighted_round_robin');
    equal(policyOf({ ...db, ZIDECAR_POLICY: 'random' }), 'random');
    equal(policyOf({}, 'upstreams: { db: { port: "tcp:7002", policy: round_robin } }'), 'round_robin');
    deepEqual(
      load({ ...zk, ...db }).upstreams.named.map(({ tcp, listen }) => [tcp, listen.length]),
      [[true, 2]],
    );
  });

  it('as a text in the file are read as in the variable', () => {
    deepEqual(
      load(zk, 'upstreams: [orders, users@7001]').upstreams.named.map(({ name }) => name),
      ['orders', 'users'],
    );
  });

  for (const [map, expected] of [
    ['{a/b: {}}', `z.yaml: upstreams.a/b has "/" in it; accepted: ${schema.service.grammar.accepts}`],
    ['{a: random}', 'z.yaml: upstreams.a is not a map, such as {policy: least_request}'],
    ['{"*": {policy: random}}', 'z.yaml: upstreams.*: settings for every peer stand on the top level of the file, not here'],
    ['{a: {maxHead: 1KiB}}', 'z.yaml: upstreams.a.maxHead: holds for all peers or none; it stands on the top level of the file'],
    ['{a: {protocol: tcp}}', 'z.yaml: upstreams.a.protocol: plain TCP is said before the port: port: "tcp:7002"'],
    [
      '{a: {path: /x}}',
      'z.yaml: upstreams.a.path: belongs to a source: sources: [{ dialect: serverset, path: /aurora/www/prod/orders }]',
    ],
    ['{a: {retries: -1}}', 'z.yaml: upstreams.a.retries: "-1" is less than 0; accepted: a whole number from 0 to 10'],
  ] as const) {
    it(`refuse ${map}`, () => deepEqual(problems(zk, `upstreams: ${map}`), [expected]));
  }

  it('need a registry path with {service} where one is used', () => {
    const fixed = { ...zk, ZIDECAR_REGISTRY_PATH: '/x' };
    deepEqual(problems(fixed), [
      'ZIDECAR_REGISTRY_PATH="/x" lacks {service}, so that all services would share a folder; accepted: ' +
        schema.registryPath.grammar.accepts,
    ]);
    deepEqual(load({ ...fixed, ZIDECAR_UPSTREAMS: 'a=curator:/full/a' }).sourcesOf('a'), [
      { dialect: 'curator', path: '/full/a' },
    ]);
  });
});
