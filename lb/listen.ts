/**
 * Opens the listeners of the proxy, all of them or none, and says in a sentence why it cannot. A server of node listens at one place
 * only, so each listener has its own.
 *
 * On a machine without IPv6 `[::1]` beside `127.0.0.1` is left out, and `[::]`, which means everywhere, becomes `0.0.0.0`. A socket file
 * outlives its process when that was killed: it is taken over if nobody answers at it; a live one never is, nor a file of another kind.
 */
import { once } from 'node:events';
import { lstat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { address } from './endpoint.js';

/** `setting`: what a person would change to have it elsewhere. */
export type ProxyListener = {
  readonly upstream?: string | undefined;
  /** Bytes of that upstream, not HTTP. */
  readonly tcp?: boolean | undefined;
  readonly setting: string;
} & ({ readonly kind: 'tcp'; readonly host: string; readonly port: number } | { readonly kind: 'unix'; readonly path: string });

export interface Open {
  readonly server: Server;
  readonly listener: ProxyListener;
  /** Where it listens in truth: `127.0.0.1:6140`, `unix:/run/zidecar.sock`. */
  readonly at: string;
}

/** The message names the place, the setting, and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'not_listening';
}

/**
 * So many connections may wait to be accepted (Linux allows 4096 itself). Libuv accepts one a turn of the loop, and a turn of a busy loop
 * is long: whoever finds the queue full tries again only after a second.
 */
const backlog = 4096;

export async function openAll(
  listeners: readonly ProxyListener[],
  accept: (socket: Socket, listener: ProxyListener) => void,
): Promise<Open[]> {
  const open: Open[] = [];
  try {
    for (const listener of listeners) {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => accept(socket, listener));
      const at = await bind(server, listener, listeners);
      if (at !== undefined) open.push({ server, listener, at });
    }
    return open;
  } catch (error) {
    await Promise.all(open.map(closeOne));
    throw error;
  }
}

export const closeOne = ({ server }: Open): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

/**
 * Where the server listens in truth. Undefined: it is left out, as one of `all` stands for it. Rejects with a ListenError. The agent's own
 * listeners are opened by it too.
 */
export async function bind(server: Server, listener: ProxyListener, all: readonly ProxyListener[]): Promise<string | undefined> {
  try {
    if (listener.kind === 'unix') await removeStale(listener.path);
    server.listen({
      backlog,
      ...(listener.kind === 'unix' ? { path: listener.path } : { host: listener.host, port: listener.port }),
    });
    await once(server, 'listening');
  } catch (error) {
    if (listener.kind === 'unix' || !withoutIpv6(error)) throw explained(error, listener);
    if (listener.host === '::') return bind(server, { ...listener, host: '0.0.0.0' }, all);
    if (listener.host === '::1' && all.some((other) => other.kind === 'tcp' && other.host === '127.0.0.1')) return undefined;
    throw explained(error, listener);
  }
  // an accept may fail for want of descriptors, and unheard it would end the process
  server.on('error', () => undefined);
  const bound = server.address();
  return bound === null || typeof bound === 'string' ? shown(listener) : address({ host: bound.address, port: bound.port });
}

/** Frees the path of a socket at which nobody answers. Whatever else stands there is left for `listen` to fail on. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() !== true) return;
  const socket = connect(path);
  const answered = await once(socket, 'connect').then(
    () => true,
    (error: unknown) => codeOf(error) !== 'ECONNREFUSED',
  );
  socket.destroy();
  if (!answered) await unlink(path);
}

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException | undefined)?.code ?? error);
const shown = (listener: ProxyListener): string => (listener.kind === 'unix' ? `unix:${listener.path}` : address(listener));
const withoutIpv6 = (error: unknown): boolean => ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(codeOf(error));

function explained(error: unknown, listener: ProxyListener): ListenError {
  const at = shown(listener);
  // For a socket in a missing folder libuv says EACCES too.
  const forbidden =
    listener.kind === 'unix'
      ? `${at} cannot be made: its folder does not exist, or this process may not write there`
      : `this process may not listen on ${at}: choose another address, or give it the right`;
  const sentences: Readonly<Record<string, string>> = {
    EADDRINUSE: `${at} is taken already, perhaps by another zidecar: end the program that has it, or change ${listener.setting}`,
    EACCES: forbidden,
    EPERM: forbidden,
    EADDRNOTAVAIL: `${at} is not an address of this machine`,
    EAFNOSUPPORT: `${at} is of a kind of address that this machine does not have`,
    ENOTFOUND: `${at} does not resolve to an address`,
    EROFS: `${at} cannot be made: its folder is read-only`,
    EINVAL: `${at} cannot be listened on${listener.kind === 'unix' ? ': a path may have 107 bytes at most' : ''}`,
  };
  const why = sentences[codeOf(error)] ?? `cannot listen on ${at}: ${codeOf(error)}`;
  return new ListenError(`${listener.setting}: ${why}`, { cause: error });
}
