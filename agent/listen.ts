/**
 * Opens the listeners of one small server of ours (health, admin), all of them or none, and says in a sentence with the setting's name
 * why it cannot. A server of node listens at one place only, so each listener gets a server of its own.
 *
 * A machine without IPv6. `[::]` means everywhere, so it becomes `0.0.0.0`, and a fact says so. `[::1]` beside `127.0.0.1` means the
 * loopback, which then has one address less: it is left out, and what listens is told anyway. Any other address is what the user wants,
 * so it is an error.
 *
 * A socket file outlives its process when that was killed. It is taken over if nobody answers at it; a live one never is, and neither is
 * a file of another kind.
 */
import { once } from 'node:events';
import { lstat, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { address } from '../lb/endpoint.js';
import type { Listener } from './config/addresses.js';

export interface Listening {
  /** Where it listens in truth: `127.0.0.1:6190`, `[::]:6191`, `unix:/run/zidecar.sock`. */
  readonly addresses: readonly string[];
  /** Ends every connection: what is served here is short, and asked for again. */
  close(): Promise<void>;
}

/** The message names the setting, the place, and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'not_listening';
}

/** `warn` hears a sentence where something was listened on that is not quite what was asked for. */
export async function listen(
  makeServer: () => Server,
  listeners: readonly Listener[],
  setting: string,
  warn: (why: string) => void,
): Promise<Listening> {
  const open: { readonly server: Server; readonly at: string }[] = [];
  const close = async (): Promise<void> => {
    const closed = open.map(({ server }) => new Promise((resolve) => server.close(resolve)));
    for (const { server } of open) server.closeAllConnections();
    await Promise.all(closed);
  };
  try {
    for (const listener of listeners) {
      const server = makeServer();
      const at = await openOne(server, listener, listeners, setting, warn);
      if (at !== undefined) open.push({ server, at });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses: open.map(({ at }) => at), close };
}

async function openOne(
  server: Server,
  listener: Listener,
  all: readonly Listener[],
  setting: string,
  warn: (why: string) => void,
): Promise<string | undefined> {
  try {
    if (listener.kind === 'unix') await removeStale(listener.path);
    return await bind(server, listener);
  } catch (error) {
    if (!(listener.kind === 'tcp' && withoutIpv6(error, listener.host))) throw explained(error, listener, setting);
    if (listener.host === '::1' && all.some((other) => other.kind === 'tcp' && other.host === '127.0.0.1')) return undefined;
    if (listener.host !== '::') throw explained(error, listener, setting);
    warn(`${setting}: this machine has no IPv6, so ${shown(listener)} is 0.0.0.0:${listener.port} here`);
    return openOne(server, { ...listener, host: '0.0.0.0' }, all, setting, warn);
  }
}

async function bind(server: Server, listener: Listener): Promise<string> {
  server.listen(listener.kind === 'unix' ? { path: listener.path } : { host: listener.host, port: listener.port });
  await once(server, 'listening');
  const bound = server.address();
  return bound === null || typeof bound === 'string' ? shown(listener) : address({ host: bound.address, port: bound.port });
}

/** Frees the path of a socket at which nobody answers. Whatever else stands there is left for `bind` to fail on. */
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
const withoutIpv6 = (error: unknown, host: string): boolean =>
  (host === '::' || host === '::1') && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(codeOf(error));
const shown = (listener: Listener): string => (listener.kind === 'unix' ? `unix:${listener.path}` : address(listener));

function explained(error: unknown, listener: Listener, setting: string): ListenError {
  const code = codeOf(error);
  const at = shown(listener);
  const unix = listener.kind === 'unix';
  // For a socket in a missing folder libuv says EACCES too.
  const mayNot = unix
    ? `${at} cannot be made: its folder does not exist, or this process may not write there`
    : `this process may not listen on ${at}: choose another port, or give it the right`;
  const sentences: Readonly<Record<string, string>> = {
    EADDRINUSE: `${at} is taken already: end the program that has it, or set ${setting} to another address or to off`,
    EACCES: mayNot,
    EPERM: mayNot,
    EROFS: `${at} cannot be made: its folder is read-only`,
    EADDRNOTAVAIL: `${at} is not an address of this machine`,
    EAFNOSUPPORT: `${at} is of a kind of address that this machine does not have`,
    ENOTFOUND: `${at} does not resolve to an address`,
  };
  return new ListenError(`${setting}: ${sentences[code] ?? `cannot listen on ${at}: ${code}`}`, { cause: error });
}
