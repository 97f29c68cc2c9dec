/**
 * Grammars: how the text of a setting becomes a value. Each knows what it accepts, in words that end the sentence of an error and fill
 * a cell of the README, so that the two cannot differ. Knows nothing of where a text came from.
 */
import { quote } from '../printable.js';

/** The value, or what is wrong with the text, said of it: 'has no unit', 'is less than 1'. */
export type Reading<T> = { readonly value: T } | { readonly problem: string };

export interface Grammar<T> {
  /** What is accepted, to follow 'accepted: ': 'a whole number from 1 to 10'. */
  readonly accepts: string;
  /** Never throws. */
  read(text: string): Reading<T>;
  /** A YAML file may hold a list instead, whose texts are joined by this. */
  readonly list?: ',' | '+';
  /** A YAML file may hold a map instead, which becomes `k=v,k=v`. */
  readonly map?: true;
}

/** As `read`, and no value of a setting holds a line feed or another control character: it would end in a node, a path or a log. */
export function readChecked<T>(grammar: Grammar<T>, text: string): Reading<T> {
  return /\p{Cc}/u.test(text) ? { problem: 'has a control character in it' } : grammar.read(text);
}

/** Of one list; what is more is counted. */
const MOST_PROBLEMS = 10;

/** The parts of a list, blanks around them taken off. Every problem is told, and names its part, unless there is only one part. */
export function readParts<T>(text: string, between: string | RegExp, read: (part: string) => Reading<T>): Reading<readonly T[]> {
  const found: T[] = [];
  const problems: string[] = [];
  const parts = text.split(between).map((part) => part.trim());
  for (const part of parts) {
    const one = read(part);
    if ('value' in one) found.push(one.value);
    else if (parts.length === 1) return one;
    else problems.push(`has ${quote(part)}, which ${one.problem}`);
  }
  const more = problems.length > MOST_PROBLEMS ? [`has ${problems.length - MOST_PROBLEMS} more that are wrong`] : [];
  return problems.length === 0 ? { value: found } : { problem: [...problems.slice(0, MOST_PROBLEMS), ...more].join('; it ') };
}

const bounded = (value: number, shown: (limit: 'least' | 'most') => string, least: number, most: number): Reading<number> =>
  value < least
    ? { problem: `is less than ${shown('least')}` }
    : value > most
      ? { problem: `is more than ${shown('most')}` }
      : { value };

const numeric = (what: string, shape: RegExp, least: number, most: number): Grammar<number> => ({
  accepts: `${what} from ${least} to ${most}`,
  read: (text) =>
    shape.test(text)
      ? bounded(Number(text), (limit) => String(limit === 'least' ? least : most), least, most)
      : { problem: `is not ${what}` },
});

export const integer = (least: number, most: number): Grammar<number> => numeric('a whole number', /^-?\d+$/, least, most);
export const decimal = (least: number, most: number): Grammar<number> => numeric('a number', /^-?\d+(\.\d+)?$/, least, most);

/** A number with one of these units right behind it. A bare number is refused: nobody can tell which unit it meant. */
function withUnit(what: string, units: Readonly<Record<string, number>>, least: string, most: string): Grammar<number> {
  const shape = /^(\d{1,12})([A-Za-z]+)$/;
  const value = (text: string): number => {
    const [, count, unit] = shape.exec(text) ?? [];
    return count !== undefined && Object.hasOwn(units, unit!) ? Number(count) * units[unit!]! : NaN;
  };
  return {
    accepts: `${what} from ${least} to ${most}, in ${Object.keys(units).join(', ')}`,
    read(text) {
      if (/^\d+(\.\d+)?$/.test(text)) return { problem: 'has no unit' };
      const read = value(text);
      if (Number.isNaN(read)) return { problem: `is not ${what}` };
      return bounded(read, (limit) => (limit === 'least' ? least : most), value(least), value(most));
    },
  };
}

/** Milliseconds. */
export const duration = (least: string, most: string): Grammar<number> =>
  withUnit('a duration', { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }, least, most);

/** Bytes. */
export const size = (least: string, most: string): Grammar<number> =>
  withUnit('a size', { B: 1, KiB: 1024, MiB: 1024 ** 2 }, least, most);

/** The word `off`, or what the grammar reads. */
export const orOff = <T, O>(grammar: Grammar<T>, off: O): Grammar<T | O> => ({
  ...grammar,
  accepts: `${grammar.accepts}, or off`,
  read: (text): Reading<T | O> => (text === 'off' ? { value: off } : grammar.read(text)),
});

/** Milliseconds; `off` is undefined: as long as it takes. */
export const timeout = (least: string, most: string): Grammar<number | undefined> => orOff(duration(least, most), undefined);

/** `later` are words of the field that this release does not speak: they are refused by name. */
export const oneOf = <const T extends string>(words: readonly T[], later: readonly string[] = []): Grammar<T> => ({
  accepts: `one of ${words.join(', ')}`,
  read(text) {
    const value = words.find((word) => word === text);
    if (value !== undefined) return { value };
    return { problem: later.includes(text) ? 'is not in this release yet' : 'is not known' };
  },
});

export const onOff: Grammar<boolean> = {
  accepts: 'on or off',
  read: (text) => (text === 'on' || text === 'off' ? { value: text === 'on' } : { problem: 'is neither on nor off' }),
};

/** Any text of at most `most` characters whose characters all match `one`. */
export const word = (accepts: string, one: RegExp, most: number): Grammar<string> => ({
  accepts: `${accepts}, at most ${most} of them`,
  read(text) {
    const wrong = Array.from(text).find((character) => !one.test(character));
    if (wrong !== undefined) return { problem: `has ${quote(wrong)} in it` };
    return text.length > most ? { problem: `is ${text.length} characters long` } : { value: text };
  },
});

/** A service's name: safe as a key and as a part of a path. */
export const serviceName: Grammar<string> = except(['.', '..'], word('letters, digits, ".", "_" and "-"', /[A-Za-z0-9._-]/, 253));

/** Beside the characters of a name an id may hold ":", since some are `host:port`. */
export const instanceId: Grammar<string> = except(
  ['.', '..'],
  word('letters, digits, ".", "_", "-" and ":"', /[A-Za-z0-9._:-]/, 253),
);

function except(words: readonly string[], grammar: Grammar<string>): Grammar<string> {
  return { ...grammar, read: (text) => (words.includes(text) ? { problem: 'means a folder in a path' } : grammar.read(text)) };
}

export const freeText = (what: string, most: number): Grammar<string> => ({
  accepts: what,
  read: (text) => (text.length > most ? { problem: `is longer than ${most} characters` } : { value: text }),
});

/** `k=v,k=v`. Some keys have a setting of their own. */
export const pairs = (most: number, taken: Readonly<Record<string, string>>): Grammar<Readonly<Record<string, string>>> => ({
  accepts: `key=value,key=value, at most ${most} pairs, keys of letters, digits, ".", "_" and "-"`,
  list: ',',
  map: true,
  read(text) {
    const found = new Map<string, string>();
    const read = readParts(text, ',', (pair): Reading<unknown> => {
      const [, key, value] = /^([A-Za-z0-9._-]{1,63})=(.{0,1024})$/u.exec(pair) ?? [];
      if (key === undefined || value === undefined || key === '__proto__') return { problem: 'is not key=value' };
      if (Object.hasOwn(taken, key)) return { problem: `has a key that is not free: ${taken[key]!}` };
      if (found.has(key)) return { problem: 'has a key that was there before' };
      return { value: found.set(key, value) };
    });
    if ('problem' in read) return read;
    return found.size > most ? { problem: `has ${found.size} pairs` } : { value: Object.fromEntries(found) };
  },
});
