import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { elapsed } from '../../agent/elapsed.js';
import type { Fact } from '../../agent/events.js';
import { isTransition, levelOf, tell } from '../../agent/sentences.js';

const upstream = 'orders';
const endpoint = '10.1.2.3:8080';
const service = 'orders';
const path = '/services/orders/a';

/** Every kind of fact at least once: `fact -> level, sentence`. */
const table: readonly (readonly [Fact, string, string])[] = [
  [
    { kind: 'circuit_opened', upstream, endpoint, why: '5 connects refused', forMs: 1_150 },
    'info',
    'orders: circuit of 10.1.2.3:8080 open for 1.1 s: 5 connects refused',
  ],
  [{ kind: 'circuit_half_opened', upstream, endpoint }, 'info', 'orders: circuit of 10.1.2.3:8080 half-open, one trial may go'],
  [{ kind: 'circuit_closed', upstream, endpoint }, 'info', 'orders: circuit of 10.1.2.3:8080 closed'],
  [
    { kind: 'circuit_opened', upstream, endpoint, why: '5 connects refused', forMs: 1_150, shadow: true },
    'info',
    'orders: would have opened the circuit of 10.1.2.3:8080 for 1.1 s: 5 connects refused',
  ],
  [
    { kind: 'endpoint_ejected', upstream, endpoint, why: '5 answers of 503 in a row', forMs: 60_000, times: 2 },
    'info',
    'orders: 10.1.2.3:8080 ejected for 1 min: 5 answers of 503 in a row, 2 times lately',
  ],
  [
    { kind: 'ejection_withheld', upstream, endpoint, why: '5 answers of 503 in a row, but the last one is never ejected' },
    'info',
    'orders: 10.1.2.3:8080 in use all the same: 5 answers of 503 in a row, but the last one is never ejected',
  ],
  [
    { kind: 'endpoint_readmitted', upstream, endpoint, why: 'its time is over', shadow: true },
    'info',
    'orders: 10.1.2.3:8080 would be readmitted: its time is over',
  ],
  [
    { kind: 'endpoint_ill', upstream, endpoint, why: 'status 503' },
    'info',
    'orders: 10.1.2.3:8080 out by its checks: status 503',
  ],
  [{ kind: 'endpoint_well', upstream, endpoint }, 'info', 'orders: 10.1.2.3:8080 in again by its checks'],
  [
    { kind: 'panic_began', upstream, well: 1, total: 3 },
    'warn',
    'orders: panic, 1 of 3 are well: ejections and checks are pardoned until more are',
  ],
  [{ kind: 'panic_ended', upstream, well: 2, total: 3 }, 'info', 'orders: panic is over, 2 of 3 are well'],
  [
    { kind: 'panic_ended', upstream, subset: 'version=canary', well: 2, total: 3 },
    'info',
    'orders, version=canary: panic is over, 2 of 3 are well',
  ],
  [
    { kind: 'panic_ended', upstream, subset: 'version=canary', well: 0, total: 2, why: 'the subset is forgotten for others' },
    'info',
    'orders, version=canary: panic is over, 0 of 2 are well: the subset is forgotten for others',
  ],
  [
    { kind: 'limit_reached', upstream, limit: 'pending', most: 1024 },
    'warn',
    'orders: the limit of 1024 pending is reached, calls are refused (overflow)',
  ],
  ...(
    [
      [0, 'no list is taken from /data/s.json: 1 of its services are broken'],
      [2, 'not every list is taken from /data/s.json: 1 of its services are broken'],
    ] as const
  ).map(
    ([taken, sentence]) =>
      [{ kind: 'snapshot_ignored', path: '/data/s.json', why: '1 of its services are broken', taken }, 'warn', sentence] as const,
  ),
  [{ kind: 'endpoints_changed', upstream, joined: 1, left: 0, total: 1 }, 'info', 'orders: 1 joined, 0 left, 1 endpoint now'],
  [
    { kind: 'weights_changed', upstream, changed: 1, none: false, total: 3 },
    'info',
    'orders: 1 of 3 endpoints has another weight',
  ],
  [
    { kind: 'weights_changed', upstream, changed: 2, none: true, total: 2 },
    'info',
    'orders: 2 of 2 endpoints have another weight, and none has one that is more than 0: no call is carried',
  ],
  [
    { kind: 'endpoint_refused', upstream, endpoint, why: 'it is our own listener' },
    'warn',
    'orders: 10.1.2.3:8080 gets no call: it is our own listener',
  ],
  [{ kind: 'retry_budget_exhausted', upstream }, 'warn', 'orders: the retry budget is spent, calls are not repeated for now'],
  [
    { kind: 'connections_refused', upstream, code: 'connect_refused', why: '10.1.2.3:8080 refused the connection' },
    'warn',
    'orders: connections are refused (connect_refused): 10.1.2.3:8080 refused the connection',
  ],
  [
    { kind: 'connection_ended', upstream, endpoint, code: 'cut', attempts: 2, ms: 3_000 },
    'info',
    'TCP orders cut after 3 s by 10.1.2.3:8080, 2 attempts',
  ],
  [{ kind: 'connection_ended', upstream, attempts: 1, ms: 3_000 }, 'info', 'TCP orders ended after 3 s'],
  [{ kind: 'attempt_ended', upstream, endpoint, result: 'reset', ms: 12.7 }, 'trace', 'orders: 10.1.2.3:8080 reset in 12 ms'],
  [
    {
      kind: 'call_ended',
      upstream,
      endpoint,
      method: 'GET',
      target: '/a?token=x',
      requestId: 'r',
      status: 200,
      attempts: 2,
      ms: 9,
    },
    'info',
    'GET orders /a?… 200 in 9 ms by 10.1.2.3:8080, 2 attempts',
  ],
  [
    {
      kind: 'call_ended',
      upstream,
      method: 'GET',
      target: '/',
      requestId: 'r',
      status: 503,
      code: 'all_open',
      attempts: 0,
      ms: 0.2,
    },
    'info',
    'GET orders / 503: all_open in 0 ms',
  ],
  [{ kind: 'probe_ended', service, probe: 'http', result: 'fail', why: 'refused' }, 'trace', 'orders: probe http fail: refused'],
  [{ kind: 'probe_ended', service, probe: 'http', result: 'pass' }, 'trace', 'orders: probe http pass'],
  [{ kind: 'verdict_changed', service, up: true, why: '2 passes' }, 'info', 'orders: the app is up: 2 passes'],
  [{ kind: 'probe_blind', service, why: 'no memory' }, 'warn', 'orders: nobody can tell how the app is: no memory'],
  [{ kind: 'probe_hint', service, hint: 'set ZIDECAR_PROBE=tcp' }, 'warn', 'orders: set ZIDECAR_PROBE=tcp'],
  [
    { kind: 'session_changed', state: 'connected', session: '0x1a', server: '10.0.0.1:2181' },
    'info',
    'session 0x1a connected at 10.0.0.1:2181',
  ],
  [{ kind: 'session_changed', state: 'connecting', session: '' }, 'info', 'session connecting'],
  [{ kind: 'session_trouble', why: 'auth refused' }, 'warn', 'auth refused'],
  [{ kind: 'registry_operation', op: 'create', result: 'ok', ms: 3 }, 'trace', 'registry: create ok in 3 ms'],
  [
    { kind: 'announced', service, path, zxid: '7', how: 'taken_over', weight: 1, drained: false },
    'info',
    `orders: announced at ${path}, taken over`,
  ],
  [
    { kind: 'announced', service, path, zxid: '7', how: 'rewritten', weight: 5, drained: false },
    'info',
    `orders: announced at ${path}, rewritten with weight 5`,
  ],
  [
    { kind: 'announced', service, path, zxid: '7', how: 'rewritten', weight: 5, drained: true },
    'info',
    `orders: announced at ${path}, rewritten and marked as drained`,
  ],
  [
    { kind: 'announce_failed', service, path, why: 'no_auth', isWithdrawal: false, againInMs: 1_000 },
    'warn',
    `orders: not announced at ${path}, again in 1 s: no_auth`,
  ],
  [
    { kind: 'announcement_lost', service, path, by: 'removed', why: 'deleted' },
    'warn',
    `orders: our node ${path} is lost: deleted`,
  ],
  [{ kind: 'withdrawn', service, path, why: 'drained' }, 'info', `orders: withdrawn from ${path}: drained`],
  [
    { kind: 'withdrawal_spread', servers: 3, behind: '', ms: 12 },
    'info',
    'all 3 servers that could be asked know of it, after 12 ms',
  ],
  [
    { kind: 'withdrawal_spread', servers: 3, behind: 'zk3:2181', ms: 2_000 },
    'info',
    'zk3:2181 did not know of it after 2 s: who reads there may call us for a little longer',
  ],
  [
    { kind: 'znode_ignored', service: 'orders', path, reason: 'bad_port', detail: 'port "x"' },
    'warn',
    `node ${path} ignored (bad_port): port "x"`,
  ],
  [
    { kind: 'list_changed', path: '/services/orders', joined: 2, left: 1, total: 3, tookMs: 4 },
    'info',
    '/services/orders: 2 joined, 1 left, 3 instances now',
  ],
  [{ kind: 'bound_reached', bound: 'names', limit: 256, detail: 'x' }, 'warn', 'the bound of 256 names is reached: x'],
  [{ kind: 'name_unresolved', host: 'db', why: 'ENOTFOUND' }, 'warn', 'the name db does not resolve: ENOTFOUND'],
  [{ kind: 'phase_changed', phase: 'ready', why: 'every listener is open' }, 'info', 'ready: every listener is open'],
  [{ kind: 'listening', what: 'admin', at: '127.0.0.1:6190' }, 'info', 'admin listens on 127.0.0.1:6190'],
  [{ kind: 'listening', what: 'upstream', at: '127.0.0.1:7001', upstream }, 'info', 'orders listens on 127.0.0.1:7001'],
  [{ kind: 'child_started', command: 'node app.js', pid: 7 }, 'info', 'started node app.js as process 7'],
  [{ kind: 'child_ended', code: 1 }, 'info', 'the app has ended with code 1'],
  [{ kind: 'child_ended', code: 137, signal: 'SIGKILL' }, 'info', 'the app has ended with SIGKILL'],
  [{ kind: 'announcement_contested', service, path, why: 'held by another' }, 'warn', 'orders: held by another'],
  [
    { kind: 'left_out', of: 'znode_ignored', about: 'orders', count: 4_988 },
    'warn',
    'orders: and 4,988 more nodes ignored: zidecar services orders',
  ],
  [{ kind: 'warned', why: 'careful' }, 'warn', 'careful'],
];

describe('sentences', () => {
  for (const [fact, level, sentence] of table)
    it(`says "${sentence}" at ${level}`, () => {
      const told = tell(fact);
      deepEqual([told.level, told.message], [level, sentence]);
      equal(levelOf(fact.kind), level);
    });

  it('counts transitions and warnings among the events, but neither steps nor calls', () => {
    const told = table.filter(([fact]) => isTransition(fact.kind)).map(([fact]) => fact.kind);
    for (const kind of ['circuit_opened', 'announced', 'znode_ignored', 'warned'] as const) ok(told.includes(kind), kind);
    for (const kind of ['attempt_ended', 'probe_ended', 'registry_operation', 'call_ended'] as const)
      ok(!told.includes(kind), kind);
  });

  it('cleans every text of a fact, in the sentence and in its fields', () => {
    const { message, fact } = tell({
      kind: 'znode_ignored',
      service: 'orders',
      path: '/a\nb\u001b[2J',
      reason: 'not_json',
      detail: '\u202eevil\u0085',
    });
    ok(!/[\p{Cc}\p{Cf}]/u.test(message + JSON.stringify(fact)), message);
  });

  it('never lets one text of others fill the line', () => {
    const { message } = tell({
      kind: 'znode_ignored',
      service: 'orders',
      path: 'p'.repeat(100_000),
      reason: 'not_json',
      detail: 'd'.repeat(100_000),
    });
    ok(message.length < 1_200, String(message.length));
  });

  it('hides what follows the question mark of a target, in the fields too', () => {
    const { fact } = tell({
      kind: 'call_ended',
      upstream,
      method: 'GET',
      target: '/a?token=x',
      requestId: 'r',
      status: 200,
      attempts: 1,
      ms: 1,
    });
    ok(!JSON.stringify(fact).includes('token'));
  });
});

describe('elapsed', () => {
  const spans: readonly (readonly [number, string])[] = [
    [-5, '0 ms'],
    [0.4, '0 ms'],
    [999, '999 ms'],
    [1_000, '1 s'],
    [1_999, '1.9 s'],
    [12_345, '12 s'],
    [90_000, '1.5 min'],
    [7_200_000, '2 h'],
    [864_000_000, '10 d'],
  ];
  for (const [ms, shown] of spans) it(`shows ${ms} ms as ${shown}`, () => equal(elapsed(ms), shown));
});
