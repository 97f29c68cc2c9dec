/**
 * The names of the fields that mean something to this lane, found in the bytes of a head without making strings of them. Every other
 * field passes as it came.
 */

/** What a field is to this lane. Numbers, since they are compared for every field of every head. */
export const other = 0;
export const known = {
  te: 1,
  via: 2,
  host: 3,
  upgrade: 4,
  expect: 5,
  trailer: 6,
  connection: 7,
  'keep-alive': 8,
  'content-type': 9,
  'x-request-id': 10,
  'content-length': 11,
  'x-forwarded-for': 12,
  'proxy-connection': 13,
  'x-zidecar-error': 14,
  'transfer-encoding': 15,
  'x-zidecar-timeout': 16,
  'x-zidecar-retries': 17,
  'x-forwarded-prefix': 18,
  'grpc-timeout': 19,
  'idempotency-key': 20,
  'x-zidecar-subset': 21,
  'max-forwards': 22,
} as const;

interface Name {
  readonly bytes: Uint8Array;
  readonly id: number;
}

/** By length: four names at most share one. */
const byLength: readonly (readonly Name[])[] = Array.from({ length: 20 }, (_, length) =>
  Object.entries(known)
    .filter(([name]) => name.length === length)
    .map(([name, id]) => ({ bytes: Buffer.from(name), id })),
);

/** Which name stands at `from` up to `to`, in any case. Those bytes must be a token: only then does 0x20 make nothing but case equal. */
export function nameAt(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  if (length >= byLength.length) return other;
  for (const name of byLength[length]!) if (is(bytes, from, name.bytes)) return name.id;
  return other;
}

/** Whether the lower-case `word` stands at `from`, in any case. */
export function is(bytes: Uint8Array, from: number, word: Uint8Array): boolean {
  for (let index = 0; index < word.length; index++) if ((bytes[from + index]! | 0x20) !== word[index]) return false;
  return true;
}
