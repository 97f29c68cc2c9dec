/**
 * The sources of one peer in the YAML file, in order of preference: texts as in ZIDECAR_UPSTREAMS, or maps that can name another registry too.
 *
 *   sources: [serverset:/aurora/orders, { dialect: curator, path: /services/orders, zookeeper: 'zk-old:2181' }]
 */
import { zookeeper, type Zookeeper } from './addresses.js';
import type { Fields } from './fields.js';
import { dialectName, endpointName, sourcePath, sources, type SourceText } from './sources.js';

export interface OtherRegistry {
  /** Its address as written. */
  readonly name: string;
  readonly zookeeper: Zookeeper;
}

/** Each has a session of its own. */
export const MOST_REGISTRIES = 4;

export interface SourceList {
  readonly sources: readonly SourceText[];
  readonly registries: readonly OtherRegistry[];
}

/** What is wrong is told by `fields`; undefined where no sources are written. */
export function takeSources(fields: Fields): SourceList | undefined {
  const rows = fields.rows('sources');
  if (rows === undefined) {
    const read = fields.take('sources', sources);
    return read && { sources: read, registries: [] };
  }
  const registries: OtherRegistry[] = [];
  const read = rows.flatMap((row): readonly SourceText[] => {
    if (row.has('source')) return row.take('source', sources) ?? [];
    row.only(['dialect', 'path', 'endpoint', 'zookeeper']);
    const dialect = row.take('dialect', dialectName);
    const path = row.take('path', sourcePath);
    const endpoint = row.take('endpoint', endpointName);
    const where = row.read('zookeeper', zookeeper);
    if (!row.has('dialect')) row.problem(`needs a dialect: ${dialectName.accepts}`);
    if (dialect === undefined) return [];
    if (endpoint !== undefined && dialect !== 'serverset') row.problem(`has an endpoint, which only the dialect serverset knows`);
    if (where) registries.push({ name: where.text, zookeeper: where.value });
    return [
      {
        dialect,
        ...(path !== undefined && { path }),
        ...(endpoint !== undefined && { endpoint }),
        ...(where && { registry: where.text }),
      },
    ];
  });
  return { sources: read, registries };
}

/** Each once, less the main one; what is too much is a problem. */
export function registriesOf(lists: Iterable<SourceList>, main: string, problems: string[]): readonly OtherRegistry[] {
  const all = new Map<string, OtherRegistry>();
  for (const { registries } of lists) for (const one of registries) if (one.name !== main) all.set(one.name, one);
  if (all.size > MOST_REGISTRIES) {
    problems.push(
      `upstreams: the sources name ${all.size} registries beside ZIDECAR_ZOOKEEPER (${[...all.keys()].join(' and ')}); at most ${MOST_REGISTRIES} are read`,
    );
  }
  return [...all.values()];
}
