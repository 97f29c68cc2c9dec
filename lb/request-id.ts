/** The id of a request that came without a good one: 32 hex digits, to be told apart, not to be kept secret. Drawn and written without strings. */
import type { Random } from './ports.js';

export const requestIdName = 'x-request-id: ';

const hex = Buffer.from('0123456789abcdef');

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
      for (let shift = 28; shift >= 0; shift -= 4) bytes[at++] = hex[(bits >>> shift) & 15]!;
    }
  }

  toString(): string {
    const digits = Buffer.alloc(32);
    this.write(digits, 0);
    return digits.toString('latin1');
  }
}

export function newRequestId(random: Random): string {
  const id = new RequestId();
  id.draw(random);
  return id.toString();
}
