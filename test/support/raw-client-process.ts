/** The process of a RawClient: the native package by itself, told by messages what to do. Where it is not built our own client takes its place. */
import { createRequire } from 'node:module';
import type { Command } from './raw-client.js';
import { WireAsNative } from './raw-client-wire.js';

export type Done = (code: number, words: string, ...answer: unknown[]) => void;
export interface Native {
  readonly client_id: string;
  on(event: string, listener: () => void): void;
  init(options: { readonly connect: string; readonly timeout: number }): void;
  close(): void;
  a_create(path: string, data: Buffer, flags: number, done: Done): void;
  a_set(path: string, data: Buffer, version: number, done: Done): void;
  a_get(path: string, watch: false, done: Done): void;
  a_exists(path: string, watch: false, done: Done): void;
  a_get_children(path: string, watch: false, done: Done): void;
  a_delete_(path: string, version: number, done: Done): void;
  a_set_acl(path: string, version: number, acl: { perms: number; scheme: string; auth: string }[], done: Done): void;
  a_sync(path: string, done: Done): void;
}

function open(): Native {
  try {
    const Client = createRequire(import.meta.url)('zookeeper') as new () => Native;
    return new Client();
  } catch {
    return new WireAsNative();
  }
}

const client = open();
const [, , connect, timeout] = process.argv;
client.on('connect', () => process.send!({ id: client.client_id }));
const quiet = { debug_level: 0, response_counter_limit: 10_000 };
client.init({ connect: connect!, timeout: Number(timeout), ...quiet });

process.on('message', ({ number, op, path, data, mode, acl }: Command & { number: number }) => {
  const bytes = Buffer.from(data ?? new Uint8Array());
  const done: Done = (code, words, ...answer) => process.send!({ number, code, words, answer });
  switch (op) {
    case 'create':
      return client.a_create(path, bytes, mode ?? 0, done);
    case 'set':
      return client.a_set(path, bytes, -1, done);
    case 'get':
      return client.a_get(path, false, done);
    case 'exists':
      return client.a_exists(path, false, done);
    case 'children':
      return client.a_get_children(path, false, done);
    case 'remove':
      return client.a_delete_(path, -1, done);
    case 'acl':
      return client.a_set_acl(path, -1, [...(acl ?? [])], done);
    case 'sync':
      return client.a_sync(path, done);
    case 'close':
      client.close();
      process.disconnect();
  }
});
process.on('disconnect', () => process.exit());
