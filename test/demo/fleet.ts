/**
 * The processes of the demo: three instances of `orders` and a caller, each beside its own sidecar. Every pair is started with one line,
 * `zidecar run -- node app.js`, and a handful of variables: what you would write yourself.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Report } from './caller.js';

const zidecar = fileURLToPath(new URL('../../agent/main.js', import.meta.url));
const script = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** One endpoint of `GET /upstreams`, as far as the demo shows it. */
export interface EndpointView {
  readonly id: string;
  readonly circuit: string;
  readonly attempts?: number;
  readonly failures?: number;
}

interface Pair {
  readonly process: ChildProcess;
  /** The process of the app, once the sidecar has started it. */
  app: number | undefined;
  readonly log: string[];
  /** Its end is not yet a failure: it may be started again with other ports. */
  starting: boolean;
}

/** Another demo may take a port between our look and our use of it. */
const MOST_STARTS = 5;
const taken = (log: readonly string[]): boolean =>
  log.some((line) => /EADDRINUSE|address already in use|is in use|taken/i.test(line));

const freePort = (wanted = 0): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => (wanted === 0 ? reject(error) : resolve(freePort())));
    server.listen(wanted, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

export class Fleet {
  /** The last that the caller reported. */
  report: Report = { total: 0, failed: 0, instances: {} };
  outbound = '';
  admin = '';
  health = '';
  readonly #zookeeper: string;
  readonly #pairs = new Map<string, Pair>();
  #ending = false;

  constructor(zookeeper: string) {
    this.#zookeeper = zookeeper;
  }

  /** Starts an instance of `orders` with its sidecar, and resolves when that has registered it. */
  async startInstance(name: string, weight: number): Promise<void> {
    await this.#startUntil('"kind":"announced"', name, 'orders', async () => {
      const port = String(await freePort());
      return {
        ZIDECAR_SERVICE: 'orders',
        ZIDECAR_INSTANCE_ID: name,
        ZIDECAR_APP_PORT: port,
        ZIDECAR_WEIGHT: String(weight),
        ZIDECAR_OUTBOUND: 'off',
        ZIDECAR_ADMIN: 'off',
        ZIDECAR_HEALTH: 'off',
        NAME: name,
        PORT: port,
      };
    });
  }

  /** Starts the caller with its sidecar, on zidecar's usual ports where these are free. */
  async startCaller(): Promise<void> {
    await this.#startUntil('every listener is open', 'caller', 'caller', async () => {
      this.outbound = `127.0.0.1:${await freePort(6140)}`;
      this.admin = `127.0.0.1:${await freePort(6190)}`;
      this.health = `127.0.0.1:${await freePort(6191)}`;
      return {
        ZIDECAR_UPSTREAMS: 'orders',
        ZIDECAR_OUTBOUND: this.outbound,
        ZIDECAR_ADMIN: this.admin,
        ZIDECAR_HEALTH: this.health,
        ZIDECAR_START_WAIT: '1m',
        OUTBOUND: this.outbound,
        HEALTH: this.health,
      };
    });
  }

  /** As a power cut would: the app and its sidecar, at once, with no good-bye. */
  kill(name: string): void {
    this.#signal(name, 'SIGKILL');
    this.#pairs.delete(name);
  }

  /** What the caller's sidecar knows; undefined while it does not answer. */
  async ask<T>(path: string): Promise<T | undefined> {
    try {
      const answer = await fetch(`http://${this.admin}${path}`, { signal: AbortSignal.timeout(1_000) });
      return (await answer.json()) as T;
    } catch {
      return undefined;
    }
  }

  /** The last words of a pair that ended though nobody told it to. */
  get failure(): string | undefined {
    for (const [name, { process: child, log, starting }] of this.#pairs) {
      const end = child.exitCode ?? child.signalCode;
      if (!starting && end !== null) return `${name} ended with ${end}:\n${log.slice(-15).join('\n')}`;
    }
    return undefined;
  }

  /** Ends everything: politely, the caller before those whom it calls, and after `patienceMs` not. */
  async end(patienceMs = 4_000): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    const [caller, others] = [['caller'], [...this.#pairs.keys()].filter((name) => name !== 'caller')];
    const ended = this.#end(caller).then(() => this.#end(others));
    await Promise.race([ended, new Promise((late) => setTimeout(late, patienceMs).unref())]);
    this.killAll();
    await ended;
  }

  async #end(names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        const child = this.#pairs.get(name)?.process;
        if (!child || child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        this.#signal(name, 'SIGTERM');
        await ended;
      }),
    );
  }

  killAll(): void {
    for (const name of this.#pairs.keys()) this.#signal(name, 'SIGKILL');
  }

  /** Starts a pair and waits until its log holds these words; with other ports when one of them was taken meanwhile. */
  async #startUntil(words: string, name: string, app: string, env: () => Promise<Record<string, string>>): Promise<void> {
    for (let starts = 1; ; starts++) {
      this.#start(name, app, await env());
      const pair = this.#pairs.get(name)!;
      await this.#said(name, words);
      if (this.#ending) return;
      const hasEnded = pair.process.exitCode !== null || pair.process.signalCode !== null;
      if (!hasEnded || starts === MOST_STARTS || !taken(pair.log)) {
        pair.starting = false;
        return;
      }
    }
  }

  #start(name: string, app: string, env: Record<string, string>): void {
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('ZIDECAR_')));
    const child = spawn(process.execPath, [zidecar, 'run', '--', process.execPath, script(app)], {
      env: {
        ...inherited,
        ZIDECAR_ZOOKEEPER: this.#zookeeper,
        ZIDECAR_SESSION_TIMEOUT: '4s', // so that a killed instance is seen to leave while you watch; in production keep 30s
        ZIDECAR_DRAIN_WAIT: '500ms',
        ZIDECAR_GRACE: '2s',
        ZIDECAR_SNAPSHOT: 'off',
        ZIDECAR_LOG_FORMAT: 'json',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a Ctrl-C is for the demo, which then ends all of them in order
    });
    const pair: Pair = { process: child, app: undefined, log: [], starting: true };
    const { log } = pair;
    const hear = (text: string): void => {
      if (text.includes('"kind":"child_started"')) pair.app = (JSON.parse(text) as { pid: number }).pid;
      if (text.startsWith('{"demo":')) this.report = (JSON.parse(text) as { demo: Report }).demo;
      else if (log.push(text) > 200) log.shift();
    };
    createInterface(child.stdout).on('line', hear);
    createInterface(child.stderr).on('line', hear);
    this.#pairs.set(name, pair);
  }

  /** Until a line of its log holds these words, or it has ended. */
  async #said(name: string, words: string): Promise<void> {
    const { process: child, log } = this.#pairs.get(name)!;
    while (child.exitCode === null && child.signalCode === null && !log.some((line) => line.includes(words))) await sleep(50);
  }

  /** To the sidecar; a SIGKILL to the app too, since the sidecar could not pass it on. */
  #signal(name: string, signal: NodeJS.Signals): void {
    const pair = this.#pairs.get(name);
    for (const pid of [pair?.process.pid, signal === 'SIGKILL' ? pair?.app : undefined]) {
      try {
        if (pid !== undefined) process.kill(pid, signal);
      } catch {
        // it has ended already
      }
    }
  }
}
