/**
 * One of those that are compared: how it is started before given endpoints, with the same features as the others (README.md), on one core.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../support/ports.js';
import type { Load } from '../load.js';
import type { Workload } from '../workloads.js';

/** What is behind the proxy: by Host, each service with its endpoints as `host:port`. With one service any Host will do. */
export interface Service {
  readonly name: string;
  readonly endpoints: readonly string[];
}

export interface Setting {
  readonly services: readonly Service[];
  /** Send a failed call again, once, to another endpoint. */
  readonly retries: boolean;
  readonly port: number;
  /** A folder of its own, for configuration and logs. */
  readonly folder: string;
  readonly core: number;
}

export interface Running {
  /** Its processes are this one and what came from it. Absent: there is none. */
  readonly pid?: number;
  /** Where it is called, if not where it was told to be. */
  readonly port?: number;
  /** What it is asked otherwise than the others. */
  readonly asks?: Pick<Load, 'field'>;
  /** The calls that each lane of it has taken so far; only of zidecar. */
  lanes?(): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

export interface Contender {
  readonly id: string;
  readonly title: string;
  /** Why it cannot be measured here, and what to do about it. */
  missing?(): string | undefined;
  version(): string;
  /** It is compiled while it runs, and has settled after so much time of its core. */
  readonly settlesInMs?: number;
  /** Why it has no part in a workload; undefined when it has. */
  unfit?(workload: Workload): string | undefined;
  start(setting: Setting): Promise<Running>;
}

export const freePorts = (count: number): Promise<number[]> => Promise.all(Array.from({ length: count }, () => freePort()));

/** Starts a program on one core; what it prints goes to a file of `folder`, which is the end of the message when it fails. */
export function launch(
  command: readonly string[],
  { core, folder, env = {} }: { readonly core: number; readonly folder: string; readonly env?: Readonly<Record<string, string>> },
): Launched {
  const log = `${folder}/log`;
  const out = openSync(log, 'a');
  const inherited = Object.entries(process.env).filter(([name]) => !/^(ZIDECAR_|POD_|NODE_OPTIONS)/.test(name));
  const child = spawn('taskset', ['-c', String(core), ...command], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', out, out],
  });
  return new Launched(child, command[0]!, log);
}

/** The status of an answer; 0 when there is none. */
const ask = (port: number, host: string): Promise<number> =>
  new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/0', headers: { host }, agent: false, timeout: 2_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('timeout', () => resolve(0))
      .on('error', () => resolve(0));
  });

export class Launched {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #log: string;

  constructor(child: ChildProcess, name: string, log: string) {
    this.#child = child;
    this.pid = child.pid!;
    this.#name = name;
    this.#log = log;
  }

  /** Resolves when it answers on this port as it will in the benchmark. */
  async answers(port: number, host: string): Promise<void> {
    for (let tries = 0; tries < 300; tries++) {
      if (this.#child.exitCode !== null) break;
      if ((await ask(port, host)) === 200) return;
      await sleep(50);
    }
    const said = readFileSync(this.#log, 'utf8').slice(-2_000);
    throw new Error(`${this.#name} does not answer on port ${port}; it said:\n${said}`);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 3_000);
    await ended;
    clearTimeout(late);
  }
}
