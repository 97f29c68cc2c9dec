/** lint's model of the readers of serversets, held to what was seen of Finagle's two: serverset2 (zk2!) and the one before it (zk!). */
import { equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readers, type Verdict } from '../../../../agent/registry/dialects/readers.js';
import { bytes } from './hostile.js';
import { stat } from './node.js';

const finagle = readers.find(({ name }) => name === 'Finagle')!;
const verdict = (value: unknown, name = 'member_0000000001'): Verdict =>
  finagle.read({ service: 'orders', name, data: bytes(typeof value === 'string' ? value : JSON.stringify(value)), stat: stat() });
const member = { serviceEndpoint: { host: 'h', port: 1 }, additionalEndpoints: {}, status: 'ALIVE' };

describe("lint's model of Finagle", () => {
  const members: readonly (readonly [string, unknown, Verdict['does'], RegExp])[] = [
    ['a plain one', {}, 'accepts', /^$/],
    ['no endpoint', { serviceEndpoint: null }, 'breaks', /^serviceEndpoint is null: hears of no change any more$/],
    ['no additional endpoints', { additionalEndpoints: undefined }, 'breaks', /additionalEndpoints is missing/],
    ['an additional endpoint of nothing', { additionalEndpoints: { http: null } }, 'breaks', /host missing/],
    ['a port as text', { serviceEndpoint: { host: 'h', port: '1' } }, 'ignores', /^port "1"$/],
    ['a port in words', { serviceEndpoint: { host: 'h', port: 'http' } }, 'breaks', /port "http"/],
    ['half a port', { serviceEndpoint: { host: 'h', port: 80.5 } }, 'breaks', /port 80\.5/],
    ['a port beyond all', { serviceEndpoint: { host: 'h', port: 70_000 } }, 'breaks', /port 70000: .* of any service/],
    ['a port below all', { serviceEndpoint: { host: 'h', port: -1 } }, 'breaks', /port -1: .* of any service/],
    ['no host', { serviceEndpoint: { port: 1 } }, 'breaks', /host missing: .* of any service/],
    ['a number as host', { serviceEndpoint: { host: 9, port: 1 } }, 'ignores', /^host 9$/],
    ['an object as host', { serviceEndpoint: { host: {}, port: 1 } }, 'breaks', /host an object/],
    ['one that starts', { status: 'STARTING' }, 'ignores', /STARTING/],
    ['no status', { status: undefined }, 'ignores', /status missing/],
    ['an object as status', { status: {} }, 'breaks', /status an object/],
    ['a shard as text', { shard: '3' }, 'accepts', /^$/],
    ['a shard in words', { shard: 'x' }, 'breaks', /shard "x"/],
    ['half a shard', { shard: 1.5 }, 'breaks', /shard 1\.5/],
    ['a shard of more than 32 bits', { shard: 1e12 }, 'breaks', /shard 1000000000000/],
    ['a number in its metadata', { metadata: { a: 1, b: null } }, 'accepts', /^$/],
    ['an object in its metadata', { metadata: { a: {} } }, 'breaks', /metadata\.a is an object/],
    ['a list as metadata', { metadata: ['a'] }, 'breaks', /metadata is a list/],
    [
      'ten entries of metadata',
      { metadata: Object.fromEntries(Array.from({ length: 10 }, (_, key) => [key, 'v'])) },
      'accepts',
      /^$/,
    ],
    [
      'eleven',
      { metadata: Object.fromEntries(Array.from({ length: 11 }, (_, key) => [key, 'v'])) },
      'breaks',
      /11 entries .* even when it has gone/,
    ],
  ];
  for (const [what, changes, does, why] of members)
    it(`${does} ${what}`, () => {
      const said = verdict({ ...member, ...(changes as object) });
      equal(said.does, does);
      match(said.why, why);
    });

  const nodes: readonly (readonly [string, string, unknown, Verdict['does'], RegExp])[] = [
    ['a name without a number', 'member_x', member, 'breaks', /Python/],
    ['no data', 'member_1', '', 'breaks', /no data/],
    ['no JSON', 'member_1', 'hello', 'breaks', /hello/],
    ['null', 'member_1', 'null', 'breaks', /null/],
    ['another name', 'other', '', 'ignores', /member_/],
    ['an integer as weight', 'vector_1', '{"vector":[{"select":"shard=1","weight":2}]}', 'ignores', /2\.0/],
    ['a fraction as weight', 'vector_1', '{"vector":[{"select":"shard=1","weight":2.0}]}', 'accepts', /weighs/],
    ['a vector that is no JSON', 'vector_1', 'hello', 'ignores', /hello/],
    ['a vector that is null', 'vector_1', 'null', 'breaks', /null: hears of no change/],
  ];
  for (const [what, name, value, does, why] of nodes)
    it(`${does} ${what}`, () => {
      const said = verdict(value, name);
      equal(said.does, does);
      match(said.why, why);
    });
});
