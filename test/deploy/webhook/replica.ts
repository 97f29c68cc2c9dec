/** The built program as a webhook with certificates of the test's own, and what asks it over TLS as an API server does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { certify } from '../../../deploy/webhook/x509.js';
import { dieWithUs, holding } from '../../support/die-with-us.js';

const NAME = 'injector.zidecar-system.svc';
const main = fileURLToPath(new URL('../../../agent/main.js', import.meta.url));

export interface Certificates {
  readonly folder: string;
  readonly ca: string;
  remove(): void;
}

export function certificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-webhook-'));
  const { cert, key, ca } = certify([NAME], Date.now(), 1);
  writeFileSync(join(folder, 'tls.crt'), cert);
  writeFileSync(join(folder, 'tls.key'), key);
  return { folder, ca, remove: () => rmSync(folder, { recursive: true }) };
}

export interface Replica {
  readonly port: number;
  readonly monitor: number;
  readonly pid: number;
  /** Told to end; resolves with code and signal when it has. */
  end(): Promise<unknown>;
}

/** Resolves when it hears questions. */
export async function replica({ folder }: Certificates): Promise<Replica> {
  const at = ['--listen', '127.0.0.1:0', '--monitor', '127.0.0.1:0', '--cert-dir', folder];
  const child = spawn(process.execPath, [main, 'webhook', '--zookeeper', 'zk:2181', ...at], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  dieWithUs(child);
  let [port, monitor] = [0, 0];
  const lines = createInterface(child.stdout);
  const listening = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      monitor ||= Number(/health and metrics at 127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0);
      port ||= Number(/questions at 127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0);
      if (port > 0) resolve();
    });
  });
  await holding(listening);
  return { port, monitor, pid: child.pid!, end: () => (child.kill('SIGTERM'), once(child, 'exit')) };
}

export interface Reply {
  readonly status: number;
  readonly text: string;
}

export function ask(port: number, ca: string, body: string, agent: Agent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const tls = { host: '127.0.0.1', port, ca, servername: NAME };
    request({ ...tls, method: 'POST', path: '/inject?timeout=5s', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString() }))
        .on('error', reject);
    })
      .on('error', reject)
      .end(body);
  });
}
