/**
 * Numbers of 32 bits from text, the same in every sidecar and in both lanes: FNV-1a over the bytes, then the finalizer of MurmurHash3, by
 * which near texts come to lie far apart. To spread calls, not to keep a secret: who chooses the key chooses the endpoint.
 */
const basis = 0x811c9dc5;

/** Each bit of the answer hangs on each bit of `bits`. */
export function mix(bits: number): number {
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** `seed`: another one gives another number, as good as independent. */
export function hashOfBytes(bytes: Uint8Array, from: number, to: number, seed = 0): number {
  let hash = basis ^ seed;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return mix(hash);
}

/** Of text whose characters are bytes, as those of a head are. */
export function hashOf(text: string, seed = 0): number {
  let hash = basis ^ seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ (text.charCodeAt(at) & 0xff), 0x01000193);
  return mix(hash);
}

/** 0 to 1, 1 not among them. */
export const unit = (hash: number): number => hash / 2 ** 32;
