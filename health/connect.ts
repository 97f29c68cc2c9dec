/**
 * Opens a connection to the app, for every probe that needs one, and says whose fault it is when something on it breaks. The list
 * of our own troubles is closed: what is not on it is the app's. A name that does not resolve and a missing route are ours too,
 * since no packet has reached the app.
 */
import { connect as dial, type Socket } from 'node:net';
import type { ProbeResult } from './probe.js';

const OURS = new Set([
  ...['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAGAIN'], // no room
  ...['EACCES', 'EPERM', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL', 'ENETDOWN', 'ENETUNREACH'], // not let out
  ...['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME', 'EAI_MEMORY'], // no address
]);

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'reset the connection',
  EPIPE: 'reset the connection',
};

/** Resolves when the app has accepted. `signal` destroys the socket, also after that. */
export function connect(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = dial({ host, port, signal });
    socket.on('error', reject); // stays, so that an error after the promise has settled is heard by somebody
    socket.once('connect', () => resolve(socket));
  });
}

/** What an error on the way to `where` says of the app. One without a code does not come from the wire: it is a fault of ours. */
export function broke(where: string, error: unknown): ProbeResult {
  const { code, message } = telling(error);
  if (typeof code !== 'string' || OURS.has(code))
    return { kind: 'unknown', why: `could not ask ${where}: ${message ?? String(error)}` };
  return { kind: 'fail', why: `${where} ${words[code] ?? 'broke'} (${code})` };
}

interface Coded {
  readonly code?: string | number; // a number in the error of an aborted signal
  readonly message?: string;
}

/** A name with several addresses fails once for each of them: a refusal by the app tells more than a family that we do not have. */
function telling(error: unknown): Coded {
  if (!(error instanceof AggregateError)) return error as Coded;
  const each = error.errors as readonly Coded[];
  return each.find(({ code }) => typeof code === 'string' && !OURS.has(code)) ?? each[0] ?? error;
}
