/** What we use of the package `zookeeper`, which brings no types that fit. */
import type { Address } from '../wire/resolve.js';

export interface NativeStat {
  readonly czxid: number;
  readonly mzxid: number;
  readonly version: number;
  readonly dataLength: number;
  readonly ctime: Date;
  /** Hex, '0' for none. */
  readonly ephemeralOwner: string;
}
export type Done<A extends readonly unknown[]> = (code: number, words: string, ...answer: A) => void;
export type OnEvent = (type: number) => void;

/** What we use of the package. Calls answer with 0, or with a negative code when nothing was sent and `done` will not be called. */
export interface NativeClient {
  readonly client_id: string;
  readonly timeout: number;
  /** 3 while it believes itself connected. */
  readonly state: number;
  on(event: 'connect' | 'connecting', listener: () => void): unknown;
  on(event: 'close', listener: (client: unknown, code: number) => void): unknown;
  init(options: Readonly<Record<string, string | number | boolean>>): unknown;
  set_servers(servers: string): number;
  close(): unknown;
  a_exists(path: string, watch: false, done: Done<[NativeStat]>): number;
  aw_exists(path: string, fired: OnEvent, done: Done<[NativeStat]>): number;
  a_get(path: string, watch: false, done: Done<[NativeStat, Buffer | null]>): number;
  a_get_children2(path: string, watch: false, done: Done<[readonly string[], NativeStat]>): number;
  aw_get_children2(path: string, fired: OnEvent, done: Done<[readonly string[], NativeStat]>): number;
  a_create(path: string, data: Buffer, flags: number, done: Done<[string]>): number;
  a_set(path: string, data: Buffer, version: number, done: Done<[NativeStat]>): number;
  a_delete_(path: string, version: number, done: Done<[]>): number;
  a_sync(path: string, done: Done<[string]>): number;
}

/** No server can have it. */
export const NOWHERE = '255.255.255.255:1';

/** Of an even number of servers it tries every second one only, once it has lost a connection: the first is named twice. */
export function connectString(addresses: readonly Address[]): string {
  const all = addresses.map(({ host, port }) => `${host}:${port}`);
  return (all.length % 2 === 0 ? [...all, ...all.slice(0, 1)] : all).join(',');
}
