/** `100 Continue` heads in front of an answer that nobody asked for. */
import { equal } from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import { afterContinues, dropContinues } from '../../../lb/full/stray-continue.js';

const hundred = 'HTTP/1.1 100 Continue\r\n\r\n';
const answers = ['HTTP/1.1 200 OK\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\n\r\n', 'HTTP/1.1 1000 X\r\n', 'garbage', 'H', '\r\n'];

/** A socket of which only `read` counts, and what undici would read from it. */
const reading = (armed: boolean): { arrive: (bytes: string) => string } => {
  const socket = Object.assign(new Socket(), { _read: () => undefined });
  const arm = dropContinues(socket, 1024);
  if (armed) arm();
  return {
    arrive(bytes) {
      socket.push(Buffer.from(bytes, 'latin1'));
      let text = '';
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null)
        text += chunk.toString('latin1');
      return text;
    },
  };
};

describe('the continue filter', () => {
  it('drops them however they are cut into pieces, and passes the answer byte for byte', () => {
    const heads = fc.array(fc.constantFrom(hundred, 'HTTP/1.0 100 Go\r\nA: b\r\n\r\n', 'HTTP/1.1 100\r\n\r\n'), { maxLength: 3 });
    fc.assert(
      fc.property(
        heads,
        fc.constantFrom('HTTP/1.1 200 OK\r\n\r\n', 'HTTP/1.1 204 No\r\n\r\n'),
        fc.string(),
        fc.nat(7),
        (first, answer, body, cut) => {
          const bytes = first.join('') + answer + Buffer.from(body).toString('latin1');
          const pieces = bytes.match(new RegExp(`[^]{1,${cut + 1}}`, 'g')) ?? [];
          const { arrive } = reading(true);
          equal(pieces.map(arrive).join(''), bytes.slice(first.join('').length));
        },
      ),
    );
  });

  it('passes everything where no answer is to begin, and whatever is not one of them', () => {
    equal(reading(false).arrive(hundred), hundred);
    for (const answer of answers.slice(0, 4)) equal(afterContinues(Buffer.from(answer))?.toString(), answer);
    for (const start of ['', 'H', 'HTTP/1.1 10', hundred.slice(0, -1), hundred])
      equal(afterContinues(Buffer.from(start)), undefined);
  });

  it('looks in front of the answer only, not behind it', () => {
    const { arrive } = reading(true);
    equal(arrive(answers[0]!), answers[0]);
    equal(arrive(hundred), hundred);
  });

  it('holds a bounded number of bytes back', () => {
    const endless = `HTTP/1.1 100 ${'a'.repeat(2_000)}`;
    equal(reading(true).arrive(endless), endless);
  });
});
