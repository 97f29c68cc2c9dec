import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { serveAdmin } from '../../../agent/admin/server.js';
import { LIMITS } from '../../../agent/bounded-server.js';
import type { Listening } from '../../../agent/listen.js';
import { ask, raw, type Answered, type Asked } from '../ask.js';
import { announcement, endpoint, ill, iso, shown, sidecar } from './fixture.js';

const at = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;
const json = ({ text }: Answered): unknown => JSON.parse(text);
const views = ['/', '/status', '/upstreams', '/upstreams/orders/why', '/announcement', '/session', '/config', '/events'];
const changes = ['/drain', '/undrain', '/shutdown', '/log-level'];

describe('admin server', () => {
  let side: ReturnType<typeof sidecar>;
  let listening: Listening;
  let warnings: string[];
  beforeEach(async () => {
    side = sidecar();
    warnings = [];
    listening = await serveAdmin(side.views, side.changes, [at], (fact) => fact.kind === 'warned' && warnings.push(fact.why));
  });
  afterEach(() => listening.close());
  const get = (path: string, asked?: Asked): Promise<Answered> => ask(listening.addresses[0]!, path, asked);
  const post = (path: string, body = '', headers = {}): Promise<Answered> => get(path, { method: 'POST', body, headers });

  it('gives the upstreams with exactly the fields that are promised', async () => {
    const [first, second] = [ill, endpoint('10.1.2.4')].map(({ id, host, port, weight, circuit, inFlight, ejectedUntil }) => {
      return { id, host, port, weight, circuit, inFlight, ejectedUntil };
    });
    deepEqual(json(await get('/upstreams')), {
      upstreams: [
        { name: 'orders', endpoints: [first, second] },
        { name: 'us/ers', endpoints: [] },
      ],
    });
  });

  it('adds the verdict, and to each endpoint its share and its reason, where asked why', async () => {
    deepEqual(json(await get('/upstreams/orders/why')), {
      name: 'orders',
      verdict: shown({ state: 'ill', out: 1, retryPercent: 4 }),
      endpoints: [ill, endpoint('10.1.2.4')],
    });
  });

  it('says where a list that the registry does not confirm came from, and how old it is', async () => {
    side.lists.set('orders', { from: 'snapshot', confirmed: false, asOf: 0, doubtful: 2 });
    const list = { from: 'snapshot', asOf: new Date(0).toISOString(), doubtful: 2 };
    deepEqual((json(await get('/upstreams')) as { upstreams: { list?: unknown }[] }).upstreams[0]!.list, list);
    deepEqual((json(await get('/upstreams/orders/why')) as { verdict: { list?: unknown } }).verdict.list, list);
  });

  it('finds an upstream by its encoded name, and refuses one that is not there', async () => {
    equal((await get('/upstreams/us%2Fers/why')).status, 200);
    for (const name of ['nobody', '__proto__', 'constructor', '%00'])
      match((await get(`/upstreams/${name}/why`)).text, /"error": "unknown_upstream"/);
    for (const path of ['/upstreams//why', '/upstreams/%/why', '/upstreams/us/ers/why', '/upstreams/why'])
      equal((await get(path)).status, 404, path);
  });

  it('gives the announcements, the session, the config and the events in their shapes', async () => {
    side.ring.add({ kind: 'warned', why: 'careful' });
    deepEqual(json(await get('/announcement')), { announcements: [announcement()] });
    deepEqual(json(await get('/session')), side.views.session());
    const read = { loadedAt: iso, problems: [], needsRestart: [] };
    deepEqual(json(await get('/config')), { ...read, settings: side.views.config() });
    deepEqual(json(await get('/events')), {
      events: [{ at: iso, level: 'warn', message: 'careful', fact: { kind: 'warned', why: 'careful' } }],
    });
  });

  it('tells what would become of a call, and what became of one', async () => {
    const { refused } = json(await get('/call?url=/svc/orders/x&header=a%3A%201&method=PUT')) as { refused: unknown };
    deepEqual([refused, side.done], [null, [{ method: 'PUT', target: '/svc/orders/x', raw: ['Host', 'localhost', 'a', '1'] }]]);
    for (const query of [
      '',
      '?url=orders',
      '?url=/x%20y',
      '?url=/&method=get',
      '?url=/&header=a',
      '?url=/&header=a%3A%0Ab',
      `?url=/${'&header=a:b'.repeat(101)}`,
    ])
      equal((await get(`/call${query}`)).status, 400, query);
    const { calls } = json(await get('/calls')) as { calls: unknown[] };
    deepEqual(json(await get('/calls/id-1')), { calls });
    deepEqual([calls.length, (await get('/calls/id-2')).status, side.done.length], [1, 404, 1]);
  });

  it('gives all of it at a glance in one answer', async () => {
    for (let index = 0; index < 9; index++) side.ring.add({ kind: 'warned', why: String(index) });
    const view = json(await get('/status')) as { upstreams: unknown[]; events: unknown[] };
    deepEqual(view.upstreams[0], { name: 'orders', ...shown({ state: 'ill', out: 1, retryPercent: 4 }) });
    deepEqual(view.events.at(-1), { at: iso, level: 'warn', message: '8' });
    equal(view.events.length, 5);
  });

  it('lists every call that there is', async () => {
    const { text, headers } = await get('/');
    match(headers['content-type']!, /^text\/plain/);
    for (const path of views) ok(text.includes(`GET   ${path.replace('orders', 'NAME')}`), path);
    for (const path of [...changes, '/announcement']) ok(text.includes(`POST  ${path}`), path);
  });

  for (const path of views) {
    it(`answers HEAD ${path} as GET, without the body`, async () => {
      const [got, head] = [await get(path), await get(path, { method: 'HEAD' })];
      deepEqual([head.status, head.text, head.headers['content-length']], [200, '', got.headers['content-length']]);
    });

    it(`refuses what is neither GET nor HEAD at ${path} with 405`, async () => {
      for (const method of path === '/announcement' ? ['PUT', 'DELETE'] : ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
        const { status, headers, text } = await get(path, { method });
        deepEqual([status, headers.allow], [405, path === '/announcement' ? 'GET, HEAD, POST' : 'GET, HEAD']);
        match(text, /"error": "method_not_allowed"/);
      }
    });
  }

  for (const path of changes)
    it(`changes nothing by GET, HEAD or PUT at ${path}`, async () => {
      for (const method of ['GET', 'HEAD', 'PUT']) {
        const { status, headers } = await get(path, { method });
        deepEqual([status, headers.allow], [405, 'POST']);
      }
      deepEqual(side.done, []);
    });

  it('refuses any other path with 404', async () => {
    for (const path of ['/nothing', '/upstreams/', '//upstreams', '/metrics']) {
      const { status, text } = await get(path);
      equal(status, 404, path);
      match(text, /GET \/ lists/);
    }
  });

  it('is not stored, not guessed at, and says who it is', async () => {
    const { headers } = await get('/upstreams');
    deepEqual(
      [headers['cache-control'], headers['x-content-type-options'], headers['server']],
      ['no-store', 'nosniff', 'zidecar'],
    );
  });

  it('turns a foreign Host away, whatever it asks', async () => {
    for (const [method, path] of [
      ['GET', '/upstreams'],
      ['POST', '/shutdown'],
      ['GET', '/nothing'],
    ] as const) {
      const { status, text } = await get(path, { method, headers: { host: 'evil.example' } });
      equal(status, 403);
      match(text, /"error": "forbidden"[^]*evil\.example/);
    }
    deepEqual(side.done, []);
    equal((await get('/upstreams', { headers: { host: `localhost:${listening.addresses[0]!.split(':')[1]!}` } })).status, 200);
  });

  it('turns a change away that comes from a page of another site', async () => {
    for (const origin of ['http://evil.example', 'null', 'http://localhost:3000'])
      equal((await post('/shutdown', '', { origin })).status, 403, origin);
    deepEqual(side.done, []);
    equal((await post('/shutdown', '', { origin: `http://${listening.addresses[0]!}` })).status, 200);
  });

  it('sets the weight and the status, and answers with the new view', async () => {
    deepEqual(json(await post('/announcement', '{"weight": 5}')), { announcements: [announcement({ weight: 5 })] });
    equal((await post('/announcement', '{"status": "drain"}')).status, 200);
    deepEqual(side.done, [{ weight: 5 }, { status: 'drain' }]);
  });

  it('lets an operator overrule the doubts about a peer', async () => {
    equal((await post('/upstreams/orders/doubtful', '{"doubtful": "drop"}')).status, 200);
    equal((await post('/upstreams/nobody/doubtful', '{"doubtful": "trust"}')).status, 404);
    const { text } = await post('/upstreams/orders/doubtful', '{"doubtful": "maybe"}');
    match(text, /"error": "bad_doubtful"/);
    deepEqual(side.done, [{ overrule: { name: 'orders', what: 'drop' } }, { overrule: { name: 'nobody', what: 'trust' } }]);
  });

  it('refuses a weight that cannot be announced, with the reason', async () => {
    const { status, text } = await post('/announcement', '{"weight": 0.5}');
    equal(status, 400);
    deepEqual(JSON.parse(text), { error: 'refused', message: 'spring weighs by whole numbers' });
  });

  it('refuses a change of what is not announced', async () => {
    side.announcements.length = 0;
    const { status, text } = await post('/announcement', '{"weight": 5}');
    equal(status, 400);
    match(text, /"error": "nothing_announced"[^]*ZIDECAR_SERVICE/);
    deepEqual(side.done, []);
  });

  it('refuses a bad body with 400, a code and a sentence, and does nothing', async () => {
    for (const [path, body, error] of [
      ['/announcement', '{"weight": "5"}', 'bad_weight'],
      ['/announcement', 'weight=5', 'bad_json'],
      ['/announcement', '', 'bad_json'],
      ['/log-level', '{"level": "loud"}', 'bad_level'],
      ['/log-level', JSON.stringify({ level: 'x'.repeat(65 * 1024) }), 'body_too_large'],
    ] as const) {
      const answered = await post(path, body);
      equal(answered.status, 400);
      const refused = json(answered) as Record<string, unknown>;
      deepEqual([Object.keys(refused), refused['error']], [['error', 'message'], error]);
    }
    deepEqual(side.done, []);
  });

  it('takes a body of up to 64 KiB', async () => {
    const body = '{"level": "debug"}'.padEnd(64 * 1024);
    deepEqual(json(await post('/log-level', body)), { level: 'debug' });
    equal((await post('/log-level', `${body} `)).status, 400);
  });

  it('answers a drain when it is withdrawn and waited for, and at once with ?wait=0', async () => {
    deepEqual(json(await post('/drain?wait=0')), {
      announcements: [announcement({ wish: 'withdrawn', fact: 'withdrawn', drained: true })],
    });
    let answered = false;
    const waiting = post('/drain').then((answer) => ((answered = true), answer));
    while (side.done.length < 2) await get('/session');
    equal(answered, false);
    side.drained.finish();
    equal((await waiting).status, 200);
    deepEqual(side.done, [{ drain: { wait: false } }, { drain: { wait: true } }]);
    equal((await post('/drain?wait=maybe')).status, 400);
  });

  it('undrains, shuts down and sets the level of the log', async () => {
    deepEqual(json(await post('/undrain')), { announcements: [announcement()] });
    deepEqual(json(await post('/shutdown')), { phase: 'ready' });
    deepEqual(json(await post('/log-level', '{"level":"debug"}')), { level: 'debug' });
    deepEqual(side.done, ['undrain', 'shutdown', { level: 'debug' }]);
  });

  it('answers a fault of ours with 500 and tells of it, and goes on', async () => {
    side.views.session = () => {
      throw new Error('oops');
    };
    const { status, text } = await get('/session');
    equal(status, 500);
    match(text, /"error": "internal"/);
    match(warnings[0]!, /GET \/session: Error: oops/);
    equal((await get('/upstreams')).status, 200);
  });
});

describe('admin server under slow clients', () => {
  const limits = { ...LIMITS, headMs: 150, requestMs: 150, lookMs: 20 };
  let listening: Listening;
  const side = sidecar();
  before(async () => {
    listening = await serveAdmin(side.views, side.changes, [at], () => undefined, limits);
  });
  after(() => listening.close());

  it('ends a request whose head or body does not arrive', async () => {
    match(await raw(listening.addresses[0]!, 'GET /upstreams HTTP/1.1\r\nHost: localhost\r\n'), /^HTTP\/1.1 408|^$/);
    match(
      await raw(listening.addresses[0]!, 'POST /log-level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{'),
      /^HTTP\/1.1 408|^$/,
    );
    deepEqual(side.done, []);
  });

  it('goes on after a client that left in the middle', async (t) => {
    const patient = await serveAdmin(side.views, side.changes, [at], () => undefined);
    t.after(() => patient.close());
    const socket = connect(Number(patient.addresses[0]!.split(':')[1]), '127.0.0.1');
    socket.write('POST /log-level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"level"');
    await once(socket, 'connect');
    socket.destroy();
    equal((await ask(patient.addresses[0]!, '/session')).status, 200);
  });
});

describe('admin server on a Unix socket', () => {
  it('answers whoever may open the file, by any Host', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'zidecar-admin-'));
    const side = sidecar();
    const listening = await serveAdmin(
      side.views,
      side.changes,
      [{ kind: 'unix', path: join(folder, 'admin.sock') }],
      () => undefined,
    );
    equal((await ask(listening.addresses[0]!, '/session', { headers: { host: 'sidecar' } })).status, 200);
    await listening.close();
    rmSync(folder, { recursive: true });
  });
});
