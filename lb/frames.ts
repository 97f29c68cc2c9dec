/**
 * Where a frame of a websocket ends in the bytes of one direction (RFC 6455, 5.2), by the heads of frames alone: what they carry is counted,
 * never looked at. It has to see the direction from its first byte. What makes no sense as frames is given up: then nobody can say.
 *
 *     head (2, 4 or 10 bytes) ──▶ mask and payload ──▶ head …        behind a close frame nothing stands any more
 */
const close = 8;
const opcodes: ReadonlySet<number> = new Set([0, 1, 2, close, 9, 10]);
const longestControl = 125;
const maskBytes = 4;

export class Frames {
  readonly #masked: boolean;
  readonly #head = new Uint8Array(10);
  /** Of the present head: how much of it is here, and how long it is. */
  #have = 0;
  #length = 2;
  /** So much is still to come of what the present frame carries. */
  #left = 0;
  #closing = false;
  #lost = false;

  /** `masked`: they come from a client. */
  constructor(masked: boolean) {
    this.#masked = masked;
  }

  /** These bytes are in the middle of a frame, and whoever ends them here lies. */
  get inside(): boolean {
    return !this.#lost && (this.#have > 0 || this.#left > 0);
  }

  /** One that ends the stream may stand here. */
  get mayClose(): boolean {
    return !this.#lost && !this.#closing && !this.inside;
  }

  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#lost;) {
      if (this.#left > 0) {
        const count = Math.min(this.#left, bytes.length - at);
        this.#left -= count;
        at += count;
      } else this.#headByte(bytes[at++]!);
    }
  }

  #headByte(byte: number): void {
    this.#head[this.#have++] = byte;
    if (this.#have === 2) this.#begun();
    if (this.#have === this.#length && !this.#lost) this.#whole();
  }

  #begun(): void {
    const [first, second] = this.#head as unknown as [number, number];
    const [opcode, short] = [first & 0x0f, second & 0x7f];
    const control = opcode >= close;
    this.#length = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (this.#closing || !opcodes.has(opcode) || second >= 0x80 !== this.#masked) this.#lost = true;
    else if (control && (short > longestControl || first < 0x80)) this.#lost = true;
    else this.#closing = opcode === close;
  }

  #whole(): void {
    let size = this.#head[1]! & 0x7f;
    if (this.#length > 2) {
      size = 0;
      for (let at = 2; at < this.#length; at++) size = size * 256 + this.#head[at]!;
    }
    if (size > Number.MAX_SAFE_INTEGER) this.#lost = true;
    this.#left = size + (this.#masked ? maskBytes : 0);
    this.#have = 0;
    this.#length = 2;
  }
}

/** A close frame with 1001: the one who sends it goes away. To an endpoint it has a mask, which hides nothing: all that is in it is ours. */
export const goingAway = (masked: boolean): Buffer =>
  Buffer.from(masked ? [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9] : [0x88, 0x02, 0x03, 0xe9]);
