/** Drives native/load.c: says when it has begun to measure, and what it has seen. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { compile } from './native.js';

/** What to ask, over and over. */
export interface Load {
  readonly connections: number;
  /** `METHOD:PATH:BODY_BYTES:ANSWER_BYTES`, in turn; see native/load.c. */
  readonly calls: readonly string[];
  /** Calls a second, each at its own time. Absent: each connection asks again as soon as it was answered. */
  readonly rate?: number;
  /** A connection for each call. */
  readonly close?: boolean;
  /** Bytes of a message: messages in place of calls. */
  readonly websocket?: number;
  /** Host is s0, s1, … in turn. */
  readonly hosts?: number;
  /** A field more in the head of each call: `NAME: VALUE`. */
  readonly field?: string;
}

/** What the load generator has counted. */
export interface Seen {
  readonly calls: number;
  readonly failed: number;
  /** The first failure. */
  readonly why: string;
  /** Of bodies of answers. */
  readonly bytes: number;
  readonly seconds: number;
  /** Calls that were due and had no answer a second after the end; of `hold`, connections that were closed. */
  readonly unfinished: number;
  readonly latencyUs: Readonly<Record<'mean' | 'p50' | 'p90' | 'p99' | 'p999' | 'max', number>>;
}

export interface LoadOptions {
  readonly seconds: number;
  /** How long to go before measuring; each connection gets an answer before in any case. */
  readonly warmSeconds?: number;
  readonly core: number;
  /** Whatever the rate of the load. */
  readonly asFastAsItGoes?: boolean;
  /** Stay connected and silent until `release` in place of asking again. */
  readonly hold?: boolean;
}

export class LoadRun {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string, undefined>;
  #complaint = '';

  constructor(port: number, load: Load, { seconds, warmSeconds = 0, core, hold = false, asFastAsItGoes = false }: LoadOptions) {
    const options = [
      ...load.calls.flatMap((call) => ['call', call]),
      ...(load.rate === undefined || asFastAsItGoes ? [] : ['rate', load.rate]),
      ...(load.close === true ? ['close', 1] : []),
      ...(load.websocket === undefined ? [] : ['websocket', load.websocket]),
      ...(load.hosts === undefined ? [] : ['hosts', load.hosts]),
      ...(load.field === undefined ? [] : ['field', load.field]),
      ...(hold ? ['hold', 1] : []),
    ];
    const words = [port, load.connections, seconds, 'warm', warmSeconds, ...options].map(String);
    this.#child = spawn('taskset', ['-c', String(core), compile('load'), ...words], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.pid = this.#child.pid!;
    this.#child.stderr!.on('data', (chunk: Buffer) => (this.#complaint += chunk.toString()));
    this.#lines = createInterface(this.#child.stdout!)[Symbol.asyncIterator]() as AsyncIterator<string, undefined>;
  }

  /** Every connection has had an answer, and what is counted begins now. */
  async started(): Promise<void> {
    await this.#next();
  }

  async ended(): Promise<Seen> {
    return JSON.parse(await this.#next()) as Seen;
  }

  /** Ends a `hold`. */
  release(): void {
    this.#child.stdin!.end();
  }

  /** Ends it now; nothing that was asked of it is answered any more. */
  kill(): void {
    this.#child.kill();
  }

  async #next(): Promise<string> {
    const line = await this.#lines.next();
    if (line.done !== true) return line.value;
    throw new Error(`the load generator ended: ${this.#complaint.trim()}`);
  }
}
