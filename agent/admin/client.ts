/**
 * Asks the admin of a running sidecar, for `zidecar status`, `why` and `drain`. Three things may be wrong, and each has its sentence:
 * nobody answers, somebody else answers, or the sidecar says no. The first two are NoSidecar, the last is a value.
 */
import type { RequestOptions } from 'node:http';
import { address } from '../../lb/endpoint.js';
import { request } from '../../lb/node-http.js';
import type { Clock } from '../../lb/ports.js';
import type { Listener } from '../config/addresses.js';
import { SERVER } from './views.js';

/** No sidecar answers there: exit code 69. */
export class NoSidecar extends Error {
  override readonly name = 'NoSidecar';
}

/** The view, or what the sidecar said against it. */
export type Reply = { readonly view: unknown } | { readonly status: number; readonly message: string };

/** What is more is not an answer of a sidecar. */
const MOST_ANSWER_BYTES = 16 * 1024 * 1024;

/** `timeoutMs` bounds the whole call. Rejects with NoSidecar only. */
export async function askAdmin(
  at: Listener,
  method: 'GET' | 'POST',
  path: string,
  timeoutMs: number,
  clock: Pick<Clock, 'after'>,
  change?: object,
): Promise<Reply> {
  const { status, server, text } = await call(at, { method, path, agent: false }, timeoutMs, clock, change);
  const body = server === SERVER ? parse(text) : undefined;
  if (body === undefined) throw new NoSidecar(`what answers at ${shown(at)} is not a sidecar: ${hint}`);
  if (status === 200) return { view: body };
  const { message } = body as { readonly message?: unknown };
  return { status, message: typeof message === 'string' ? message : `it answered ${status}` };
}

const hint = 'its address is set by ZIDECAR_ADMIN';

function call(
  at: Listener,
  options: RequestOptions,
  timeoutMs: number,
  clock: Pick<Clock, 'after'>,
  change: object | undefined,
): Promise<{ readonly status: number; readonly server: unknown; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asking = request({ ...options, ...target(at) }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MOST_ANSWER_BYTES) asking.destroy(new Error('it answers without end'));
      });
      response.on('error', fail);
      response.on('end', () => {
        stop();
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, server: response.headers['server'], text });
      });
    });
    const stop = clock.after(timeoutMs, () => asking.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)));
    function fail(error: NodeJS.ErrnoException): void {
      stop();
      const absent = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
      const why = absent ? 'is it running?' : `${error.message};`;
      reject(new NoSidecar(`no sidecar answers at ${shown(at)}: ${why} ${hint}`, { cause: error }));
    }
    asking.on('error', fail).end(change && JSON.stringify(change));
  });
}

/** A listener for every address is asked on the loopback. */
const target = (at: Listener): RequestOptions => {
  if (at.kind === 'unix') return { socketPath: at.path };
  const everywhere = at.host === '0.0.0.0' || at.host === '::';
  return { host: everywhere ? '127.0.0.1' : at.host, port: at.port };
};

const shown = (at: Listener): string => (at.kind === 'unix' ? `unix:${at.path}` : address(at));

const parse = (text: string): object | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
};
