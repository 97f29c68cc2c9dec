/** Small HTTP apps to call, and calls that go on while something happens: what came back, and what was lost. */
import { Agent, createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { holding } from './die-with-us.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface App {
  readonly name: string;
  readonly port: number;
  /** What /healthz says. */
  well: boolean;
  readonly served: number;
  close(): Promise<void>;
}

/** Answers with its name, and on /healthz how it is. Waits for running calls when it closes. */
export async function app(name: string, port = 0, host = '127.0.0.1'): Promise<App> {
  let [well, served] = [true, 0];
  const server: Server = createServer((asked, response) => {
    asked.resume();
    if (asked.url === '/healthz') return void response.writeHead(well ? 200 : 503).end();
    served++;
    response.end(name);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  return {
    name,
    port: (server.address() as AddressInfo).port,
    get well() {
      return well;
    },
    set well(now: boolean) {
      well = now;
    },
    get served() {
      return served;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

/** One call by way of a sidecar: `at` is its outbound listener, `service` goes into Host. */
export function call(
  at: string,
  service: string,
  options: { path?: string; method?: string; body?: string; headers?: Record<string, string>; agent?: Agent } = {},
): Promise<Answer> {
  const [host = '', port = ''] = at.split(/:(?=\d+$)/);
  return new Promise((resolve, reject) => {
    const { path = '/', method = 'GET', headers = {}, agent } = options;
    const asked = request(
      { host, port, path, method, headers: { host: service, ...headers }, ...(agent ? { agent } : {}) },
      (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
        response.on('error', reject);
      },
    );
    asked.on('error', reject);
    asked.end(options.body);
  });
}

export interface Tally {
  readonly total: number;
  /** One sentence for each lost call. */
  readonly lost: readonly string[];
  /** Calls by what was answered. */
  readonly by: ReadonlyMap<string, number>;
}

interface Asked {
  readonly method: string;
  readonly paths: number;
  readonly headers: Record<string, string>;
}

/** Calls one service again and again, some at a time, until it is told to stop. */
export class Calling {
  #total = 0;
  #stopped = false;
  readonly #lost: string[] = [];
  readonly #by = new Map<string, number>();
  readonly #workers: Promise<void>[];
  readonly #agent: Agent;
  readonly #began = performance.now();

  /** `pauseMs` between two calls of one worker: with 5 workers and 10 ms, some 500 calls a second. `paths`: so many, by turns. */
  constructor(at: string, service: string, { workers = 5, pauseMs = 10, method = 'GET', paths = 1, headers = {} } = {}) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: workers });
    this.#workers = Array.from({ length: workers }, () => this.#work(at, service, pauseMs, { method, paths, headers }));
  }

  get total(): number {
    return this.#total;
  }

  async stop(): Promise<Tally> {
    this.#stopped = true;
    await holding(Promise.all(this.#workers));
    this.#agent.destroy();
    return { total: this.#total, lost: this.#lost, by: this.#by };
  }

  async #work(at: string, service: string, pauseMs: number, asked: Asked): Promise<void> {
    while (!this.#stopped) {
      const when = (): string => `${((performance.now() - this.#began) / 1_000).toFixed(2)} s:`;
      try {
        const { method, paths, headers: sent } = asked;
        const path = paths === 1 ? '/' : `/${this.#total % paths}`;
        const { status, headers, body } = await call(at, service, { agent: this.#agent, method, path, headers: sent });
        if (status === 200) this.#by.set(body, (this.#by.get(body) ?? 0) + 1);
        else this.#lost.push(`${when()} ${status} ${String(headers['x-zidecar-error'] ?? '')} ${body}`);
      } catch (error) {
        this.#lost.push(`${when()} ${String(error)}`);
      }
      this.#total++;
      await new Promise((resolve) => setTimeout(resolve, pauseMs).unref()); // a test that failed half way leaves them behind
    }
  }
}
