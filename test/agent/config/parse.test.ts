import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import {
  decimal,
  duration,
  integer,
  oneOf,
  onOff,
  pairs,
  readChecked,
  serviceName,
  size,
  timeout,
  type Grammar,
} from '../../../agent/config/parse.js';
import { schema } from '../../../agent/config/schema.js';

const value = <T>(grammar: Grammar<T>, text: string): T => {
  const read = grammar.read(text);
  if ('problem' in read) throw new Error(`${text} ${read.problem}`);
  return read.value;
};
const problem = (grammar: Grammar<unknown>, text: string): string | undefined => {
  const read = readChecked(grammar, text);
  return 'problem' in read ? read.problem : undefined;
};

describe('a duration', () => {
  const grammar = duration('10ms', '1h');

  it('is a number of milliseconds', () => {
    deepEqual(
      ['10ms', '5s', '2m', '1h'].map((text) => value(grammar, text)),
      [10, 5_000, 120_000, 3_600_000],
    );
  });

  it('needs a unit, and says so', () => {
    equal(problem(grammar, '5'), 'has no unit');
    equal(problem(grammar, '1.5'), 'has no unit');
  });

  it('names the bound that it breaks', () => {
    equal(problem(grammar, '9ms'), 'is less than 10ms');
    equal(problem(grammar, '61m'), 'is more than 1h');
  });

  for (const text of ['', 's', '5 s', '5S', '-5s', '1.5s', '5s5', '5sec', '1e3ms', '٥s', '5constructor', '9'.repeat(400) + 's']) {
    it(`is not ${JSON.stringify(text.slice(0, 20))}`, () => equal(problem(grammar, text), 'is not a duration'));
  }

  it('comes back as it was written, in every unit', () => {
    const units = fc.constantFrom(['ms', 1] as const, ['s', 1_000] as const, ['m', 60_000] as const, ['h', 3_600_000] as const);
    fc.assert(
      fc.property(fc.nat(1_000_000), units, (count, [unit, ms]) => {
        equal(value(duration('0ms', '999999999h'), `${count}${unit}`), count * ms);
      }),
    );
  });

  it('of a timeout may be off, which is undefined', () => {
    equal(value(timeout('1ms', '1h'), 'off'), undefined);
    equal(value(timeout('1ms', '1h'), '3s'), 3_000);
  });
});

describe('a size', () => {
  it('is a number of bytes', () => {
    deepEqual(
      ['1024B', '64KiB', '1MiB'].map((text) => value(size('1KiB', '1MiB'), text)),
      [1024, 65_536, 1_048_576],
    );
  });

  it('needs one of our units', () => {
    equal(problem(size('1KiB', '1MiB'), '64'), 'has no unit');
    equal(problem(size('1KiB', '1MiB'), '64KB'), 'is not a size');
    equal(problem(size('1KiB', '1MiB'), '2MiB'), 'is more than 1MiB');
  });
});

describe('a number', () => {
  for (const [text, expected] of [
    ['1', undefined],
    ['007', undefined],
    ['0', 'is less than 1'],
    ['-3', 'is less than 1'],
    ['11', 'is more than 10'],
    ['1.5', 'is not a whole number'],
    ['1e1', 'is not a whole number'],
    ['0x1', 'is not a whole number'],
    ['+1', 'is not a whole number'],
    ['', 'is not a whole number'],
    ['NaN', 'is not a whole number'],
    ['Infinity', 'is not a whole number'],
    ['9'.repeat(400), 'is more than 10'],
  ] as const) {
    it(`of 1 to 10: ${JSON.stringify(text.slice(0, 20))} ${expected ?? 'is one'}`, () =>
      equal(problem(integer(1, 10), text), expected));
  }

  it('of a weight may have decimals', () => {
    equal(value(decimal(0, 100), '2.5'), 2.5);
    equal(problem(decimal(0, 100), '.5'), 'is not a number');
  });
});

describe('a word', () => {
  it('that a later release will know is refused as that', () => {
    const grammar = oneOf(['random'], ['maglev']);
    equal(value(grammar, 'random'), 'random');
    equal(problem(grammar, 'maglev'), 'is not in this release yet');
    equal(problem(grammar, 'Random'), 'is not known');
  });

  it('for a switch is on or off and nothing else', () => {
    deepEqual([value(onOff, 'on'), value(onOff, 'off')], [true, false]);
    for (const text of ['true', 'yes', '1', 'ON']) equal(problem(onOff, text), 'is neither on nor off');
  });
});

describe('a service name', () => {
  for (const text of ['orders', 'com.acme.OrderService', 'a', '_', '...', 'x'.repeat(253)]) {
    it(`may be ${text.slice(0, 30)}`, () => equal(value(serviceName, text), text));
  }
  for (const [text, expected] of [
    ['a/b', 'has "/" in it'],
    ['..', 'means a folder in a path'],
    ['.', 'means a folder in a path'],
    ['a b', 'has " " in it'],
    ['größe', 'has "ö" in it'],
    ['x'.repeat(254), 'is 254 characters long'],
    ['a\nb', 'has a control character in it'],
  ] as const) {
    it(`may not be ${JSON.stringify(text.slice(0, 30))}`, () => equal(problem(serviceName, text), expected));
  }
});

describe('metadata', () => {
  const grammar = pairs(3, { weight: 'set ZIDECAR_WEIGHT' });

  it('is a map of texts', () => deepEqual(value(grammar, 'a=1, b.c=x=y,d='), { a: '1', 'b.c': 'x=y', d: '' }));

  for (const [text, expected] of [
    ['a', 'is not key=value'],
    ['a=1,', 'has "", which is not key=value'],
    ['=1', 'is not key=value'],
    ['__proto__=1', 'is not key=value'],
    ['a b=1', 'is not key=value'],
    ['a=1,a=2', 'has "a=2", which has a key that was there before'],
    ['weight=5', 'has a key that is not free: set ZIDECAR_WEIGHT'],
    ['a=1,b=1,c=1,d=1', 'has 4 pairs'],
  ] as const) {
    it(`refuses ${text}`, () => equal(problem(grammar, text), expected));
  }

  it('comes back as it was written', () => {
    const key = fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/).filter((text) => text !== '__proto__');
    const map = fc.dictionary(
      key,
      fc.stringMatching(/^[A-Za-z0-9=+/ äß]{0,20}$/).map((text) => text.trim()),
      { minKeys: 1, noNullPrototype: true },
    );
    fc.assert(
      fc.property(map, (meta) => {
        deepEqual(
          value(
            pairs(64, {}),
            Object.entries(meta)
              .map(([name, text]) => `${name}=${text}`)
              .join(','),
          ),
          meta,
        );
      }),
    );
  });
});

describe('every grammar', () => {
  it('answers any text with a value or a problem', () => {
    const rows = Object.values(schema) as readonly { readonly grammar: Grammar<unknown> }[];
    const pieces = fc.constantFrom(
      ...Array.from('a1:/@+,=[]*.- {}%'),
      'dir:',
      'tcp',
      'unix:/',
      '{service}',
      '://',
      'http',
      'curator',
      '::1',
      '__proto__',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(fc.constantFrom(...rows), texts, ({ grammar }, text) => {
        const read = grammar.read(text);
        ok('value' in read || /^[a-z].*[^.]$/s.test(read.problem), JSON.stringify(read));
      }),
      { numRuns: 3_000 },
    );
  });

  it('reads its own fallback, and the fallback is what the schema shows', () => {
    for (const [key, { grammar, fallback, unset }] of Object.entries(schema)) {
      if (fallback === undefined) continue;
      equal(problem(grammar, fallback), undefined, key);
      equal(unset, fallback);
    }
  });
});
