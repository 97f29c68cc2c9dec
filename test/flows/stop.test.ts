/** How the process ends: exit codes, the child of `run --`, first and second signals. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { app, call, type App } from '../support/calls.js';
import { eventually, services, Sidecar, sidecarCommand, sidecarDefaults, zidecar } from '../support/program.js';
import { RawServer } from '../support/raw.js';
import { onTerminal } from '../support/terminal.js';

describe('the end of a sidecar', { timeout: 240_000 }, () => {
  let folder = '';
  let orders: App;
  const running: Sidecar[] = [];
  /** An app may take its time to end: nothing here waits for the end of that time. */
  const settings = (): Record<string, string> => ({ ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_GRACE: '60s' });
  const start = (env: Record<string, string>, command: readonly string[] = []): Sidecar => {
    const sidecar = Sidecar.start({ ...settings(), ...env }, command);
    running.push(sidecar);
    return sidecar;
  };
  const announcing = (): Record<string, string> => ({ ZIDECAR_SERVICE: 'orders', ZIDECAR_APP_PORT: String(orders.port) });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zidecar-test-'));
    orders = await app('orders');
  });
  after(async () => {
    for (const sidecar of running) sidecar.kill();
    await orders.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  const node = (code: string): string[] => [process.execPath, '-e', code];

  it('takes over the exit code of the app it started', async () => {
    equal(await start({}, node('process.exit(7)')).ended(), 7);
  });

  it('says 128 and the signal when a signal ended the app', async () => {
    equal(await start({}, node('process.kill(process.pid, "SIGKILL")')).ended(), 137);
  });

  it('says 127 when there is no such program', async () => {
    const sidecar = start({}, ['no-such-program']);
    equal(await sidecar.ended(), 127);
    match(sidecar.story(), /no-such-program/);
  });

  /** An app that says what it hears, and how many nodes of its service it sees just then; it ends when it hears of an end. */
  const watchful = (): string => {
    const seen = `require('node:fs').readdirSync(${JSON.stringify(join(folder, 'services', 'orders'))}).filter((name) => name[0] !== '.').length`;
    return `for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']) process.on(name, () => {
        require('node:fs').appendFileSync(${JSON.stringify(join(folder, 'heard'))}, name + ' ' + ${seen} + '\\n');
        setTimeout(() => process.exit(3), 50);
      });
      console.log('{"kind":"app_up"}');
      setInterval(() => {}, 1000);`;
  };
  const heard = async (): Promise<string> => {
    const said = await readFile(join(folder, 'heard'), 'utf8');
    await rm(join(folder, 'heard'));
    return said;
  };

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) {
    it(`withdraws on ${signal} to its group before the app hears of it, once`, async () => {
      const sidecar = start(announcing(), node(watchful()));
      await sidecar.fact('app_up');
      await sidecar.fact('announced');
      sidecar.signalGroup(signal);
      equal(await sidecar.ended(), 3, sidecar.story());
      equal(await heard(), `${signal} 0\n`, sidecar.story());
    });

    it(`withdraws on ${signal} when it has no app to tell`, async () => {
      const sidecar = start(announcing());
      await sidecar.fact('announced');
      sidecar.signal(signal);
      equal(await sidecar.ended(), 0);
      await sidecar.fact('withdrawn');
    });
  }

  it('takes a second hang-up for the same one', async () => {
    const sidecar = start({ ...announcing(), ZIDECAR_DRAIN_WAIT: '1s' });
    await sidecar.fact('announced');
    sidecar.signal('SIGHUP');
    await sidecar.fact('withdrawn');
    sidecar.signal('SIGHUP');
    equal(await sidecar.ended(), 0);
  });

  for (const [act, signal] of [
    ['Ctrl-C', 'SIGINT'],
    ['Ctrl-\\', 'SIGQUIT'],
    ['the end of the terminal', 'SIGHUP'],
  ] as const) {
    it(`withdraws on ${act} before the app hears of it`, async () => {
      const said = await onTerminal(
        [...sidecarCommand, ...node(watchful())],
        { ...sidecarDefaults, ...settings(), ...announcing() },
        signal === 'SIGHUP' ? 'close' : signal === 'SIGINT' ? '\\x03' : '\\x1c',
      );
      equal(await heard(), `${signal} 0\n`, said);
    });
  }

  it('passes SIGTERM to the app only when peers can know, and waits for it', async () => {
    const app = `process.on('SIGTERM', () => setTimeout(() => process.exit(3), 100)); console.log('{"kind":"app_up"}'); setInterval(() => {}, 1000)`;
    const sidecar = start({ ...announcing(), ZIDECAR_DRAIN_WAIT: '1s' }, node(app));
    await sidecar.fact('app_up');
    await sidecar.fact('announced');
    equal(await sidecar.stop(), 3);
    const at = (kind: string): number => Date.parse(String(sidecar.lines.find((line) => line.kind === kind)?.['time']));
    ok(at('child_ended') - at('withdrawn') >= 1_000, sidecar.story());
  });

  it('keeps outbound open while the app still calls', async (t) => {
    let answer = (): void => undefined;
    const answering = new Promise<void>((resolve) => (answer = resolve));
    const slow = await RawServer.start(async (wire) => {
      await wire.head();
      await answering;
      wire.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow');
    });
    t.after(() => slow.stop());
    await mkdir(join(folder, 'services', 'slow'), { recursive: true });
    await writeFile(join(folder, 'services', 'slow', 's1'), JSON.stringify({ address: '127.0.0.1', port: slow.port }));
    const sidecar = start({ ...announcing(), ZIDECAR_UPSTREAMS: 'slow,nobody' });
    await sidecar.fact('announced');
    await sidecar.fact('endpoints_changed', { upstream: 'slow', total: 1 });
    const outbound = await sidecar.at('outbound');
    const calling = call(outbound, 'slow');
    await eventually(() => slow.wires.length > 0);
    sidecar.signal('SIGTERM');
    await sidecar.fact('withdrawn');
    // by then peers can know, and a second without a call would be over
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    equal((await call(outbound, 'nobody')).headers['x-zidecar-error'], 'no_endpoints');
    answer();
    equal((await calling).body, 'slow');
    equal(await sidecar.ended(), 0);
  });

  it('ends at once on a second signal', async () => {
    const sidecar = start({ ...announcing(), ZIDECAR_DRAIN_WAIT: '30s' });
    await sidecar.fact('announced');
    sidecar.signal('SIGTERM');
    await sidecar.fact('phase_changed', { phase: 'draining' });
    sidecar.signal('SIGINT');
    equal(await sidecar.ended(), 130);
  });

  it('withdraws on zidecar drain and lives on', async () => {
    const sidecar = start(announcing());
    await sidecar.fact('announced');
    const { code } = await zidecar(['drain', '--admin', await sidecar.at('admin')]);
    equal(code, 0);
    const { announcements } = await sidecar.get<{ announcements: { wish: string; fact: string }[] }>('/announcement');
    deepEqual(
      announcements.map(({ wish, fact }) => [wish, fact]),
      [['withdrawn', 'withdrawn']],
    );
    await sidecar.post('/undrain');
    await eventually(
      async () =>
        (await sidecar.get<{ announcements: { fact: string }[] }>('/announcement')).announcements[0]?.fact === 'announced',
    );
    equal(await sidecar.stop(), 0);
  });

  it('says to which weight it has rewritten its node, and why it was withdrawn', async () => {
    const orders = await app('told');
    for (const [dialect, drained] of [
      ['curator', /^told: withdrawn from \S+: drained$/],
      ['spring', /^told: announced at \S+, rewritten and marked as drained$/],
    ] as const) {
      const at = { ZIDECAR_SERVICE: 'told', ZIDECAR_APP_PORT: String(orders.port), ZIDECAR_DIALECT: dialect };
      const sidecar = start({ ...at, ZIDECAR_PROBE_INTERVAL: '100ms', ZIDECAR_PROBE_FALL: '1', ZIDECAR_PROBE_RISE: '1' });
      const said = (what: RegExp) => sidecar.said(({ msg }) => what.test(String(msg)));
      await sidecar.fact('announced');
      await sidecar.post('/announcement', { weight: 5 });
      await said(/^told: announced at \S+, rewritten with weight 5$/);
      equal((await zidecar(['drain', '--admin', await sidecar.at('admin')])).code, 0);
      await said(drained);
      await sidecar.post('/undrain');
      const view = () => sidecar.get<{ announcements: { fact: string }[] }>('/announcement');
      await eventually(async () => (await view()).announcements[0]?.fact === 'announced');
      orders.well = false;
      await said(/^told: withdrawn from \S+: the app is down$/);
      orders.well = true;
      equal(await sidecar.stop(), 0);
    }
    await orders.close();
  });

  it('leaves no node behind', async () => {
    const { code, out } = await services(['orders', '--json', '--zookeeper', `dir:${folder}`]);
    equal(code, 0);
    ok(!out.includes('"routable":1'), out);
  });
});
