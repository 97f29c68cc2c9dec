/** Grammars of how instances are chosen: what of a call the hash policies go by, subsets by labels, and a split of calls by a label. */
import { subsetAccepts, subsetOf, type Subset } from '../../lb/subset.js';
import type { SplitRule } from '../../lb/split.js';
import { quote } from '../printable.js';
import { readParts, type Grammar, type Reading } from './parse.js';

/** As lb/hash-key.ts, but for what the process knows: its own address. */
export type HashKey =
  { readonly by: 'header' | 'cookie'; readonly name: string } | { readonly by: 'path' } | { readonly by: 'source' };

export const hashKey: Grammar<HashKey> = {
  accepts: 'header:NAME, cookie:NAME, path or source',
  read(text): Reading<HashKey> {
    if (text === 'path' || text === 'source') return { value: { by: text } };
    const [, by, name] = /^(header|cookie):(.{0,128})$/u.exec(text) ?? [];
    if (by === undefined || name === undefined) return { problem: 'is none of these' };
    const isName = by === 'header' ? /^[A-Za-z0-9-]+$/ : /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
    if (!isName.test(name)) return { problem: `names no ${by}` };
    return { value: by === 'header' ? { by, name: name.toLowerCase() } : { by: 'cookie', name } };
  },
};

export const subset: Grammar<Subset> = {
  accepts: subsetAccepts,
  list: ',',
  map: true,
  read(text) {
    const value = subsetOf(text);
    return value === undefined ? { problem: 'is no such list' } : { value };
  },
};

const MOST_VALUES = 8;

/** `version=canary:5,beta:1`; in a YAML file `{version: {canary: 5, beta: 1}}` as well. */
export const split: Grammar<SplitRule> = {
  accepts: `LABEL=VALUE:PERCENT,VALUE:PERCENT, at most ${MOST_VALUES} of them and a hundred percent`,
  map: true,
  read(text): Reading<SplitRule> {
    const [, label, rest] = /^([A-Za-z0-9._-]{1,63})=(.+)$/u.exec(text) ?? [];
    if (label === undefined || rest === undefined) return { problem: 'names no label' };
    const percents = new Map<string, number>();
    const read = readParts(rest, ',', (part): Reading<unknown> => {
      const [, value, percent] = /^([^:=]{1,256}):(\d{1,3}(?:\.\d{1,3})?)$/u.exec(part) ?? [];
      if (value === undefined)
        return { problem: part.includes('=') ? 'names a label too, and calls are split by one' : 'is not VALUE:PERCENT' };
      if (Number(percent) > 100) return { problem: 'is more than 100 percent' };
      if (percents.has(value)) return { problem: `has ${quote(value)} twice` };
      return { value: percents.set(value, Number(percent)) };
    });
    if ('problem' in read) return read;
    const total = [...percents.values()].reduce((sum, one) => sum + one, 0);
    if (total > 100) return { problem: `adds up to ${total} percent` };
    return percents.size > MOST_VALUES ? { problem: `has ${percents.size} values` } : { value: { label, percents } };
  },
};
