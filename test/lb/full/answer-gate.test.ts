/** What undici is let see of an answer, however it is cut into pieces. */
import { equal, throws } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import { AnswerGate, GateError } from '../../../lb/full/answer-gate.js';

const hundred = 'HTTP/1.1 100 Continue\r\n\r\n';
const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
const final = 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n';
const maxHeadBytes = 1_000;

const begun = (): AnswerGate => {
  const gate = new AnswerGate(maxHeadBytes);
  gate.begin();
  return gate;
};
const seen = (gate: AnswerGate, ...pieces: readonly string[]): string =>
  pieces.map((piece) => gate.take(Buffer.from(piece, 'latin1')).toString('latin1')).join('');

describe('an answer', () => {
  it('is seen byte for byte, and without a 100 that nobody asked for, wherever it is cut', () => {
    const heads = fc.array(fc.constantFrom(hundred, hint, 'HTTP/1.0 100 Go\r\nA: b\r\n\r\n', 'HTTP/1.1 100\r\n\r\n'), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(
        heads,
        fc.constantFrom(final, 'HTTP/1.0 204 \xe9\r\n\r\n'),
        fc.string(),
        fc.nat(7),
        (first, answer, body, cut) => {
          const rest = answer + Buffer.from(body).toString('latin1');
          const pieces = (first.join('') + rest).match(new RegExp(`[^]{1,${cut + 1}}`, 'g')) ?? [];
          equal(seen(begun(), ...pieces), first.filter((head) => head === hint).join('') + rest);
        },
      ),
    );
  });

  it('is seen with its first line whole, of which the version is known', () => {
    const gate = begun();
    equal(seen(gate, 'HTTP/1.0 200 O'), '');
    equal(seen(gate, 'K\r\n'), 'HTTP/1.0 200 OK\r\n');
    equal(gate.old, true);
  });

  const bad: Readonly<Record<string, string>> = {
    'an empty line before it': `\r\n${final}`,
    'an empty line behind a 1xx': `${hint}\r\n${final}`,
    'another version': final.replace('1.1', '2.0'),
    'another version behind a 1xx': hundred + final.replace('1.1', '1.2'),
    'another protocol': final.replace('HTTP', 'RTSP'),
    'a bare LF in a first line that is not whole': 'HTTP/1.1 200 OK\nA: b',
    'a NUL in the reason': final.replace('OK', '\0'),
    'a NUL in a 100': hundred.replace('\r\n\r\n', '\r\nA: \0\r\n\r\n'),
    'a folded line in a 103': hint.replace('Link:', 'A: b\r\n'),
    'a first line without end': `HTTP/1.1 200 ${'a'.repeat(maxHeadBytes)}`,
    'a head of 1xx without end': `HTTP/1.1 103 a\r\n${'A: b\r\n'.repeat(maxHeadBytes)}`,
  };
  for (const [what, bytes] of Object.entries(bad))
    it(`is not seen with ${what}`, () => {
      throws(() => seen(begun(), bytes), GateError);
      if (bytes.length < maxHeadBytes) throws(() => seen(begun(), ...(bytes.match(/[^]/g) ?? [])), GateError);
    });

  it('may have so much beside its data and no more', () => {
    const gate = begun();
    seen(gate, final);
    const data = 'x'.repeat(1_000);
    for (let n = 0; n < 200; n++) {
      seen(gate, data);
      gate.data(data.length);
    }
    for (let n = 0; n < 24; n++) seen(gate, data);
    gate.back(data.length);
    seen(gate, data);
    throws(() => Array.from({ length: 10 }, () => seen(gate, data)), /more extension than data/);
  });
});

it('where no answer is to begin everything is seen', () => {
  const gate = new AnswerGate(maxHeadBytes);
  equal(seen(gate, hundred, '\r\n'), `${hundred}\r\n`);
  gate.begin();
  equal(seen(gate, final, hundred), final + hundred);
});
