/**
 * One connect to an endpoint: the socket, or in the words of the failure table why there is none. Endpoints are addresses, so nothing
 * is resolved here. Trouble of this machine (no ports, no descriptors left) is told apart: no endpoint is to blame for it.
 */
import { connect, Socket } from 'node:net';
import { connectOnceProven, isDoubted, tellDoubt } from './doubt.js';
import { address, type Endpoint } from './endpoint.js';
import { CallError, type FailureCode } from './errors.js';
import type { Usage } from './limits.js';
import type { Clock } from './ports.js';
import { hearsResets } from './reset.js';
import { alarm } from './alarm.js';

/** In the background, where a connect may take as long as it likes, one that hangs must not keep the others from their turn. */
export const longestAsideMs = 10_000;

export interface DialOptions {
  readonly clock: Clock;
  readonly connectTimeoutMs: number | undefined;
  /** The endpoint's end of the stream is not ours as well: for tunnels. */
  readonly allowHalfOpen?: boolean;
}

/** A connect that takes up room of its upstream. */
export interface AdmittedOptions extends DialOptions {
  readonly usage: Usage;
}

/** Calls back once. The returned function gives up a connect that is not done yet. */
export function dial(
  endpoint: Endpoint,
  { clock, connectTimeoutMs, allowHalfOpen = false }: DialOptions,
  done: (result: Socket | CallError) => void,
): () => void {
  const { host, port } = endpoint;
  const options = { host, port, allowHalfOpen, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };
  const socket = isDoubted(endpoint) ? new Socket(options) : connect(options);
  hearsResets(socket);
  let [connected, givenUp] = [false, false];
  const stopAsking = isDoubted(endpoint) ? connectOnceProven(socket, options, endpoint, (why) => socket.destroy(why)) : undefined;
  const stopAlarm = alarm(clock, connectTimeoutMs, () =>
    socket.destroy(new CallError('connect_timeout', `no connection to ${address(endpoint)} in ${connectTimeoutMs ?? 0} ms`)),
  );
  const failed = (error: Error): void => {
    stopAlarm();
    stopAsking?.();
    const why = error instanceof CallError ? error : explained(error, endpoint);
    if (!givenUp) tellDoubt(endpoint, why);
    done(why);
  };
  socket.once('error', failed);
  socket.once('connect', () => {
    connected = true;
    stopAlarm();
    socket.off('error', failed);
    done(socket);
  });
  return () => {
    if (connected || socket.destroyed) return;
    givenUp = true;
    socket.destroy(new CallError('connect_failed', `the connect to ${address(endpoint)} was given up`));
  };
}

/** The same as a promise, where there is room. When `stop` is aborted first, its reason is what comes. Never rejects. */
export async function dialled(endpoint: Endpoint, options: AdmittedOptions, stop: AbortSignal): Promise<Socket | CallError> {
  const { usage, clock } = options;
  const slot = usage.slot(clock.now());
  if (slot === undefined) return new CallError('overflow', usage.refusal().message);
  const socket = await abortable(endpoint, options, stop);
  if (socket instanceof CallError || socket.destroyed) slot.leave();
  else {
    slot.connected();
    socket.once('close', () => slot.leave());
  }
  return socket;
}

const abortable = (endpoint: Endpoint, options: DialOptions, stop: AbortSignal): Promise<Socket | CallError> =>
  new Promise((resolve) => {
    if (stop.aborted) return resolve(stop.reason as CallError);
    const giveUp = dial(endpoint, options, (socket) => {
      stop.removeEventListener('abort', giveUp);
      if (!stop.aborted) return resolve(socket);
      if (!(socket instanceof CallError)) socket.destroy();
      resolve(stop.reason as CallError);
    });
    stop.addEventListener('abort', giveUp);
  });

const codes: Readonly<Record<string, FailureCode>> = {
  ECONNREFUSED: 'connect_refused',
  ETIMEDOUT: 'connect_timeout',
  EMFILE: 'local',
  ENFILE: 'local',
  ENOBUFS: 'local',
  ENOMEM: 'local',
  EADDRINUSE: 'local',
  EADDRNOTAVAIL: 'local',
};

/** What a connect that failed is called. */
export function explained(error: NodeJS.ErrnoException, endpoint: Endpoint): CallError {
  const code = codes[error.code ?? ''] ?? 'connect_failed';
  const what =
    code === 'connect_refused'
      ? `${address(endpoint)} refused the connection`
      : `no connection to ${address(endpoint)}: ${error.code ?? error.message}`;
  return new CallError(code, what, { cause: error });
}
