/** Every limit of the data path, through the built program and each of its lanes: who is beyond it is told, and a metric says so. */
import { equal, match } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { blackHole } from '../support/black-hole.js';
import { metric } from '../support/metric.js';
import { eventually, Sidecar, sidecarCommand, sidecarDefaults } from '../support/program.js';
import { RawServer, Wire } from '../support/raw.js';

const get = (service: string, more = ''): string => `GET / HTTP/1.1\r\nHost: ${service}\r\n${more}\r\n`;

describe('a limit', { timeout: 240_000, concurrency: true }, () => {
  let folder = '';
  let silent: RawServer;
  let hole: Awaited<ReturnType<typeof blackHole>>;
  const limits = { requests: { maxRequests: 1 }, connections: { maxConnections: 1 }, pending: { maxPending: 1 } };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zidecar-limits-'));
    [silent, hole] = await Promise.all([RawServer.start((wire) => wire.head()), blackHole()]);
    for (const service of [...Object.keys(limits), 'orders']) {
      const port = service === 'pending' ? hole.port : silent.port;
      await mkdir(join(folder, 'services', service), { recursive: true });
      await writeFile(join(folder, 'services', service, 'one'), JSON.stringify({ address: '127.0.0.1', port }));
    }
    const upstreams = { ...limits, pending: { ...limits.pending, connectTimeout: 'off' }, orders: { bodyTimeout: '100ms' } };
    await writeFile(join(folder, 'zidecar.yaml'), JSON.stringify({ upstreams }));
  });
  after(async () => {
    hole.release();
    await silent.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  it('of descriptors closes connections that are beyond, refuses calls in words, and the program goes on', async (t) => {
    // no connection to it comes free for the next call before one was refused
    let refuse = (): void => undefined;
    const refused = new Promise<void>((resolve) => (refuse = resolve));
    const well = await RawServer.start(async (wire) => {
      for (;;) {
        await wire.message();
        await refused;
        wire.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      }
    });
    const own = join(folder, 'own');
    await mkdir(join(own, 'services', 'orders'), { recursive: true });
    await writeFile(join(own, 'services', 'orders', 'one'), JSON.stringify({ address: '127.0.0.1', port: well.port }));
    const env = { ...process.env, ...sidecarDefaults, ZIDECAR_ZOOKEEPER: `dir:${own}`, ZIDECAR_UPSTREAMS: 'orders' };
    const command = ['-c', 'ulimit -n 100; exec "$0" "$@"', ...sidecarCommand.slice(0, 3)];
    const sidecar = Sidecar.of(spawn('bash', command, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true }));
    t.after(async () => {
      sidecar.kill();
      await well.stop();
    });
    const port = Number((await sidecar.at('outbound')).split(':').at(-1));
    await sidecar.fact('endpoints_changed', { upstream: 'orders', total: 1 });
    const wires = await Promise.all(Array.from({ length: 300 }, () => Wire.dial(port).catch(() => undefined)));
    // the descriptors are gone before anybody speaks: else the limit might meet an accept alone, and no call
    await eventually(() => wires.some((wire) => wire === undefined || wire.over));
    const asked = async (wire: Wire | undefined): Promise<string> => {
      const answer = await wire
        ?.write(get('orders'))
        .message()
        .catch(() => undefined);
      if (answer?.includes('x-zidecar-error')) refuse();
      return answer ?? 'closed';
    };
    const answers = await Promise.all(wires.map(asked));
    const count = (what: RegExp): number => answers.filter((answer) => what.test(answer)).length;
    const said = [count(/ 200 OK/), count(/x-zidecar-error: local/), count(/^closed$/)];
    equal(said[1]! > 0 && said[2]! > 0 && said.reduce((sum, each) => sum + each) === 300, true, `${said.join(', ')} of 300`);
    for (const wire of wires) wire?.reset();
    await eventually(async () => (await metric(sidecar, 'zidecar_requests_in_flight{service="orders"}').catch(() => NaN)) === 0);
    match(await (await Wire.dial(port)).write(get('orders')).message(), / 200 OK/);
    equal(await metric(sidecar, 'zidecar_requests_total{service="orders",code="local"}'), said[1]);
  });

  for (const lane of ['on', 'off'])
    describe(`with FAST_LANE=${lane}`, () => {
      let sidecar: Sidecar;
      let app: () => Promise<Wire>;
      before(async () => {
        // whoever has connected and said nothing by then is let go: this process connects, and may stand still before it speaks
        const sizes = { ZIDECAR_MAX_HEAD: '1KiB', ZIDECAR_MAX_FIELDS: '10', ZIDECAR_HEADER_TIMEOUT: '6s' };
        const env = { ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_CONFIG: join(folder, 'zidecar.yaml'), ZIDECAR_FAST_LANE: lane };
        sidecar = Sidecar.start({ ...env, ...sizes });
        const port = Number((await sidecar.at('outbound')).split(':').at(-1));
        app = () => Wire.dial(port);
        for (const upstream of [...Object.keys(limits), 'orders'])
          await sidecar.fact('endpoints_changed', { upstream, total: 1 });
      });
      after(() => sidecar.kill());

      const refused = async (bytes: string, status: number, code: string, service: string): Promise<void> => {
        const line = `zidecar_requests_total{service="${service}",code="${code}"}`;
        const before = (await metric(sidecar, line)) || 0;
        const wire = (await app()).write(bytes);
        match(await wire.head(), new RegExp(`^HTTP/1\\.1 ${status} [^]*\\r\\nx-zidecar-error: ${code}\\r\\n`));
        wire.reset();
        await eventually(async () => (await metric(sidecar, line)) === before + 1);
      };

      for (const limit of Object.keys(limits))
        it(`of ${limit} refuses what is beyond, and tells of it by limit`, async () => {
          const labels = `{service="${limit}",limit="${limit}"}`;
          equal(await metric(sidecar, `zidecar_limit${labels}`), 1);
          const first = (await app()).write(get(limit));
          await eventually(async () => {
            equal(first.over, false, `it was not carried: ${first.unread}`);
            return (await metric(sidecar, `zidecar_limit_used${labels}`)) === 1;
          });
          await refused(get(limit), 503, 'overflow', limit);
          equal(await metric(sidecar, `zidecar_limit_refused_total${labels}`), 1);
          first.reset();
          await eventually(async () => (await metric(sidecar, `zidecar_limit_used${labels}`)) === 0);
        });

      it('of the head refuses one that is too large, or has a field too many', async () => {
        await refused(get('orders', `A: ${'a'.repeat(1_100)}\r\n`), 431, 'head_too_large', 'unknown');
        await refused(get('orders', 'A: b\r\n'.repeat(10)), 431, 'head_too_large', 'unknown');
      });

      it('of the time of a head ends one that does not come to its end', () =>
        refused('GET / HTTP/1.1\r\nHost: ord', 408, 'header_timeout', 'unknown'));

      it('of the silence in a body ends the call, and the endpoint is not blamed', async () => {
        const put = 'PUT / HTTP/1.1\r\nHost: orders\r\nContent-Length: 10\r\n\r\nabc';
        await refused(put, 408, 'client_body_timeout', 'orders');
        const [{ circuit }] = (await sidecar.get<{ endpoints: [{ circuit: string }] }>('/upstreams/orders/why')).endpoints;
        equal(circuit, 'closed');
      });
    });
});
