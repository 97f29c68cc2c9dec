/** A file of settings that is changed under a running sidecar: what it takes, what it refuses, what it keeps. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { app, call, type App } from '../support/calls.js';
import { eventually, Sidecar, zidecar } from '../support/program.js';

describe('settings that change while the sidecar runs', { timeout: 240_000 }, () => {
  let folder = '';
  let file = '';
  let sidecar: Sidecar;
  const peers: App[] = [];

  const write = async (yaml: string): Promise<void> => {
    await writeFile(`${file}.new`, yaml);
    await rename(`${file}.new`, file);
  };
  const register = async (service: string, id: string): Promise<void> => {
    const peer = await app(id);
    peers.push(peer);
    await mkdir(join(folder, 'services', service), { recursive: true });
    await writeFile(join(folder, 'services', service, id), JSON.stringify({ address: '127.0.0.1', port: peer.port, id }));
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zidecar-reload-'));
    file = join(folder, 'z.yaml');
    await register('orders', 'a');
    await register('carts', 'c');
    await write('upstreams: { orders: { policy: round_robin } }');
    sidecar = Sidecar.start({ ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_CONFIG: file });
    await sidecar.fact('endpoints_changed', { upstream: 'orders' });
  });
  after(async () => {
    sidecar.kill();
    await Promise.all(peers.map((peer) => peer.close()));
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  it('are taken when the file is replaced, and calls go on by them', async () => {
    const outbound = await sidecar.at('outbound');
    equal((await call(outbound, 'carts')).status, 404);
    await write('accessLog: on\nupstreams: { orders: { policy: random, retries: 3 }, carts: }\nstartWait: 9s');
    await sidecar.fact('config_reloaded', { why: 'the file has changed', needsRestart: 'ZIDECAR_START_WAIT 5s -> 9s' });
    await eventually(async () => (await call(outbound, 'carts')).status === 200);
    await call(outbound, 'orders');
    await sidecar.fact('call_ended', { upstream: 'orders', status: 200 });
  });

  it('are told as a story, and so is a call, sent or not', async () => {
    const at = { ZIDECAR_ADMIN: await sidecar.at('admin') };
    const story = await zidecar(['events'], at);
    match(story.out, /^\d\d:\d\d:\d\d {2}settings read again \(the file has changed\): .*ZIDECAR_ACCESS_LOG off -> on/m);
    const unsent = await zidecar(['why', '--call', 'http://orders.zk/x', '-H', 'x-zidecar-subset: zone=moon', '-X', 'PUT'], at);
    match(
      unsent.out,
      /^route {5}the absolute form http:\/\/orders\.zk\/x names orders; PUT .*\nsubset {4}only endpoints with zone=moon/m,
    );
    match(unsent.out, /^refused {3}no_subset: /m);
    match(
      (await zidecar(['why', '--call', '/svc/stranger/'], at)).out,
      /^refused {3}unknown_upstream: .*not in ZIDECAR_UPSTREAMS/m,
    );
    const { headers } = await fetch(`http://${await sidecar.at('outbound')}/svc/orders/`, {
      headers: { 'x-request-id': 'mine' },
    });
    equal(headers.get('x-zidecar-error'), null);
    const past = await eventually(async () => {
      const asked = await zidecar(['why', '--call', 'mine'], at);
      return asked.code === 0 && asked;
    });
    match(
      past.out,
      /^\d\d:\d\d:\d\d {2}GET orders \/: 200 in .*, 1 attempt\n {2}\+\d+ ms, \d+ ms {2}127\.0\.0\.1:\d+ {2}answered 200$/m,
    );
    equal((await zidecar(['why', '--call', 'nobodys'], at)).code, 1);
  });

  it('of checks begin and end with the file, and what cannot change is told', async () => {
    await write('upstreams: { orders: { check: "http:/healthz", checkInterval: 100ms, checkFall: 1 }, carts: }');
    await sidecar.fact('config_reloaded', { needsRestart: '' });
    const orders = peers.find(({ name }) => name === 'a')!;
    orders.well = false;
    await sidecar.fact('endpoint_ill', { upstream: 'orders' });
    await write('upstreams: { orders: { port: 1 }, carts: }');
    await sidecar.fact('config_reloaded', { needsRestart: 'the port or the sources of upstreams.orders' });
    const { endpoints } = await sidecar.get<{ endpoints: { reason: string }[] }>('/upstreams/orders/why');
    equal(endpoints[0]!.reason, 'takes calls: weight 1 of 1');
    orders.well = true;
    await write('accessLog: on\nupstreams: { orders: { policy: random, retries: 3 }, carts: }');
    await sidecar.fact('config_reloaded', { needsRestart: '' });
  });

  it('are told before what follows from them', async () => {
    const orders = peers.find(({ name }) => name === 'a')!;
    const check = 'check: "http:/healthz", checkInterval: 100ms, checkFall: 1';
    const events = async () =>
      (await sidecar.get<{ events: { fact: { kind: string; changed?: string } }[] }>('/events')).events.map(({ fact }) => fact);
    const panics = async () => (await events()).filter(({ kind }) => kind === 'panic_began').length;
    orders.well = false;
    await write(`upstreams: { orders: { ${check}, shadow: checks }, carts: }`);
    await sidecar.fact('endpoint_ill', { upstream: 'orders', shadow: true });
    const before = await panics();
    await write(`upstreams: { orders: { ${check} }, carts: }`);
    await eventually(async () => (await panics()) > before);
    const facts = await events();
    match(facts[facts.findLastIndex(({ kind }) => kind === 'panic_began') - 1]!.changed ?? '', /shadow/);
    orders.well = true;
    await write('accessLog: on\nupstreams: { orders: { policy: random, retries: 3 }, carts: }');
    await sidecar.said(
      ({ kind, changed }) => kind === 'config_reloaded' && String(changed).endsWith('-> policy random, retries 3'),
    );
  });

  it('are kept when the new file is wrong, and status, log and metrics say so', async () => {
    await write('accessLog: maybe\nretries: 99\nupstreams: { orders: }');
    const { problems } = await sidecar.fact('config_refused');
    match(String(problems), /retries: "99".*accessLog: "maybe"/);
    const admin = await sidecar.at('admin');
    const shown = await zidecar(['status'], { ZIDECAR_ADMIN: admin });
    match(shown.out, /^settings {4}refused, the ones before hold: .*retries: "99".* and 1 more$/m);
    equal((await call(await sidecar.at('outbound'), 'carts')).status, 200);
    match(
      await (await fetch(`http://${await sidecar.at('health')}/metrics`)).text(),
      /^zidecar_config_reloads_total\{result="refused"\} 1$/m,
    );
  });

  it('are read again on a hang-up, which ends nothing', async () => {
    const before = await sidecar.get<{ loadedAt: string; problems: string[] }>('/config');
    equal(before.problems.length, 2);
    sidecar.signal('SIGHUP');
    await sidecar.fact('config_refused', { why: 'SIGHUP' });
    await writeFile(file, '');
    const empty = `ZIDECAR_CONFIG=${JSON.stringify(file)} is empty: nothing changes; write {} where no setting is meant`;
    await sidecar.fact('config_refused', { problems: empty });
    equal((await call(await sidecar.at('outbound'), 'carts')).status, 200);
    await write('upstreams: { orders: }');
    await eventually(async () => (await sidecar.get<typeof before>('/config')).problems.length === 0);
    const now = await sidecar.get<typeof before & { settings: { setting: string; value: string }[] }>('/config');
    deepEqual(
      [now.loadedAt > before.loadedAt, now.settings.find(({ setting }) => setting === 'ZIDECAR_ACCESS_LOG')!.value],
      [true, 'off'],
    );
    equal((await call(await sidecar.at('outbound'), 'carts')).status, 404);
    equal(await sidecar.stop(), 0);
  });
});
