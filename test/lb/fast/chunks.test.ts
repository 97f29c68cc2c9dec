/** A chunked body on its way through: what passes, what is taken out, where it breaks, at every split point. */
import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import { Chunks } from '../../../lb/fast/chunks.js';

const limit = 1_000;

interface Passed {
  readonly text: string;
  readonly state: Chunks['state'];
  /** What came behind the body. */
  readonly behind: string;
  readonly fault: string;
}

/** The bytes come in parts, each in the same place of one buffer, as a connection reads them. */
function through(parts: readonly string[]): Passed {
  const chunks = new Chunks(limit);
  const bytes = Buffer.alloc(Math.max(...parts.map((part) => part.length)) + 10);
  let text = '';
  let behind = '';
  const sink = {
    pass: (from: number, to: number): void => void (text += bytes.toString('latin1', from, to)),
    put: (words: string): void => void (text += words),
  };
  chunks.begin();
  for (const part of parts) {
    bytes.fill(0).write(part, 10, 'latin1');
    const to = 10 + part.length;
    const end = chunks.state === 'done' || chunks.state === 'broken' ? 10 : chunks.take(bytes, 10, to, sink);
    behind += bytes.toString('latin1', end, to);
  }
  return { text, state: chunks.state, behind, fault: chunks.fault };
}
const splits = function* (text: string): Generator<readonly string[]> {
  for (let split = 0; split <= text.length; split++) yield [text.slice(0, split), '', text.slice(split)];
  yield text.split('');
};
const data = (body: string): string => {
  let [rest, all] = [body, ''];
  for (;;) {
    const [line = '', size = ''] = /^([0-9a-f]+)\r\n/i.exec(rest) ?? [];
    if (line === '' || Number.parseInt(size, 16) === 0) return all;
    const count = Number.parseInt(size, 16);
    all += rest.slice(line.length, line.length + count);
    rest = rest.slice(line.length + count + 2);
  }
};

describe('a chunked body', () => {
  it('that is plain passes as it came, and what is behind it does not', () => {
    for (const text of ['0\r\n\r\n', '3\r\nabc\r\n0\r\n\r\n', 'A\r\n0123456789\r\n1\r\n\n\r\n0\r\n\r\n'])
      for (const parts of splits(text + 'HTTP')) {
        const { text: passed, state, behind } = through(parts);
        deepEqual([passed.toLowerCase(), state, behind], [text.toLowerCase(), 'done', 'HTTP']);
      }
  });

  it('loses its extensions', () => {
    for (const parts of splits('3;a=b\r\nabc\r\n2 ;x'.replace(' ', '') + '\r\nde\r\n0;last\r\n\r\n'))
      equal(through(parts).text, '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n');
  });

  it('keeps trailers, but none that frames, routes or is ours', () => {
    const trailers = 'X-T: 1\r\nHost: evil\r\nConnection: x-u\r\nX-U: 2\r\nx-forwarded-for: evil\r\nx-t: 3\r\n\r\n';
    for (const parts of splits(`3\r\nabc\r\n0\r\n${trailers}next`)) {
      const { text, behind, state } = through(parts);
      deepEqual([text, behind, state], ['3\r\nabc\r\n0\r\nX-T: 1\r\nx-t: 3\r\n\r\n', 'next', 'done']);
    }
  });

  const broken: Readonly<Record<string, string>> = {
    'a size that is no number': '3\r\nabc\r\nxyz\r\n',
    'no size': '3\r\nabc\r\n\r\n',
    'a size with 0x': '3\r\nabc\r\n0x3\r\nabc\r\n',
    'a space after a size': '3\r\nabc\r\n3 \r\nabc\r\n',
    'a sign': '3\r\nabc\r\n+3\r\nabc\r\n',
    'a size beyond any': '3\r\nabc\r\nffffffffffffff\r\n',
    'a bare LF after a size': '3\r\nabc\r\n3\nabc\r\n',
    'a CR in an extension': '3\r\nabc\r\n3;a\rb\r\nabc\r\n',
    'an LF in an extension': '3\r\nabc\r\n3;a\nabc\r\n',
    'a quoted extension without a name': '3\r\nabc\r\n3;q"x y"\r\nabc\r\n',
    'a quoted extension that ends in an escape': '3\r\nabc\r\n3;q="x\\"\r\nabc\r\n',
    'something behind a quoted extension': '3\r\nabc\r\n3;q="x"y\r\nabc\r\n',
    'an extension with two values': '3\r\nabc\r\n3;a=b=c\r\nabc\r\n',
    'no extension behind its semicolon': '3\r\nabc\r\n3;\r\nabc\r\n',
    'extensions without end': `3\r\nabc\r\n3;${'a'.repeat(20_000)}`,
    'more than its size': '3\r\nabcd\r\n0\r\n\r\n',
    'less than its size': '3\r\nabc\r\n3\r\nab\r\n0\r\n\r\n',
    'a bare LF after the data': '3\r\nabc\n0\r\n\r\n',
    'a length among its trailers': '3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n',
    'a folded trailer': '3\r\nabc\r\n0\r\nA: b\r\n c\r\n\r\n',
    'trailers without end': `3\r\nabc\r\n0\r\n${'A: b\r\n'.repeat(limit)}`,
    'a CR that is not the end': '3\r\nabc\r\n0\r\n\rx',
  };
  for (const [what, text] of Object.entries(broken))
    it(`breaks where it breaks, and nobody sees its end: ${what}`, () => {
      for (const parts of text.length > 200 ? [[text], [text.slice(0, 11), text.slice(11)]] : splits(text)) {
        const passed = through(parts);
        equal(passed.state, 'broken');
        notEqual(passed.fault, '');
        equal(/(^|\r\n)0+\r\n/.test(passed.text), false, JSON.stringify(passed.text));
        equal(data(passed.text).startsWith('abc'), true);
      }
    });

  it('carries the same data whatever the split, the sizes and the extensions', () => {
    const chunk = fc.tuple(
      fc.stringMatching(/^[ -~\r\n]{1,40}$/),
      fc.constantFrom('', ';a', ';a="b c"', ';a="\\";\\\\"'),
      fc.nat(3),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 6 }), (all, places) => {
        const lines = all.map(([text, more, zeros]) => `${'0'.repeat(zeros)}${text.length.toString(16)}${more}\r\n${text}\r\n`);
        const whole = `${lines.join('')}0\r\n\r\nbehind`;
        const cuts = [0, ...places.map((place) => place % whole.length).sort((a, b) => a - b), whole.length];
        const { text, state, behind } = through(cuts.slice(1).map((end, index) => whole.slice(cuts[index], end)));
        deepEqual([data(text), state, behind], [all.map(([part]) => part).join(''), 'done', 'behind']);
      }),
    );
  });
});
