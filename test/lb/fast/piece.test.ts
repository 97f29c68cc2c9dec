import { deepEqual, equal } from 'node:assert/strict';
import { Writable } from 'node:stream';
import { it } from 'node:test';
import { Piece } from '../../../lb/fast/piece.js';

it('a piece is written as the object that it is, without another one around its memory', () => {
  const memory = Buffer.from('a part of it');
  const piece = new Piece(memory.buffer, memory.byteOffset + 2, 4);
  const written: unknown[] = [];
  new Writable({ write: (chunk) => void written.push(chunk) }).write(piece);
  equal(written[0], piece);
  deepEqual([Buffer.isBuffer(piece), (piece as unknown as Buffer).toString('latin1')], [true, 'part']);
  memory.write('P', 2);
  equal(piece[0], 'P'.charCodeAt(0));
});
