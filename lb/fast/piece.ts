/**
 * A part of some memory, as a socket takes it. What `subarray` of a Buffer makes as well, but that asks V8's C++ for the memory each time, and
 * takes two to three times as long.
 */
export class Piece extends Uint8Array {}

// or each write would make a Buffer of it
Object.setPrototypeOf(Piece.prototype, Buffer.prototype as object);
