import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderStatus, renderWhy } from '../../../agent/admin/render.js';
import { renderCalls } from '../../../agent/admin/tell-call.js';
import type { AnnouncementView, StatusView } from '../../../agent/admin/views.js';
import { paintFor } from '../../../agent/text.js';
import type { UpstreamVerdict } from '../../../lb/verdict.js';
import { announcement, at, endpoint, ill, iso, pastCall, shown, statusView } from './fixture.js';

const now = at + 12_000;
const paint = paintFor({}, {});
const colours = paintFor({ isTTY: true }, {});

describe('why --call', () => {
  it('tells when each attempt began, how long it took, and the pause before it', () => {
    deepEqual(renderCalls([{ ...pastCall(), at: iso }], now, paint).split('\n'), [
      '12:04:10  GET orders /x: 200 in 255 ms, 2 attempts',
      '  +0 ms, 203 ms   10.1.2.3:8080  response_timeout',
      '  back-off 40 ms',
      '  +243 ms, 12 ms  10.1.2.4:8080  answered 200',
    ]);
  });

  it('tells whom a hedged call has asked, and what was made of it', () => {
    const sends = [
      { endpoint: '10.1.2.3:8080', startMs: 0, pauseMs: 0, ms: 62, became: 'outpaced' },
      { endpoint: '10.1.2.4:8080', startMs: 50, pauseMs: 0, ms: 12, became: '200' },
    ];
    deepEqual(
      renderCalls([{ ...pastCall({ sends }), at: iso }], now, paint)
        .split('\n')
        .slice(1),
      [
        '  +0 ms, 62 ms   10.1.2.3:8080  given up, as another answered first, though it was asked later, which speaks against this one',
        '  +50 ms, 12 ms  10.1.2.4:8080  answered 200',
      ],
    );
  });

  it('is a line where nobody was asked', () => {
    const refused = { ...pastCall({ attempts: 0, endpoint: null, sends: [], status: 503, code: 'all_open', ms: 0 }), at: iso };
    equal(renderCalls([refused], now, paint), '12:04:10  GET orders /x: 503 all_open in 0 ms, 0 attempts');
  });
});

describe('why', () => {
  it('begins with the verdict and goes on with a sentence for each endpoint, trouble first', () => {
    const view = {
      name: 'orders',
      verdict: shown({ state: 'ill', out: 1, retryPercent: 4 }),
      endpoints: [
        endpoint('10.1.2.4'),
        { ...ill, outSince: iso, outUntil: new Date(at + 15_000).toISOString() },
        endpoint('fd00::1', { share: 33.3 }),
        { ...endpoint('10.1.2.5', { share: 0, reason: 'found ill by its checks' }), outSince: iso },
      ],
    };
    deepEqual(renderWhy(view, now, paint).split('\n'), [
      'orders: ill since 12:04:10, 1 of 3 out, 0 calls lost, 4 % of the calls of the last 10 s sent again (20 %, and 30 more, may be)',
      '10.1.2.3:8080   share 0 %  circuit open since 12 s: 5 connects refused; next trial in 3 s (out since 12:04:10, until 12:04:25)',
      '10.1.2.5:8080   share 0 %  found ill by its checks (out since 12:04:10)',
      '10.1.2.4:8080   share 50 %  takes calls: weight 1 of 2',
      '[fd00::1]:8080  share 33 %  takes calls: weight 1 of 2',
    ]);
  });

  const verdicts: readonly (readonly [Partial<UpstreamVerdict>, string])[] = [
    [
      {},
      'well since 12:04:10, 0 of 3 out, 0 calls lost, 0 % of the calls of the last 10 s sent again (20 %, and 30 more, may be)',
    ],
    [
      { lost: 1 },
      'well since 12:04:10, 0 of 3 out, 1 call lost, 0 % of the calls of the last 10 s sent again (20 %, and 30 more, may be)',
    ],
    [
      { lost: 41_220, retryPercent: 0.4 },
      'well since 12:04:10, 0 of 3 out, 41,220 calls lost, <1 % of the calls of the last 10 s sent again (20 %, and 30 more, may be)',
    ],
    [
      { state: 'empty', total: 0 },
      'empty since 12:04:10, no endpoints, 0 calls lost, 0 % of the calls of the last 10 s sent again (20 %, and 30 more, may be)',
    ],
    [
      { state: 'empty' },
      'empty since 12:04:10, no endpoint has a weight (0 of 3), 0 calls lost, 0 % of the calls of the last 10 s sent again (20 %, and 30 more, may be)',
    ],
    [
      { state: 'empty', lacks: 'v=1' },
      'empty since 12:04:10, no endpoint has v=1 (0 of 3), 0 calls lost, 0 % of the calls of the last 10 s sent again (20 %, and 30 more, may be)',
    ],
    [
      { state: 'waiting', total: 0 },
      'waiting since 12:04:10, no list yet, 0 calls lost, 0 % of the calls of the last 10 s sent again (20 %, and 30 more, may be)',
    ],
    [
      { since: at - 86_400_000 },
      'well since 2026-11-21 12:04:10, 0 of 3 out, 0 calls lost, 0 % of the calls of the last 10 s sent again (20 %, and 30 more, may be)',
    ],
  ];
  for (const [more, sentence] of verdicts)
    it(`says "${sentence}"`, () =>
      equal(renderWhy({ name: 'orders', verdict: shown(more), endpoints: [] }, now, paint), `orders: ${sentence}`));

  it('does without the times of a sidecar that is older', () => {
    const older = JSON.parse(JSON.stringify({ ...ill, outSince: undefined, outUntil: undefined })) as typeof ill;
    const view = { name: 'orders', verdict: shown(), endpoints: [older] };
    match(renderWhy(view, now, paint), /next trial in 3 s$/);
  });

  it('does not say of those that panic pardons that they are out', () => {
    const view = { name: 'orders', verdict: shown({ state: 'ill', panic: true, out: 2 }), endpoints: [] };
    match(
      renderWhy(view, now, paint),
      /^orders: ill since 12:04:10, in panic: 2 of 3 ill, and called all the same unless their circuit is open, /,
    );
  });

  it('says below the verdict what is to be said of the peer', () => {
    const view = {
      name: 'orders',
      verdict: { ...shown({ state: 'waiting', total: 0 }), notes: ['cannot list /x'] },
      endpoints: [],
    };
    equal(renderWhy(view, now, paint).split('\n')[1], 'cannot list /x');
    const upstreams = [{ ...view.verdict, name: 'orders', notes: ['cannot list /x', 'node a is ignored'] }];
    match(
      renderStatus(statusView({ upstreams }), now, paint),
      /^upstream .*no list yet, 0 calls lost: cannot list \/x \(and 1 more\)$/m,
    );
  });

  it('keeps controls of others off the terminal', () => {
    const evil = endpoint('10.0.0.1', { reason: 'said \u001b[2J\nroot: ok' });
    const text = renderWhy({ name: 'a\u0007b', verdict: shown(), endpoints: [evil] }, now, paint);
    equal(text.split('\n').length, 2);
    ok(!/\p{Cc}/u.test(text.replaceAll('\n', '')));
  });

  it('marks what is in trouble by colour, and only that', () => {
    const text = renderWhy({ name: 'o', verdict: shown(), endpoints: [ill, endpoint('10.1.2.4')] }, now, colours);
    deepEqual(
      text.split('\n').map((line) => line.includes('\u001b[31m')),
      [false, true, false],
    );
  });
});

describe('status', () => {
  it('tells the phase, the registry, the announcements, the upstreams, the listeners and the last events', () => {
    const view = statusView({
      events: [{ at: new Date(at + 5_000).toISOString(), level: 'info', message: 'shop: the app is up' }],
    });
    deepEqual(renderStatus(view, now, paint).split('\n'), [
      'zidecar 0.1.0  ready, started 12:04:10 (12 s ago)',
      'registry    connected at 127.0.0.1:2181, session 0x1a, timeout 30 s',
      'announced   shop  weight 1, /services/shop/a',
      'upstream    orders  well since 12:04:10, 0 of 3 out, 0 calls lost',
      'listens     outbound 127.0.0.1:6140',
      '12:04:15    shop: the app is up',
    ]);
  });

  const announcements: readonly (readonly [Partial<AnnouncementView>, string, boolean])[] = [
    [{}, 'weight 1, /services/shop/a', false],
    [{ fact: 'unknown' }, 'not confirmed, /services/shop/a', true],
    [{ fact: 'unknown', failing: 'create /x: no permission' }, 'not yet, /services/shop/a: create /x: no permission', true],
    [{ fact: 'withdrawn', path: null }, 'not confirmed', true],
    [{ wish: 'withdrawn', fact: 'withdrawn', drained: true }, 'withdrawn: drained', true],
    [{ wish: 'withdrawn', fact: 'unknown', drained: true }, 'being withdrawn: drained', true],
    [
      {
        wish: 'withdrawn',
        fact: 'withdrawn',
        probe: { up: false, probe: 'http', last: { kind: 'fail', why: 'connection refused' } },
      },
      'withdrawn: the app is down: connection refused',
      true,
    ],
    [{ wish: 'withdrawn', fact: 'withdrawn', probe: { up: false, probe: 'http' } }, 'withdrawn: the app is down', true],
  ];
  for (const [more, says, trouble] of announcements)
    it(`says of an announcement "${says}"`, () => {
      const text = renderStatus(statusView({ announcements: [announcement(more)] }), now, colours);
      const line = text.split('\n').find((one) => one.includes('announced '));
      ok(line?.includes(`shop  ${says}`), line);
      equal(line?.includes('\u001b[31m'), trouble);
    });

  it('puts trouble first', () => {
    const view = statusView({
      session: { ...statusView().session, state: 'suspended' },
      upstreams: [
        { name: 'fine', ...shown() },
        { name: 'sick', ...shown({ state: 'ill' }) },
      ],
    });
    const order = renderStatus(view, now, paint)
      .split('\n')
      .map((line) => line.split(/ +/).slice(0, 2).join(' '));
    deepEqual(order.slice(1, 5), ['registry suspended', 'upstream sick', 'announced shop', 'upstream fine']);
  });

  it('says that a registry without a session is not connected', () => {
    const session = { state: 'connecting', id: '', epoch: 0, server: null, timeoutMs: 30_000, trouble: null } as const;
    match(renderStatus(statusView({ session }), now, paint), /^registry {4}connecting, timeout 30 s$/m);
    const why = 'nothing listens at zk:2181';
    match(
      renderStatus(statusView({ session: { ...session, trouble: why } }), now, paint),
      /^registry {4}connecting, timeout 30 s: nothing listens/m,
    );
  });

  it('stays under twenty sentences, whatever there is, and hides no trouble in what it counts', () => {
    const many = <T>(make: (index: number) => T): T[] => Array.from({ length: 300 }, (_, index) => make(index));
    const view: StatusView = statusView({
      version: '9'.repeat(200),
      announcements: many((index) => announcement({ service: `s${index}`, path: '/p'.repeat(200) })),
      upstreams: many((index) => ({ name: `u${index}`, ...shown({ state: index < 10 ? 'ill' : 'well' }) })),
      listeners: many((index) => ({ what: 'upstream', at: `127.0.0.1:${index}` })),
      events: Array.from({ length: 5 }, () => ({ at: iso, level: 'warn', message: 'x'.repeat(500) })),
    });
    const lines = renderStatus(view, now, paint).split('\n');
    ok(lines.length < 20, String(lines.length));
    match(lines.join('\n'), /^upstream {4}and 294 more, 4 of them not well$/m);
    match(lines.join('\n'), /^announced {3}and 297 more, all well$/m);
  });

  it('tells all of a sentence below itself on a terminal, and on one line in a pipe', () => {
    const message =
      'shop: not announced at /services/shop/a, again in 3 s: no permission for /services/shop/a, which has an access list';
    const view = statusView({
      listeners: ['127.0.0.1:6140', '[::1]:6140'].map((where) => ({ what: 'outbound', at: where })),
      events: [{ at: iso, level: 'warn', message }],
    });
    ok(renderStatus(view, now, paint).includes(`\n12:04:10    ${message}`));
    const lines = renderStatus(view, now, paint, 60).split('\n');
    ok(
      lines.every((line) => line.length <= 60),
      lines.join('\n'),
    );
    ok(lines.includes('listens     outbound 127.0.0.1:6140 and [::1]:6140'));
    equal(
      lines
        .slice(-3)
        .map((line) => line.slice(12))
        .join(' '),
      message,
    );
    ok(lines.slice(-2).every((line) => line.startsWith(' '.repeat(12))));
  });

  it('keeps controls of others off the terminal', () => {
    const view = statusView({
      upstreams: [{ name: 'a\n\u001b[2J', ...shown() }],
      events: [{ at: iso, level: 'info', message: '\u0007\r' }],
    });
    ok(!/\p{Cc}/u.test(renderStatus(view, now, paint).replaceAll('\n', '')));
    equal(renderStatus(view, now, paint).split('\n').length, 6);
  });

  it('tells of settings that were refused, or need a restart, and is silent about those that hold', () => {
    const text = (settings: Partial<StatusView['settings']>): string =>
      renderStatus(statusView({ settings: { loadedAt: iso, problems: [], needsRestart: [], ...settings } }), at, paint);
    equal(text({}).includes('settings'), false);
    match(
      text({ problems: ['one is wrong', 'two', 'three'] }),
      /^settings {4}refused, the ones before hold: one is wrong and 2 more$/m,
    );
    match(
      text({ needsRestart: ['ZIDECAR_GRACE 5s -> 6s', 'a port'] }),
      /^settings {4}a restart is needed for ZIDECAR_GRACE 5s -> 6s; a port$/m,
    );
  });
});
