/**
 * Opens the listeners of one small server of ours (health, admin), all of them or none. How a place is bound, and what is said when it
 * cannot be, is the same as for the proxy: see lb/listen.ts. A server of node listens at one place only, so each has a server of its own.
 */
import type { Server } from 'node:http';
import { bind } from '../lb/listen.js';
import type { Listener } from './config/addresses.js';

export interface Listening {
  /** Where it listens in truth: `127.0.0.1:6190`, `[::]:6191`, `unix:/run/zidecar.sock`. */
  readonly addresses: readonly string[];
  /** Ends every connection: what is served here is short, and asked for again. */
  close(): Promise<void>;
}

/**
 * Rejects with a ListenError, which names the setting. `warn` hears a sentence where `[::]` became `0.0.0.0`, on a machine without IPv6.
 */
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
  const asked = listeners.map((listener) => ({ ...listener, setting }));
  try {
    for (const listener of asked) {
      const server = makeServer();
      const at = await bind(server, listener, asked);
      if (at === undefined) continue;
      open.push({ server, at });
      if (listener.kind === 'tcp' && listener.host === '::' && at.startsWith('0.0.0.0:'))
        warn(`${setting}: this machine has no IPv6, so [::]:${listener.port} is ${at} here`);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses: open.map(({ at }) => at), close };
}
