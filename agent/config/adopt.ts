/**
 * What a configuration that was read again changes in a process that runs: which of it can be had at once, which needs a restart, and the
 * configuration that holds from now on. Pure; the schema's rows say what can change: all that is of one peer can, but for its port and the places
 * of its list. Who is announced, where, and every listener stay as they were at the start.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Announcement } from './announcements.js';
import type { Config } from './load.js';
import { envName, keys, schema, type Key } from './schema.js';
import type { NamedUpstream } from './upstreams.js';

export interface Adopted {
  readonly config: Config;
  /** Sentences, one a change. */
  readonly changed: readonly string[];
  readonly needsRestart: readonly string[];
}

/** They are told row by row, not as one value. */
const inRows: ReadonlySet<Key> = new Set(['config', 'upstreams']);

/** `started`: what the process began with, which stays where a change needs a restart. */
export function adopt(running: Config, read: Config, started: Config): Adopted {
  const changed: string[] = [];
  const needsRestart: string[] = [];
  const different = keys.filter((key) => !inRows.has(key) && !isDeepStrictEqual(valueOf(running, key), valueOf(read, key)));
  for (const key of different) {
    const what = `${envName(key)} ${running.entries[key].text} -> ${read.entries[key].text}`;
    (schema[key].reloadable ? changed : needsRestart).push(what);
  }
  const stays = keys.filter((key) => !schema[key].reloadable);
  const announcements = announced(running, read, { changed, needsRestart });
  const named = peers(running, read, started, { changed, needsRestart });
  const sources = new Map(named.map((row) => [row.name, row.sources]));
  if (running.upstreams.closed !== read.upstreams.closed)
    changed.push(`ZIDECAR_UPSTREAMS is ${read.upstreams.closed ? 'closed' : 'open'}`);
  for (const name of new Set([...running.overridden, ...read.overridden])) {
    const [before, after] = [running, read].map((config) => config.overridesOf(name).join(', '));
    if (before !== after)
      changed.push(`upstreams.${name}: ${before || 'nothing of its own'} -> ${after || 'nothing of its own'}`);
  }
  return {
    changed,
    needsRestart,
    config: {
      ...read,
      ...pick(running, stays),
      entries: { ...read.entries, ...pick(running.entries, stays) },
      announcements,
      upstreams: { closed: read.upstreams.closed, named },
      sourcesOf: (name, by = started) => sources.get(name) ?? read.sourcesOf(name, by),
    },
  };
}

interface Told {
  readonly changed: string[];
  readonly needsRestart: string[];
}

const valueOf = (config: Config, key: Key): unknown => (config as unknown as Record<string, unknown>)[key];

const pick = <T extends object, K extends keyof T>(from: T, which: readonly (K | string)[]): Pick<T, K> =>
  Object.fromEntries(which.map((key) => [key, from[key as K]])) as unknown as Pick<T, K>;

/** The rows that were announced at the start, with the weights that were read. */
function announced(running: Config, read: Config, { changed, needsRestart }: Told): readonly Announcement[] {
  const place = ({ service, dialect, path }: Announcement): string => `${service} in ${path} (${dialect})`;
  const rows = new Map(read.announcements.map((row) => [place(row), row]));
  const kept = running.announcements.map((row) => {
    const now = rows.get(place(row));
    rows.delete(place(row));
    if (now === undefined) needsRestart.push(`${place(row)} is announced no more`);
    else if (!isDeepStrictEqual({ ...now, weight: 0 }, { ...row, weight: 0 }))
      needsRestart.push(`the announcement of ${place(row)}`);
    if (now === undefined || now.weight === row.weight) return row;
    changed.push(`weight of ${row.service} ${row.weight} -> ${now.weight}`);
    return { ...row, weight: now.weight };
  });
  for (const row of rows.values()) needsRestart.push(`${place(row)} is announced`);
  return kept;
}

/** Who is named can change; the port of a peer and the place of its list cannot. */
function peers(running: Config, read: Config, started: Config, { changed, needsRestart }: Told): readonly NamedUpstream[] {
  const before = new Map(running.upstreams.named.map((row) => [row.name, row]));
  const named = read.upstreams.named.map((row) => {
    const known = before.get(row.name);
    before.delete(row.name);
    if (known !== undefined) {
      if (!isDeepStrictEqual(known, row)) needsRestart.push(`the port or the sources of upstreams.${row.name}`);
      return known;
    }
    changed.push(`${row.name} is a named peer`);
    if (row.listen.length > 0) needsRestart.push(`the port of upstreams.${row.name}`);
    return { ...row, listen: [], sources: read.sourcesOf(row.name, started) };
  });
  for (const { name, listen } of before.values()) {
    changed.push(`${name} is no named peer any more`);
    if (listen.length > 0) needsRestart.push(`the port of upstreams.${name}`);
  }
  return named;
}
