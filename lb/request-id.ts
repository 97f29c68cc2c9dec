/** The id of a request that came without a good one: 32 hex digits, to be told apart, not to be kept secret. Drawn and written without strings. */
import type { Random } from './ports.js';

export const requestIdName = 'x-request-id: ';

/** The two hex digits of each byte. */
const digits = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')).join(''));

/** Four numbers, kept for a second attempt of the same call. */
export class RequestId {
  readonly #words = new Uint32Array(4);

  draw(random: Random): void {
    for (let word = 0; word < 4; word++) this.#words[word] = Math.floor(random() * 2 ** 32);
  }

  write(bytes: Uint8Array, from: number): void {
    let at = from;
    for (let word = 0; word < 4; word++) {
      const bits = this.#words[word]!;
      for (let shift = 24; shift >= 0; shift -= 8) {
        const byte = (bits >>> shift) & 0xff;
        bytes[at++] = digits[2 * byte]!;
        bytes[at++] = digits[2 * byte + 1]!;
      }
    }
  }

  toString(): string {
    const bytes = Buffer.alloc(32);
    this.write(bytes, 0);
    return bytes.toString('latin1');
  }
}

export function newRequestId(random: Random): string {
  const id = new RequestId();
  id.draw(random);
  return id.toString();
}
