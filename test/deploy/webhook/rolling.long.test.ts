/**
 * A rolling update of the webhook: two replicas of the built program behind what stands for a Service, which hears of an end as late as
 * nodes do, asked all the while over kept connections, as API servers do.
 */
import { deepEqual, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { certify } from '../../../deploy/webhook/x509.js';
import { dieWithUs, holding } from '../../support/die-with-us.js';
import { question } from './question.js';

const name = 'injector.zidecar-system.svc';
const main = fileURLToPath(new URL('../../../agent/main.js', import.meta.url));
/** Until the nodes' rules follow a pod's readiness. */
const HEARD_AFTER_MS = 1_500;

interface Replica {
  readonly port: number;
  readonly monitor: number;
  end(): Promise<unknown>;
}

async function replica(folder: string): Promise<Replica> {
  const at = ['--listen', '127.0.0.1:0', '--monitor', '127.0.0.1:0', '--cert-dir', folder];
  const child = spawn(process.execPath, [main, 'webhook', '--zookeeper', 'zk:2181', ...at], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  dieWithUs(child);
  let [port, monitor] = [0, 0];
  const lines = createInterface(child.stdout);
  await new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      monitor ||= Number(/health and metrics at 127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0);
      port ||= Number(/questions at 127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0);
      if (port > 0) resolve();
    });
  });
  return { port, monitor, end: () => (child.kill('SIGTERM'), once(child, 'exit')) };
}

const ready = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/ready', agent: false }, (response) =>
      resolve(response.resume().statusCode === 200),
    ).on('error', () => resolve(false));
  });

it('a rolling update of two replicas leaves no question without an answer', { timeout: 120_000 }, () => holding(roll()));

async function roll(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-rolling-'));
  after(() => rmSync(folder, { recursive: true }));
  const { cert, key, ca } = certify([name], Date.now(), 1);
  writeFileSync(join(folder, 'tls.crt'), cert);
  writeFileSync(join(folder, 'tls.key'), key);

  let replicas = [await replica(folder), await replica(folder)];
  let routed = replicas;
  let rolling = true;
  const heard = async (): Promise<void> => {
    while (rolling) {
      const well: Replica[] = [];
      for (const each of replicas) if (await ready(each.monitor)) well.push(each);
      await sleep(HEARD_AFTER_MS);
      routed = well;
    }
  };
  const failed: string[] = [];
  let answered = 0;
  const askOn = async (): Promise<void> => {
    const agents = new Map<number, Agent>(); // kept connections, to each replica
    for (let turn = 0; rolling; turn++) {
      const { port } = routed[turn % routed.length]!;
      const agent = agents.get(port) ?? new Agent({ keepAlive: true, maxSockets: 1 });
      agents.set(port, agent);
      await new Promise<void>((resolve) => {
        const fail = (error: Error): void => (failed.push(error.message), resolve());
        const headers = { 'content-type': 'application/json' };
        request(
          { host: '127.0.0.1', port, ca, servername: name, method: 'POST', path: '/inject', agent, headers },
          (response) => {
            if (response.statusCode === 200) answered++;
            else failed.push(String(response.statusCode));
            response.resume().on('end', resolve).on('error', fail);
          },
        )
          .on('error', fail)
          .end(JSON.stringify(question()));
      });
      await sleep(5);
    }
    for (const agent of agents.values()) agent.destroy();
  };

  const going = [heard(), askOn(), askOn()];
  for (const old of replicas) {
    const next = await replica(folder); // maxUnavailable: 0
    replicas = [...replicas, next];
    while (!routed.includes(next)) await sleep(50);
    deepEqual(await old.end(), [0, null]);
    replicas = replicas.filter((each) => each !== old);
  }
  rolling = false;
  await Promise.all(going);
  await Promise.all(replicas.map((each) => each.end()));
  deepEqual(failed, []);
  ok(answered > 500, `${answered} answers`);
}
