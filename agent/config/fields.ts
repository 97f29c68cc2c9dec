/**
 * One map of the YAML file, read field by field against grammars, in the same words as the environment. Every text is as it was
 * written (`007` is not 7), and the map is a Map, so that no key of a file can reach a prototype.
 */
import { printable } from '../printable.js';
import { nearest } from './nearest.js';
import { readChecked, type Grammar } from './parse.js';
import { refusal, written } from './problems.js';

const MOST_UNKNOWN = 10;

export class Fields {
  /** Where the map stands, for sentences: `zidecar.yaml: announce[0]`. */
  readonly where: string;
  readonly #map: ReadonlyMap<unknown, unknown>;
  readonly #problems: string[];

  /** Whatever is wrong with any field is added to `problems`. */
  constructor(where: string, map: ReadonlyMap<unknown, unknown>, problems: string[]) {
    this.where = where;
    this.#map = map;
    this.#problems = problems;
  }

  /** As written; a list or a map only where the grammar has room for it. Undefined: not there, empty, or a problem that was told. */
  text(key: string, grammar: Grammar<unknown>): string | undefined {
    const value = this.#map.get(key);
    const text =
      grammar.map && value instanceof Map
        ? asList(
            [...value].map(([name, one]) => `${String(name)}=${inOne(one)}`),
            ',',
          )
        : asList(value, grammar.list);
    if (text === undefined && value !== undefined) {
      this.#problems.push(refusal(`${this.name(key)}: this`, `is ${value instanceof Map ? 'a map' : 'a list'}`, grammar));
    }
    return text === '' ? undefined : text;
  }

  /** The value and its text; undefined when there is none, or when it is wrong, which was told. */
  read<T>(key: string, grammar: Grammar<T>): { readonly value: T; readonly text: string } | undefined {
    const text = this.text(key, grammar);
    if (text === undefined) return undefined;
    const read = readChecked(grammar, text);
    if ('value' in read) return { value: read.value, text };
    this.#problems.push(refusal(written(this.name(key), text), read.problem, grammar));
    return undefined;
  }

  has(key: string): boolean {
    return this.#map.has(key);
  }

  /** The maps of a list; a text in it is one with the key `source`. Undefined where there is no map in it, or no list. */
  rows(key: string): readonly Fields[] | undefined {
    const list = this.#map.get(key);
    if (!Array.isArray(list) || !list.some((row) => row instanceof Map)) return undefined;
    return list.map((row: unknown, index) => {
      const map = row instanceof Map ? (row as ReadonlyMap<unknown, unknown>) : new Map([['source', row]]);
      return new Fields(`${this.name(key)}[${index}]`, map, this.#problems);
    });
  }

  /** Tells what is wrong with the map as a whole. */
  problem(what: string): void {
    this.#problems.push(`${this.where} ${what}`);
  }

  take<T>(key: string, grammar: Grammar<T>): T | undefined {
    return this.read(key, grammar)?.value;
  }

  /** `zidecar.yaml: announce[0].port` */
  name(key: string): string {
    return this.where.includes(': ') ? `${this.where}.${key}` : `${this.where}: ${key}`;
  }

  /** Tells of keys that are not among these; `elsewhere` has better words for some than the nearest name. Of a wrong file the first will do. */
  only(known: readonly string[], elsewhere: (key: string) => string | undefined = () => undefined): void {
    const unknown = [...this.#map.keys()].filter((key) => typeof key !== 'string' || !known.includes(key));
    for (const key of unknown.slice(0, MOST_UNKNOWN)) {
      const shown = printable(String(key), 80);
      this.#problems.push(`${this.name(shown)}: ${elsewhere(shown) ?? `unknown; the nearest is ${nearest(shown, known)}`}`);
    }
    const more = unknown.length - MOST_UNKNOWN;
    if (more > 0) this.problem(`has ${more} more keys that are unknown here: is it a file of something else?`);
  }
}

/** A map in a map is `k:v,k:v`. */
const inOne = (value: unknown): string =>
  value instanceof Map ? [...value].map(([name, one]) => `${String(name)}:${String(one)}`).join(',') : String(value);

function asList(value: unknown, joiner: string | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  const texts = joiner !== undefined && Array.isArray(value) && value.every((one) => typeof one === 'string');
  return texts ? value.join(joiner) : undefined;
}
