import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adopt, type Adopted } from '../../../agent/config/adopt.js';
import type { Config } from '../../../agent/config/load.js';
import { keys, schema, upstreamKeys } from '../../../agent/config/schema.js';
import { load, orders } from '../../support/load-config.js';

const change = (started: Config, read: Config): Adopted => adopt(started, read, started);
const after = (before: string, now: string): Adopted => change(load(orders, before), load(orders, now));
const told = ({ changed, needsRestart }: Adopted): readonly (readonly string[])[] => [changed, needsRestart];

describe('settings that were read again', () => {
  it('change nothing when they are the same', () => {
    const yaml = 'retries: 2\nlogLevel: debug\nupstreams: { users: { policy: random } }';
    deepEqual(told(after(yaml, yaml)), [[], []]);
  });

  it('can change for every peer and for one', () => {
    const now = after('upstreams: { users: { retries: 2 } }', 'retries: 3\nupstreams: { users: { retries: 4, policy: random } }');
    deepEqual(told(now), [['ZIDECAR_RETRIES 1 -> 3', 'upstreams.users: retries 2 -> policy random, retries 4'], []]);
    const { config } = now;
    deepEqual(
      [config.settingsOf('users').retries, config.settingsOf('x').retries, config.settingsOf('users').policy],
      [4, 3, 'random'],
    );
    deepEqual([config.retries, config.entries.retries.text], [3, '3']);
  });

  it('can be any of a peer, and of the process the weight, the logs and who is named', () => {
    const can = keys.filter((key) => schema[key].reloadable);
    deepEqual(
      can.filter((key) => !(upstreamKeys as readonly string[]).includes(key)),
      ['weight', 'upstreams', 'logLevel', 'accessLog'],
    );
  });

  it('stay as they were where they need a restart, and are told by name', () => {
    const now = after('outbound: 127.0.0.1:7000', 'outbound: 127.0.0.1:7001\nprobeInterval: 1s\nlogLevel: warn');
    deepEqual(told(now), [
      ['ZIDECAR_LOG_LEVEL info -> warn'],
      ['ZIDECAR_PROBE_INTERVAL 5s -> 1s', 'ZIDECAR_OUTBOUND 127.0.0.1:7000 -> 127.0.0.1:7001'],
    ]);
    deepEqual(
      [now.config.probeInterval, now.config.entries.outbound.text, now.config.entries.logLevel.text, now.config.logLevel],
      [5_000, '127.0.0.1:7000', 'warn', 'warn'],
    );
    deepEqual(told(change(now.config, load(orders, 'outbound: 127.0.0.1:7000\nlogLevel: warn'))), [[], []]);
  });

  it('of one peer change all of them, but for its port and the places of its list', () => {
    const started = load(orders, 'upstreams: { users: { checkRise: 4 }, gone: { doubtful: refuse }, moved: }');
    const read = load(
      orders,
      'upstreams: { users: { check: "http:/healthz", checkRise: 4 }, gone: , moved: { port: 7001, retries: 2, sources: [spring] } }',
    );
    const first = change(started, read);
    deepEqual(told(first), [
      [
        'upstreams.users: checkRise 4 -> check http:/healthz, checkRise 4',
        'upstreams.gone: doubtful refuse -> nothing of its own',
        'upstreams.moved: nothing of its own -> retries 2',
      ],
      ['the port or the sources of upstreams.moved'],
    ]);
    deepEqual(first.config.settingsOf('users').check, { kind: 'http', path: '/healthz' });
    equal(first.config.settingsOf('gone').doubtful, 'connect');
    deepEqual(told(adopt(first.config, started, started))[1], []);
    for (const key of upstreamKeys) equal(schema[key].reloadable, true, key);
  });

  it('never tell a secret', () => {
    const read = (password: string) =>
      load({ ...orders, ZIDECAR_ZOOKEEPER_CLIENT: 'wire' }, `zookeeperAuth: digest:me:${password}`);
    deepEqual(told(change(read('one'), read('two'))), [[], ['ZIDECAR_ZOOKEEPER_AUTH (hidden) -> (hidden)']]);
  });

  it('change the weight of a row, and no other thing of it', () => {
    const rows = (first: string, more = '') => `announce:\n  - { service: a, port: 80, ${first} }\n${more}`;
    const env = { ZIDECAR_ZOOKEEPER: 'zk:2181' };
    const weigh = (before: string, now: string): Adopted => change(load(env, before), load(env, now));
    const { config, ...weighed } = weigh(rows('weight: 2'), rows('weight: 5'));
    deepEqual([weighed.changed, weighed.needsRestart, config.announcements[0]!.weight], [['weight of a 2 -> 5'], [], 5]);
    const moved = weigh(rows('weight: 2'), rows('zone: x', '  - { service: b, port: 81 }'));
    deepEqual(told(moved), [
      ['weight of a 2 -> 1'],
      ['the announcement of a in /services/a (curator)', 'b in /services/b (curator) is announced'],
    ]);
    equal(moved.config.announcements.length, 1);
    const gone = weigh(rows('weight: 2'), 'upstreams: { u: }');
    deepEqual(
      [gone.needsRestart.at(-1), gone.config.announcements.length],
      ['a in /services/a (curator) is announced no more', 1],
    );
  });

  it('leave the place of every list as it was, be its peer named already, named now, or not at all', () => {
    const { config } = after(
      'registryPath: /a/{service}\nupstreams: { known: , "*": }',
      'registryPath: /b/{service}\nupstreams: { known: , named: , placed: { sources: "curator:/c/{service}" }, "*": }',
    );
    deepEqual(
      ['known', 'named', 'placed', 'other'].map((name) => config.sourcesOf(name)[0]!.path),
      ['/a/known', '/a/named', '/c/placed', '/a/other'],
    );
    deepEqual(
      config.upstreams.named.map(({ sources }) => sources[0]!.path),
      ['/a/known', '/a/named', '/c/placed'],
    );
  });

  it('rest on the start and on what was read last, however often they were read', () => {
    const started = load(orders, 'retries: 1');
    const gone = (): never => {
      throw new Error('a configuration of the past was asked');
    };
    const past: Config = { ...change(started, load(orders, 'retries: 2')).config, sourcesOf: gone, settingsOf: gone };
    const { config } = adopt(past, load(orders, 'retries: 3'), started);
    deepEqual([config.settingsOf('x').retries, config.sourcesOf('x').length], [3, 1]);
  });

  it('name peers, without their ports', () => {
    const now = after('upstreams: { a: , b: { port: 7001 } }', 'upstreams: { a: { port: 7002 }, c: { port: 7003 }, d: , "*": }');
    deepEqual(told(now), [
      ['c is a named peer', 'd is a named peer', 'b is no named peer any more', 'ZIDECAR_UPSTREAMS is open'],
      ['the port or the sources of upstreams.a', 'the port of upstreams.c', 'the port of upstreams.b'],
    ]);
    deepEqual(
      now.config.upstreams.named.map(({ name, listen }) => `${name} ${listen.length}`),
      ['a 0', 'c 0', 'd 0'],
    );
  });
});
