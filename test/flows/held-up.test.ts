/**
 * The built program, stopped for longer than any of its time limits while what it waits for comes: the loop rings its timers before it reads,
 * and what lies in the sockets since long must not be called late.
 */
import { equal, match } from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, Sidecar } from '../support/program.js';
import { RawServer, Wire } from '../support/raw.js';

/** Longer than all that is to be there before it is stopped takes, and what is left to do after it, on a busy machine. */
const limits = {
  ...{ ZIDECAR_RESPONSE_TIMEOUT: '5s', ZIDECAR_BODY_TIMEOUT: '5s', ZIDECAR_HEADER_TIMEOUT: '5s', ZIDECAR_CONNECT_TIMEOUT: '5s' },
  ...{ ZIDECAR_CLIENT_IDLE_TIMEOUT: '5s', ZIDECAR_TUNNEL_IDLE_TIMEOUT: '5s', ZIDECAR_RETRIES: '0' },
};
const heldUpMs = 6_000;
const head = (path: string, more = ''): string => `POST ${path} HTTP/1.1\r\nHost: orders\r\n${more}`;
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n';

describe('a sidecar that was stopped for longer than its limits', { timeout: 120_000, concurrency: true }, () => {
  let folder = '';
  let orders: RawServer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zidecar-test-'));
    orders = await RawServer.start(() => undefined);
    for (const service of ['orders', 'db']) {
      await mkdir(join(folder, 'services', service), { recursive: true });
      await writeFile(join(folder, 'services', service, 'one'), JSON.stringify({ address: '127.0.0.1', port: orders.port }));
    }
  });
  after(async () => {
    await orders.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  for (const lane of ['on', 'off'])
    it(`has lost nothing that came meanwhile, with FAST_LANE=${lane}`, async (t) => {
      const env = { ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_FAST_LANE: lane, ZIDECAR_UPSTREAMS: 'orders,db@tcp:0' };
      const sidecar = Sidecar.start({ ...env, ...limits });
      t.after(() => sidecar.kill());
      const app = async (what: 'outbound' | 'upstream' = 'outbound'): Promise<Wire> =>
        Wire.dial(Number((await sidecar.at(what)).split(':').at(-1)));
      for (const upstream of ['orders', 'db']) await sidecar.fact('endpoints_changed', { upstream, total: 1 });
      const [late, half, upload, slow] = await Promise.all([app(), app(), app(), app()]);
      const tunnel = await app('upstream');
      const peer = (mark: string): Promise<Wire> => eventually(() => orders.wires.find((wire) => wire.unread.includes(mark)));
      tunnel.write(`tunnel ${lane}`);
      late.write(head(`/late-${lane}`, 'Content-Length: 0\r\n\r\n'));
      half.write(head(`/half-${lane}`, 'Content-Length: 0\r\n\r\n'));
      upload.write(head(`/upload-${lane}`, 'Content-Length: 4\r\n\r\nte'));
      const marks = ['tunnel ', '/late-', '/half-', '/upload-'];
      const [db, ofLate, ofHalf, ofUpload] = await Promise.all(marks.map((mark) => peer(mark + lane)));
      ofHalf!.write(`${answer}te`);
      await half.until('\r\n\r\nte');
      slow.write(head(`/slow-${lane}`));

      sidecar.signal('SIGSTOP');
      await eventually(async () => / T /.test(await readFile(`/proc/${sidecar.pid}/stat`, 'utf8')));
      ofLate!.write(`${answer}late`);
      ofHalf!.write('xt');
      upload.write('xt');
      slow.write('Content-Length: 0\r\n\r\n');
      db!.write('answer');
      await sleep(heldUpMs);
      sidecar.signal('SIGCONT');

      match(await late.message(), / 200 OK(?:.|\r\n)*late$/);
      equal(await half.bytes(2), 'xt');
      await ofUpload!.until('\r\n\r\ntext');
      ofUpload!.write(`${answer}text`);
      match(await upload.message(), / 200 OK(?:.|\r\n)*text$/);
      (await peer(`/slow-${lane}`)).write(`${answer}slow`);
      match(await slow.message(), / 200 OK(?:.|\r\n)*slow$/);
      equal(await tunnel.bytes(6), 'answer');
    });
});
