import { deepEqual } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { load, problems, zk } from '../../support/load-config.js';

const peer = (row: string, top = ''): readonly string[] =>
  load({}, `zookeeper: zk:2181\n${top}upstreams:\n  users: {${row}}\n`).warnings;

describe('a setting without effect', () => {
  for (const [row, warning] of [
    [
      "hashKey: 'header:x'",
      'hashKey has no effect: the policy is weighted_round_robin, which goes by no key; set policy to maglev or ring_hash',
    ],
    [
      'split: {version: {canary: 5}}, subset: {zone: a}',
      'split has no effect: all calls are held to subset, and a call that asks for labels is not split; leave one of the two out',
    ],
    [
      'hedge: 2s, responseTimeout: 2s',
      'hedge has no effect: an attempt has ended by then; let it be less than responseTimeout and requestTimeout, or p95',
    ],
    [
      'responseTimeout: 5s, requestTimeout: 2s',
      'responseTimeout has no effect: requestTimeout ends the whole call before; let the time of one attempt be less than that',
    ],
    [
      'circuitSlowCall: 2s, responseTimeout: 1s',
      'circuitSlowCall has no effect: no answer can take so long; let it be less than responseTimeout and requestTimeout',
    ],
    ['circuitSlowRate: 20', 'circuitSlowRate has no effect: no call counts as slow; set circuitSlowCall'],
    ['checkInterval: 1s', 'checkInterval has no effect: nobody is checked; set check to tcp or http:/path'],
    ['outlier: off, outlierMax: 10', 'outlierMax has no effect: nobody is ejected; set outlier to on'],
    [
      'retryOn: "connect,503", retries: 0',
      'retryOn has no effect: what may have arrived is sent again only for calls with x-zidecar-retries; set retries to 1 or more',
    ],
    [
      'retryOn: connect, retries: 2',
      'retries has no effect: what may have arrived is sent again after nothing; set retryOn to more than connect',
    ],
    [
      'retryOn: off, retries: 2',
      'retries has no effect: what may have arrived is sent again after nothing; set retryOn to more than connect',
    ],
    [
      'policy: round_robin, slowStart: 10s',
      'slowStart has no effect: the policy is round_robin, by which all get the same; set policy to another one',
    ],
    [
      'outlier: off, panic: 30',
      'panic has no effect: nobody is ejected or checked, so there is nothing to pardon; set outlier to on, or check',
    ],
    ['shadow: checks', 'shadow has no effect: what it names is off; set outlier or check'],
    ['shadow: [outlier, checks], outlier: off', 'shadow has no effect: what it names is off; set outlier or check'],
  ] as const)
    it(`of one peer is told, with what would make it count: ${row}`, () => deepEqual(peer(row), [`upstreams.users: ${warning}`]));

  it('for all peers is told by its own name, unless some peer makes it count', () => {
    const { warnings } = load({ ...zk, ZIDECAR_HASH_KEY: 'path', ZIDECAR_RETRIES: '0', ZIDECAR_RETRY_ON: 'connect,503' });
    deepEqual(warnings, [
      'ZIDECAR_HASH_KEY has no effect: the policy is weighted_round_robin, which goes by no key; set ZIDECAR_POLICY to maglev or ring_hash',
      'ZIDECAR_RETRY_ON has no effect: what may have arrived is sent again only for calls with x-zidecar-retries; set ZIDECAR_RETRIES to 1 or more',
    ]);
    deepEqual(peer('policy: maglev', 'hashKey: path\n'), []);
    deepEqual(peer('check: tcp', 'checkInterval: 1s\n'), []);
  });

  it('is not told of what works', () => {
    for (const row of [
      'policy: ring_hash, hashKey: source',
      'hedge: p95',
      'hedge: 1s, responseTimeout: 2s',
      'retries: 0',
      'checkInterval: 1s, check: "http:/health"',
      'split: {version: {canary: 5}}, subsetFallback: any',
      'requestTimeout: 2s',
      'retryOn: "503", retries: 2',
      'policy: round_robin, slowStart: off',
      'shadow: all, outlier: off',
      'shadow: "checks,outlier"',
      'outlier: off, check: tcp, panic: 30',
      'retries: 0, retryOn: "503"', // it keeps a refused connect from going elsewhere
    ])
      deepEqual(peer(row), [], row);
    deepEqual(peer('responseTimeout: off', 'responseTimeout: 2s\n'), []);
  });
});

describe('a split', () => {
  for (const [text, why] of [
    ['version=canary:105', 'is more than 100 percent'],
    ['version=canary:5,zone=a:3', 'has "zone=a:3", which names a label too, and calls are split by one'],
    ['version=canary', 'is not VALUE:PERCENT'],
    ['version=canary:60,stable:60', 'adds up to 120 percent'],
  ] as const)
    it(`says what is wrong with ${text}`, () => {
      const accepted = 'accepted: LABEL=VALUE:PERCENT,VALUE:PERCENT, at most 8 of them and a hundred percent';
      deepEqual(problems({ ...zk, ZIDECAR_SPLIT: text }), [`ZIDECAR_SPLIT="${text}" ${why}; ${accepted}`]);
    });
});

describe('a check', () => {
  it('takes a path, not a host', () => {
    const accepted = 'accepted: off, tcp, or http:/path on the instance, which passes with 200 to 399';
    deepEqual(problems({ ...zk, ZIDECAR_CHECK: 'http://foo/health' }), [
      `ZIDECAR_CHECK="http://foo/health" names a host, where each instance is asked itself: a path alone is meant; ${accepted}`,
    ]);
  });
});
