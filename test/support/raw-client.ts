/**
 * Another client of ZooKeeper, in a process of its own and, where the native package is built, without a line of ours: it writes what others write, and looks at what we
 * wrote. Its process can be frozen or killed, as a pod can.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { withoutOurSockets } from '../../agent/inherited.js';
import { dieWithUs } from './die-with-us.js';

/** A frozen server never answers, and a test that waits for it must fail rather than wait. */
const PATIENCE_MS = 60_000;

const MODES = { persistent: 0, ephemeral: 1, persistent_sequential: 2, ephemeral_sequential: 3, container: 4 } as const;
export type RawMode = keyof typeof MODES;

export interface Command {
  readonly op: 'create' | 'set' | 'get' | 'exists' | 'children' | 'remove' | 'acl' | 'sync' | 'close';
  readonly path: string;
  readonly data?: Uint8Array;
  readonly mode?: number;
  readonly acl?: readonly { readonly perms: number; readonly scheme: string; readonly auth: string }[];
}
interface Answer {
  readonly number: number;
  readonly code: number;
  readonly words: string;
  readonly answer: readonly unknown[];
}
export interface RawStat {
  /** Of the session that holds it, in hex; '0' for none. */
  readonly ephemeralOwner: string;
  readonly version: number;
  readonly dataLength: number;
  readonly mzxid: number;
}

const bytes = (data: string | Uint8Array): Uint8Array => (typeof data === 'string' ? new TextEncoder().encode(data) : data);

export class RawClient {
  /** Of its session, in hex. */
  readonly id: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #number = 0;

  private constructor(child: ChildProcess, id: string) {
    this.#child = child;
    this.id = id;
    child.on('message', (answer: Answer) => this.#waiting.get(answer.number)?.(answer));
  }

  /** Resolves when it has a session, which outlives a machine that stands still for seconds, and a server that is restarted. `connect`: addresses only. */
  static async open(connect: string, timeoutMs = 18_000): Promise<RawClient> {
    const script = fileURLToPath(new URL('./raw-client-process.js', import.meta.url));
    const child = withoutOurSockets(['ignore', 'inherit', 'inherit', 'ipc'], (stdio) =>
      fork(script, [connect, String(timeoutMs)], { stdio, serialization: 'advanced' }),
    );
    dieWithUs(child);
    const [{ id }] = (await inTime(once(child, 'message'), `a session with ${connect}`)) as [{ id: string }];
    return new RawClient(child, id);
  }

  /** Answers with the path as created. */
  async create(path: string, data: string | Uint8Array = '', mode: RawMode = 'persistent'): Promise<string> {
    return (await this.#ask<[string]>({ op: 'create', path, data: bytes(data), mode: MODES[mode] }))[0];
  }

  /** Creates a persistent node and what is missing above it, or replaces its data. */
  async plant(path: string, data: string | Uint8Array = ''): Promise<void> {
    if (await this.exists(path)) return this.set(path, data);
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent !== '' && !(await this.exists(parent))) await this.plant(parent);
    await this.create(path, data);
  }

  async set(path: string, data: string | Uint8Array): Promise<void> {
    await this.#ask({ op: 'set', path, data: bytes(data) });
  }

  async get(path: string): Promise<{ readonly data: Uint8Array; readonly text: string; readonly stat: RawStat } | undefined> {
    const answer = await this.#ask<[RawStat, Uint8Array | null]>({ op: 'get', path }, true);
    const data = answer?.[1] ?? new Uint8Array();
    return answer && { data, text: new TextDecoder().decode(data), stat: answer[0] };
  }

  async exists(path: string): Promise<RawStat | undefined> {
    await this.#ask({ op: 'sync', path });
    return (await this.#ask<[RawStat]>({ op: 'exists', path }, true))?.[0];
  }

  async children(path: string): Promise<readonly string[] | undefined> {
    await this.#ask({ op: 'sync', path });
    return (await this.#ask<[readonly string[]]>({ op: 'children', path }, true))?.[0];
  }

  async remove(path: string): Promise<boolean> {
    return (await this.#ask({ op: 'remove', path }, true)) !== undefined;
  }

  /** Lets nobody do anything with the node but what `permissions` says: a sum of read 1, write 2, create 4, delete 8, admin 16. */
  async restrict(path: string, permissions: number): Promise<void> {
    await this.#ask({ op: 'acl', path, acl: [{ perms: permissions, scheme: 'world', auth: 'anyone' }] });
  }

  /** Its process stands still; its session runs out. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Its session runs out. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Its session ends at once. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.send({ number: 0, op: 'close', path: '/' });
    await inTime(ended, 'the end of its session').catch(() => this.kill());
  }

  async #ask<A extends readonly unknown[]>(command: Command): Promise<A>;
  async #ask<A extends readonly unknown[]>(command: Command, mayBeMissing: true): Promise<A | undefined>;
  async #ask(command: Command, mayBeMissing = false): Promise<readonly unknown[] | undefined> {
    const number = ++this.#number;
    const answered = new Promise<Answer>((resolve) => {
      this.#waiting.set(number, resolve);
      this.#child.send({ number, ...command });
    });
    const { code, words, answer } = await inTime(answered, `${command.op} ${command.path}`);
    this.#waiting.delete(number);
    if (code === -101 && mayBeMissing) return undefined;
    if (code !== 0) throw new Error(`${command.op} ${command.path}: ${words} (${code})`);
    return answer;
  }
}

/** Keeps this process alive until it settles, and fails when that takes too long. */
async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${PATIENCE_MS / 1_000} s`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
