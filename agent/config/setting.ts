/** What a row of the schema says of its setting, and the few ways to make one. */
import type { Grammar } from './parse.js';

export interface Setting<T, S extends 'process' | 'upstream' = 'process' | 'upstream'> {
  readonly grammar: Grammar<T>;
  /** Read by the grammar when nobody has set it; undefined: the value is undefined then, or is derived. */
  readonly fallback: string | undefined;
  /** What holds when nobody has set it, in words. */
  readonly unset: string;
  /** One sentence for the help and the README. */
  readonly about: string;
  /** `upstream`: can be set for one peer alone, under `upstreams.NAME` in the YAML file. */
  readonly scope: S;
  readonly required: boolean;
  /** Can be changed while the process runs, by the file that is read again; the weight and the level by the admin too. */
  readonly reloadable: boolean;
  /** Never shown; `ZIDECAR_…_FILE` names a file that holds it. */
  readonly secret: boolean;
}

const plain = { scope: 'process', required: false, reloadable: false, secret: false } as const;

export const set = <T>(fallback: string, grammar: Grammar<T>, about: string): Setting<T, 'process'> => ({
  ...{ ...plain, grammar, fallback, unset: fallback, about },
});

/** `unset` tells in words what holds without it; the value is undefined then, unless load derives one. */
export const open = <T>(unset: string, grammar: Grammar<T>, about: string): Setting<T | undefined, 'process'> => ({
  ...{ ...plain, grammar, fallback: undefined, unset, about },
});

export const perUpstream = <T>(fallback: string, grammar: Grammar<T>, about: string): Setting<T, 'upstream'> => ({
  ...set(fallback, grammar, about),
  scope: 'upstream',
});

export const openPerUpstream = <T>(unset: string, grammar: Grammar<T>, about: string): Setting<T | undefined, 'upstream'> => ({
  ...open(unset, grammar, about),
  scope: 'upstream',
});

export const must = <T>(grammar: Grammar<T>, about: string): Setting<T, 'process'> => ({
  ...{ ...plain, required: true, grammar, fallback: undefined, unset: 'required', about },
});

/** It can change while the process runs: see adopt.ts, and who takes it in app.ts. */
export const live = <T extends Setting<unknown>>(row: T): T => ({ ...row, reloadable: true });

export const livePerUpstream = <T>(...row: Parameters<typeof perUpstream<T>>): Setting<T, 'upstream'> =>
  live(perUpstream(...row));
