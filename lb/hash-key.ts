/**
 * What of a call the hash policies go by, and the number that it makes: a field of its head, a cookie, its path without the query, or where
 * it came from. A call that has no such thing has no key. Over the fields as flat raw pairs; fast/hash-key.ts does the same over bytes.
 */
import { hashOf } from './hashing.js';
import { trimmed, valuesOf } from './headers.js';

/** `bytes`: what the fast lane looks for, the name of the header, or that of the cookie and its equals sign. */
export type HashOn =
  | { readonly by: 'header' | 'cookie'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly by: 'path' }
  /** `own`: the key of those who call from this machine, which is the pod's: their own address is that of every app in the fleet. */
  | { readonly by: 'source'; readonly own: number };

export interface Hashed {
  /** As it goes on. */
  readonly target: string;
  readonly raw: readonly string[];
  readonly remoteAddress: string | undefined;
}

/** 32 bits; undefined for a call without. Names are in lower case, but those of cookies. */
export function hashKeyOf(on: HashOn, { target, raw, remoteAddress }: Hashed): number | undefined {
  switch (on.by) {
    case 'header': {
      const [value] = valuesOf(raw, on.name);
      return value === undefined || value === '' ? undefined : hashOf(value);
    }
    case 'cookie': {
      const value = cookieOf(valuesOf(raw, 'cookie'), on.name);
      return value === undefined ? undefined : hashOf(value);
    }
    case 'path':
      return hashOf(target.split('?', 1)[0]!);
    case 'source':
      return sourceKey(remoteAddress, on.own);
  }
}

/** `remoteAddress`: of the app's connection; undefined for a unix socket. */
export const sourceKey = (remoteAddress: string | undefined, own: number): number =>
  remoteAddress === undefined || isLoopback(remoteAddress) ? own : hashOf(remoteAddress);

const isLoopback = (address: string): boolean => address === '::1' || /^(::ffff:)?127\./.test(address);

/** The first of that name that has a value. */
const cookieOf = (fields: readonly string[], name: string): string | undefined => {
  for (const field of fields)
    for (const pair of field.split(';')) {
      const one = trimmed(pair);
      const value = one.startsWith(`${name}=`) ? trimmed(one.slice(name.length + 1)) : '';
      if (value !== '') return value;
    }
  return undefined;
};
