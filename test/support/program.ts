/**
 * The built program as a real process: what the flow tests drive. Every line of its log is kept; waiting is for a fact, never for a time.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { dieWithUs, holding } from './die-with-us.js';
import { isNativeBuilt } from './native.js';

const main = fileURLToPath(new URL('../../agent/main.js', import.meta.url));

/** EX_UNAVAILABLE: the registry has not answered. */
const UNAVAILABLE = 69;

/** What ZIDECAR_ZOOKEEPER_CLIENT takes: a flow is to go the same way with either, and with ours alone where the other is not built. */
export const clients: Iterable<'native' | 'wire'> = {
  *[Symbol.iterator]() {
    if (isNativeBuilt()) yield 'native';
    yield 'wire';
  },
};

/** One line of the log: the fact's own fields, `kind` among them. */
export type Line = Readonly<Record<string, unknown>> & { readonly kind?: string };

/** Only what a test sets: nothing of the surrounding ZIDECAR_ variables leaks in. */
const environment = (env: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ZIDECAR_') && !name.startsWith('POD_'))),
  ...env,
});

/** Runs a one-shot command to its end. */
export async function zidecar(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [main, ...args], { env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err };
}

/** Who says sooner that nobody can be reached was told so. */
const SHORTEST_MS = 8_000;

/**
 * A look into the registry, and twice again if it gives up: it ends within ten seconds, of which a busy machine takes most before the first
 * word is sent.
 */
async function look(args: readonly string[], env: Record<string, string>): ReturnType<typeof zidecar> {
  for (let left = 2; ; left--) {
    const begun = performance.now();
    const ended = await zidecar(args, env);
    const gaveUp = ended.code === UNAVAILABLE && performance.now() - begun > SHORTEST_MS;
    if (!(gaveUp || ended.out.includes('time was up')) || left === 0) return ended;
  }
}

type Look = (args: readonly string[], env?: Record<string, string>) => ReturnType<typeof zidecar>;
export const services: Look = (args, env = {}) => look(['services', ...args], env);
export const lint: Look = (args, env = {}) => look(['lint', ...args], env);

/** Every listener on a free loopback port, and little patience. */
export const sidecarDefaults = {
  ZIDECAR_OUTBOUND: '127.0.0.1:0',
  ZIDECAR_ADMIN: '127.0.0.1:0',
  ZIDECAR_HEALTH: '127.0.0.1:0',
  ZIDECAR_SESSION_TIMEOUT: '4s',
  ZIDECAR_DRAIN_WAIT: '300ms',
  ZIDECAR_GRACE: '2s',
  ZIDECAR_PROBE_TIMEOUT: '10s', // the app of a test stands still with the test
  ZIDECAR_SNAPSHOT: 'off',
  ZIDECAR_LOG_FORMAT: 'json',
};

/** The command line that starts a sidecar with an app; the app's own follows. */
export const sidecarCommand: readonly string[] = [process.execPath, main, 'run', '--'];

export class Sidecar {
  readonly lines: Line[] = [];
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #other = '';
  #code: number | undefined;
  #signal: NodeJS.Signals | null = null;

  private constructor(child: ChildProcess) {
    this.#child = child;
    dieWithUs(child, () => {
      child.kill('SIGKILL');
      this.kill();
    });
    process.once('exit', () => this.#tellOfFailure());
    const hear = (text: string): void => {
      try {
        this.lines.push(JSON.parse(text) as Line);
      } catch {
        this.#other += `${text}\n`;
      }
      for (const look of this.#waiting) look();
    };
    createInterface(child.stdout!).on('line', hear);
    createInterface(child.stderr!).on('line', hear);
    child.once('close', (code, signal) => {
      this.#code = code ?? (signal === null ? -1 : -2);
      this.#signal = signal;
      for (const look of this.#waiting) look();
    });
  }

  /** A sidecar that somebody else has started, with pipes for its output. */
  static of(child: ChildProcess): Sidecar {
    return new Sidecar(child);
  }

  /** Starts `zidecar run` with every listener on a free loopback port unless `env` says otherwise. */
  static start(env: Readonly<Record<string, string>>, command: readonly string[] = []): Sidecar {
    const args = command.length > 0 ? [...sidecarCommand.slice(1), ...command] : [main, 'run'];
    return new Sidecar(
      spawn(process.execPath, args, {
        env: environment({ ...sidecarDefaults, ...env }),
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      }),
    );
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** What was printed that is not a line of the log. */
  get other(): string {
    return this.#other;
  }

  /** Resolves with the first line, past or future, that fits. Rejects when the process ends before. */
  async said(fits: (line: Line) => boolean, what = fits.toString()): Promise<Line> {
    for (;;) {
      const line = this.lines.find(fits);
      if (line) return line;
      if (this.#code !== undefined)
        throw new Error(`the sidecar ended with ${this.#signal ?? this.#code} and never said ${what}\n${this.story()}`);
      await this.#news();
    }
  }

  fact(kind: string, fields: Readonly<Record<string, unknown>> = {}): Promise<Line> {
    return this.said(
      (line) => line.kind === kind && Object.entries(fields).every(([name, value]) => line[name] === value),
      `${kind} ${JSON.stringify(fields)}`,
    );
  }

  /** `host:port` of one of its listeners. */
  async at(what: 'outbound' | 'admin' | 'health' | 'upstream', upstream?: string): Promise<string> {
    return String((await this.fact('listening', upstream === undefined ? { what } : { what, upstream }))['at']);
  }

  /** Over a connection of its own each time: one that is kept may be closed by the sidecar at the moment when a test goes on after a pause. */
  async get<T>(path: string): Promise<T> {
    const init = { headers: { connection: 'close' } };
    return (await (await fetch(`http://${await this.at('admin')}${path}`, init)).json()) as T;
  }

  async post<T>(path: string, body: unknown = {}): Promise<T> {
    const init = {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { connection: 'close', 'content-type': 'application/json' },
    };
    return (await (await fetch(`http://${await this.at('admin')}${path}`, init)).json()) as T;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** The sidecar and everything it started, at once, as a power cut would. The app it started leads a group of its own. */
  kill(): void {
    const app = this.lines.find(({ kind }) => kind === 'child_started')?.['pid'];
    for (const group of [this.pid, ...(typeof app === 'number' ? [app] : [])]) {
      try {
        process.kill(-group, 'SIGKILL');
      } catch {
        // it has ended already
      }
    }
  }

  /** To every process of its group, as a terminal or a supervisor sends it. */
  signalGroup(name: NodeJS.Signals): void {
    process.kill(-this.pid, name);
  }

  /** Its exit code; -2 when a signal ended it. */
  async ended(): Promise<number> {
    while (this.#code === undefined) await this.#news();
    return this.#code;
  }

  async stop(): Promise<number> {
    this.signal('SIGTERM');
    return this.ended();
  }

  /** The whole log, for the message of a failure. */
  story(): string {
    return (
      this.lines
        .map((line) => `  ${String(line['time']).slice(11, 23)} ${String(line['level'])} ${String(line['msg'])}`)
        .join('\n') + `\n${this.#other}`
    );
  }

  /** A test that was cut off at its time limit has no message: what the sidecar said last is all there is to look at. */
  #tellOfFailure(): void {
    if (process.exitCode) console.error(`what sidecar ${this.pid} said last:\n${this.story().slice(-4_000)}`);
  }

  #news(): Promise<void> {
    return holding(
      new Promise((resolve) => {
        const look = (): void => {
          this.#waiting.delete(look);
          resolve();
        };
        this.#waiting.add(look);
      }),
    );
  }
}

/** Looks again until it holds. The test's own time limit is the only one. */
export async function eventually<T>(look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
