/** The built program in a cluster that is an API server of the test's own: certificates, questions over TLS, hostile ones, and its end. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { Agent, request, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runWebhook } from '../../../deploy/webhook/command.js';
import { fromFiles } from '../../../deploy/webhook/certificates.js';
import { at, textAt, type Json } from '../../../deploy/inject/json.js';
import { certify } from '../../../deploy/webhook/x509.js';
import { dieWithUs } from '../../support/die-with-us.js';
import { zidecar } from '../../support/program.js';
import { FakeApi, serve } from './api.js';
import { podOf, question } from './question.js';

const name = 'injector.zidecar-system.svc';

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly peer: string;
}

function ask(port: number, ca: string, body: string | Buffer, more: RequestOptions = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        host: '127.0.0.1',
        port,
        ca,
        servername: name,
        method: 'POST',
        path: '/inject?timeout=10s',
        agent: new Agent(),
        headers: { 'content-type': 'application/json' },
        ...more,
      },
      (response) => {
        const peer = (response.socket as unknown as { getPeerCertificate(): { fingerprint256: string } }).getPeerCertificate()
          .fingerprint256;
        let text = '';
        response
          .on('data', (chunk: Buffer) => (text += chunk.toString()))
          .on('end', () => resolve({ status: response.statusCode!, text, peer }));
      },
    );
    asking.on('error', reject).end(body);
  });
}

const fetchText = (port: number, path: string): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    plainRequest({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let text = '';
      response
        .on('data', (chunk: Buffer) => (text += chunk.toString()))
        .on('end', () => resolve({ status: response.statusCode!, text }));
    })
      .on('error', reject)
      .end();
  });

describe('zidecar webhook', () => {
  const api = new FakeApi();
  const said: string[] = [];
  let child: ChildProcess;
  let [port, monitor] = [0, 0];
  let close = (): void => undefined;

  before(async () => {
    const { server, port: apiPort, account } = await serve(api);
    close = () => {
      server.close();
      server.closeAllConnections();
      rmSync(account, { recursive: true });
    };
    const main = fileURLToPath(new URL('../../../agent/main.js', import.meta.url));
    child = spawn(
      process.execPath,
      [
        main,
        'webhook',
        '--zookeeper',
        'zk:2181',
        '--listen',
        '127.0.0.1:0',
        '--monitor',
        '127.0.0.1:0',
        '--service-account',
        account,
      ],
      {
        env: { PATH: process.env['PATH'], KUBERNETES_SERVICE_HOST: 'localhost', KUBERNETES_SERVICE_PORT: String(apiPort) },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    dieWithUs(child);
    await new Promise<void>((resolve, reject) => {
      createInterface(child.stdout!).on('line', (line) => {
        said.push(line);
        if (line.includes('no certificate')) reject(new Error(line));
        monitor ||= Number(/health and metrics at 127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0);
        port ||= Number(/questions at 127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0);
        if (port > 0) resolve();
      });
    });
  });
  after(() => close());

  it('makes its certificate, and has API servers believe it before it answers', async () => {
    equal(api.bundles()[0], api.text('ca.crt'));
    equal((await fetchText(monitor, '/ready')).status, 200);
    ok(said.every((line) => !line.includes('the-token') && !line.includes('PRIVATE')));
  });

  it('answers over TLS with a patch', async () => {
    const { status, text } = await ask(port, api.bundles()[0]!, JSON.stringify(question()));
    equal(status, 200);
    const review = JSON.parse(text) as Json;
    equal(at(review, ['response', 'allowed']), true);
    const patch = JSON.parse(Buffer.from(textAt(review, 'response', 'patch')!, 'base64').toString('utf8')) as { path: string }[];
    ok(patch.some(({ path }) => path === '/spec/initContainers'));
  });

  for (const [what, body, more, expected] of [
    ['something larger than any pod', Buffer.alloc(9 * 1024 * 1024, 32), {}, 413],
    ['another type', '{}', { headers: { 'content-type': 'text/plain' } }, 415],
    ['no type', '{}', { headers: {} }, 415],
    ['half a JSON', '{"kind": "AdmissionReview"', {}, 400],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), {}, 400],
    ['nothing', '', {}, 400],
    ['brackets without end', '['.repeat(1_000_000), {}, 400],
    ['a review of another version', JSON.stringify({ ...question(), apiVersion: 'admission.k8s.io/v1beta1' }), {}, 400],
    ['another path', '{}', { path: '/' }, 404],
    ['another method', '', { method: 'GET' }, 405],
  ] as const) {
    it(`answers ${what} with ${expected}, and goes on`, async () => {
      // whoever sends too much may find the door closed before it has read why
      const reply = await ask(port, api.bundles()[0]!, body, more as RequestOptions).catch(
        (error: unknown) => error as NodeJS.ErrnoException,
      );
      if (reply instanceof Error) ok(expected === 413 && ['EPIPE', 'ECONNRESET'].includes(reply.code ?? ''), String(reply));
      else equal(reply.status, expected, reply.text);
      equal((await ask(port, api.bundles()[0]!, JSON.stringify(question()))).status, 200);
    });
  }

  it('is deep in brackets and lives', async () => {
    const deep = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    const body = JSON.stringify(question(podOf({ annotations: 'DEEP' }))).replace('"DEEP"', deep);
    const { status, text } = await ask(port, api.bundles()[0]!, body);
    equal(status, 200);
    equal(at(JSON.parse(text) as Json, ['response', 'allowed']), true);
  });

  it('has an answer for who comes when idle connections fill it, and closes the longest idle', async () => {
    const idle = Array.from({ length: 520 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    equal((await ask(port, api.bundles()[0]!, JSON.stringify(question()))).status, 200);
    match((await fetchText(monitor, '/metrics')).text, /\nzidecar_webhook_connections_evicted_total [1-9]\d*\n/);
    for (const socket of idle) socket.destroy();
  });

  it('logs what is no question once a minute for each status', () => {
    equal(said.filter((line) => line.includes('"msg":"415 to')).length, 1);
  });

  it('hears no plain HTTP where questions come in', async () => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /inject HTTP/1.1\r\nhost: x\r\n\r\n'));
    socket.on('error', () => undefined).resume();
    await once(socket, 'close');
  });

  it('counts what it did', async () => {
    const { text } = await fetchText(monitor, '/metrics');
    match(text, /\nzidecar_webhook_reviews_total\{result="injected"\} \d+\n/);
    match(text, /\nzidecar_webhook_rejected_total\{code="415"\} 2\n/);
    match(text, /\nzidecar_webhook_review_duration_seconds_bucket\{le="\+Inf"\} \d+\n/);
    match(text, /\nzidecar_webhook_certificate_expiry_seconds \d{10}\n/);
    deepEqual((await fetchText(monitor, '/nothing')).status, 404);
  });

  it('says that it is not ready when it is to end, answers on meanwhile, and ends with 0', async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    for (;;) if ((await fetchText(monitor, '/ready')).status === 503) break;
    equal((await ask(port, api.bundles()[0]!, JSON.stringify(question()))).status, 200);
    deepEqual(await ended, [0, null]);
  });

  it('outside of a cluster says what it needs', async () => {
    const { code, err } = await zidecar(['webhook', '--zookeeper', 'zk:2181', '--listen', 'nowhere', '--tls-secret', 'X']);
    equal(code, 64);
    match(err, /--listen="nowhere" has no port/);
    match(err, /--tls-secret="X" has "X" in it/);
    match(
      (await zidecar(['webhook', '--zookeeper', 'zk:2181'])).err,
      /KUBERNETES_SERVICE_HOST is not set; elsewhere give --cert-dir/,
    );
  });
});

describe('a webhook with certificates of somebody else', () => {
  it('serves with the new one when the files change, on connections that begin then', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'zidecar-tls-'));
    const [first, second] = [certify([name], Date.now(), 1), certify([name], Date.now(), 1)];
    const write = ({ cert, key }: { cert: string; key: string }): void => {
      writeFileSync(join(folder, 'tls.crt'), cert);
      writeFileSync(join(folder, 'tls.key'), key);
    };
    write(first);
    let [port, minute] = [0, (): void => undefined];
    let looked = (): void => undefined;
    const asleep = new Promise<void>((resolve) => (looked = resolve));
    const clock = {
      now: () => performance.now(),
      wall: () => Date.now(),
      sleep: (_: number, signal?: AbortSignal) =>
        new Promise((resolve, reject) => {
          if (signal === undefined) return resolve(undefined);
          minute = () => resolve(undefined);
          signal.addEventListener('abort', () => reject(new Error('stopped')));
          looked();
        }),
    };
    const told: string[] = [];
    const print = (line: string): void => {
      told.push(line);
      port ||= Number(/questions at 127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0);
    };
    const listen = [{ kind: 'tcp', host: '127.0.0.1', port: 0 }] as const;
    const options = { settings: { zookeeper: 'zk:2181' }, container: { image: 'zidecar:1' } };
    const exit = (): never => {
      throw new Error('exit');
    };
    const ended = runWebhook({ listen, monitor: [], options, certificates: fromFiles(folder) }, { clock, print, exit });
    await asleep;
    const both = first.ca + second.ca;
    const before = await ask(port, both, JSON.stringify(question()));
    write(second);
    minute();
    for (;;) {
      const now = await ask(port, both, JSON.stringify(question()));
      if (now.peer !== before.peer) break;
    }
    equal(told.filter((line) => line.includes('a certificate that holds until')).length, 2);
    process.emit('SIGTERM', 'SIGTERM');
    equal(await ended, 0);
    rmSync(folder, { recursive: true });
  });
});
