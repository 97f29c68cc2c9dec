import { deepEqual, equal, ok } from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import { printable, quote } from '../../agent/printable.js';
import { fold, paintFor, table, visibleWidth } from '../../agent/text.js';

describe('colours', () => {
  it('are for terminals only, and for nobody who asked for none', () => {
    const red = (isTTY: boolean | undefined, env: Record<string, string>): boolean => paintFor({ isTTY }, env).red('x') !== 'x';
    deepEqual(
      [
        red(true, {}),
        red(true, { NO_COLOR: '1' }),
        red(true, { NO_COLOR: '' }),
        red(true, { TERM: 'dumb' }),
        red(false, {}),
        red(undefined, {}),
      ],
      [true, false, true, false, false, false],
    );
  });
});

describe('a table', () => {
  it('is as wide as its cells', () => {
    equal(
      table({
        head: ['A', 'N'],
        rows: [
          ['orders', '1'],
          ['x', '10'],
        ],
        right: [1],
      }),
      'A        N\norders   1\nx       10',
    );
  });

  it('goes on in the next line where a cell has no room', () => {
    equal(
      table({ head: ['A', 'B'], rows: [['one', 'two three four five']], width: 14 }),
      'A    B\none  two three\n     four five',
    );
  });

  it('breaks a long word behind a comma, a slash or a plus, or anywhere', () => {
    deepEqual(
      table({ head: ['A'], rows: [['/services/orders']], width: 12 })
        .split('\n')
        .slice(1),
      ['/services/', 'orders'],
    );
    deepEqual(
      table({ head: ['A'], rows: [['x'.repeat(25)]], width: 10 })
        .split('\n')
        .slice(1),
      ['x'.repeat(10), 'x'.repeat(10), 'x'.repeat(5)],
    );
  });

  it('cuts a row to one line when told', () => {
    equal(table({ head: ['A'], rows: [['x'.repeat(25)]], width: 10, cut: true }), `A\n${'x'.repeat(9)}…`);
  });

  it('colours cells without moving them', () => {
    const paint = paintFor({ isTTY: true }, {});
    const rows = [[{ text: 'open', paint: paint.red }, 'x']];
    const plain = table({ head: ['STATE', 'B'], rows: [['open', 'x']] });
    const coloured = table({ head: ['STATE', 'B'], rows, paint });
    ok(coloured.includes(paint.red('open')));
    equal(stripVTControlCharacters(coloured), plain);
    equal(visibleWidth(paint.red('open')), 4);
  });

  it('is never wider than told, never loses a letter, and never steers the terminal', () => {
    const cell = fc.string({ unit: 'binary', maxLength: 60 });
    const rows = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 30, max: 90 }), (all, width) => {
        const lines = table({ head: ['A', 'B', 'C'], rows: all, width }).split('\n');
        ok(
          lines.every((line) => line.length <= width && !/\p{Cc}/u.test(line)),
          JSON.stringify(lines),
        );
        const letters = (text: string): number => text.replace(/\s/gu, '').length;
        equal(
          letters(lines.join('')),
          letters(
            `ABC${all
              .flat()
              .map((text) => printable(text, 10_000))
              .join('')}`,
          ),
        );
      }),
    );
  });
});

describe('a sentence', () => {
  it('goes on below itself, is never wider than told, and loses no letter', () => {
    equal(fold('why  ', 'one two three four', undefined), 'why  one two three four');
    equal(fold('why  ', 'one two three four', 14), 'why  one two\n     three\n     four');
    fc.assert(
      fc.property(
        fc.string({ maxLength: 40 }),
        fc.string({ maxLength: 200 }),
        fc.integer({ min: 20, max: 90 }),
        (label, text, width) => {
          const folded = fold(label, text, width);
          ok(
            folded.split('\n').every((line) => line.length <= width),
            JSON.stringify(folded),
          );
          equal(folded.replace(/\s/g, ''), `${label}${text}`.replace(/\s/g, ''));
        },
      ),
    );
  });
});

describe('text of others', () => {
  it('is shown without anything that steers or hides', () => {
    equal(printable('a\u001b[31m\r\n\u202eb\u2028\ud800'), 'a\\u001b[31m\\u000d\\u000a\\u202eb\\u2028\\ud800');
    equal(printable('größe 日本 🙂'), 'größe 日本 🙂');
  });

  it('is cut', () => {
    equal(printable('x'.repeat(50), 10), `${'x'.repeat(9)}…`);
    equal(quote('x'.repeat(200)).length, 82);
  });
});
