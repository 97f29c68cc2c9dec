/**
 * What a sidecar needs at a few loads, measured: `npm run sizing` prints the table of deploy/docs/sizing.md. A caller's sidecar with three
 * endpoints; calls of 1 KB at a fixed rate over 16 connections; processor time and memory of the sidecar's process alone, from /proc.
 * Processor time is told as a share of one core, which a loaded machine changes less than it changes latency.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cpuMs, residentBytes } from '../bench/proc.js';
import { Calling } from '../support/calls.js';
import { Sidecar } from '../support/program.js';

const RATES = [0, 10, 100, 300, 1_000];
const WARM_UP_MS = 3_000;
const MEASURED_MS = 15_000;
const WORKERS = 16;

/** In a process of its own: three apps, or calls at a rate. */
async function part(role: string, ...args: string[]): Promise<ChildProcess> {
  const child = fork(fileURLToPath(import.meta.url), [role, ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await once(child, 'message');
  return child;
}

async function apps(): Promise<void> {
  const body = 'x'.repeat(1_024);
  for (const port of process.argv.slice(3)) {
    const server = createServer((asked, answer) => (asked.resume(), answer.end(asked.url === '/healthz' ? '' : body)));
    await once(server.listen(Number(port), '127.0.0.1'), 'listening');
  }
  process.send!('ready');
}

/** As near to the rate as pauses come; what was reached is told beside it. */
async function load(at: string, rate: number): Promise<void> {
  process.send!('ready');
  const pauseMs = Math.max(0, (1_000 * WORKERS) / rate - 1);
  const calling = new Calling(at, 'orders', { workers: WORKERS, pauseMs });
  process.on('message', () => process.send!(calling.total));
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

async function total(calls: ChildProcess): Promise<number> {
  calls.send('total');
  return ((await once(calls, 'message')) as [number])[0];
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-sizing-'));
  const ports = await freePorts(3);
  const behind = await part('apps', ...ports.map(String));
  const registry = { ZIDECAR_ZOOKEEPER: `dir:${folder}` };
  const instances = ports.map((port) =>
    Sidecar.start({ ...registry, ZIDECAR_SERVICE: 'orders', ZIDECAR_APP_PORT: String(port), ZIDECAR_OUTBOUND: 'off' }),
  );
  await Promise.all(instances.map((instance) => instance.fact('announced')));
  console.log('| calls a second | asked for | of a core | memory |\n|---:|---:|---:|---:|');
  for (const rate of RATES) {
    const sidecar = Sidecar.start({ ...registry, ZIDECAR_UPSTREAMS: 'orders' });
    const calls = rate === 0 ? undefined : await part('load', await sidecar.at('outbound'), String(rate));
    await sleep(WARM_UP_MS);
    const [cpu, done, began] = [cpuMs(sidecar.pid), calls ? await total(calls) : 0, performance.now()];
    await sleep(MEASURED_MS);
    const ms = performance.now() - began;
    const rated = calls ? ((await total(calls)) - done) / (ms / 1_000) : 0;
    const share = (100 * (cpuMs(sidecar.pid) - cpu)) / ms;
    console.log(
      `| ${rated.toFixed(0)} | ${rate} | ${share.toFixed(1)} % | ${(residentBytes(sidecar.pid) / 2 ** 20).toFixed(0)} MiB |`,
    );
    calls?.kill();
    sidecar.kill();
  }
  for (const each of instances) each.kill();
  behind.kill();
  rmSync(folder, { recursive: true });
}

const [, , role, ...args] = process.argv;
if (role === 'apps') await apps();
else if (role === 'load') await load(args[0]!, Number(args[1]));
else await measure();
