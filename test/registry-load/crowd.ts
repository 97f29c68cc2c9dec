/**
 * A process with many readers of one kind, driven by messages of registry-load.ts, and what they have asked so far: counted where the client hands
 * a question on, so that nothing is left out, pings and logins neither.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '../../agent/registry/wire/resolve.js';
import { Requests } from '../../agent/registry/wire/requests.js';
import { WatchRegistry } from '../../agent/registry/wire/watches.js';
import { keyOf, readers, type Kind, type Reader } from './readers.js';

export interface Counts {
  /** Questions by their name. */
  readonly asked: Readonly<Record<string, number>>;
  /** Events of watches that the servers have sent. */
  readonly fired: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly cpuMs: number;
}
export type Order =
  | { readonly do: 'open'; readonly kind: Kind; readonly servers: readonly Server[]; readonly count: number }
  | { readonly do: 'settle'; readonly names: readonly string[] }
  | { readonly do: 'count' };

const asked: Record<string, number> = {};
let fired = 0;
const sockets: Socket[] = [];
const all: Reader[] = [];

type Method = (this: unknown, ...args: unknown[]) => unknown;
/** Has `seen` called with what each call is called with. */
function watching(prototype: object, name: string, seen: (args: readonly unknown[]) => void): void {
  const methods = prototype as Record<string, Method>;
  const plain = methods[name]!;
  methods[name] = function (...args) {
    seen(args);
    return plain.apply(this, args);
  };
}
function count(operation: unknown): void {
  const { name } = operation as { readonly name: string };
  asked[name] = (asked[name] ?? 0) + 1;
}
watching(Requests.prototype, 'ask', ([operation]) => count(operation));
watching(Requests.prototype, 'askSpecial', ([, operation]) => count(operation));
watching(WatchRegistry.prototype, 'fire', () => fired++);
subscribe('net.client.socket', (message) => void sockets.push((message as { socket: Socket }).socket));

async function obey(order: Order): Promise<Counts> {
  if (order.do === 'open') {
    for (let index = 0; index < order.count; index++) {
      all.push(readers[order.kind](order.servers));
      if (index % 10 === 9) await sleep(50); // so that the servers are not stormed before anything is measured
    }
  } else if (order.do === 'settle') {
    const key = keyOf(order.names);
    while (!all.every((reader) => reader.names() === key)) await sleep(5);
  }
  const { user, system } = process.cpuUsage();
  const sum = (of: 'bytesRead' | 'bytesWritten'): number => sockets.reduce((bytes, socket) => bytes + socket[of], 0);
  return {
    ...{ asked: { ...asked }, fired, sentBytes: sum('bytesWritten'), receivedBytes: sum('bytesRead') },
    cpuMs: (user + system) / 1_000,
  };
}

process.on('message', (order: Order) => void obey(order).then((counts) => process.send!(counts)));
