/**
 * The configuration of one process, from flags, environment and file: everything wrong is told at once, and what comes out is complete,
 * checked against itself and frozen. The rows are in schema.ts, the precedence in layers.ts; here is what settings mean to each other.
 */
import { atOnce, type Pieces } from '../in-turns.js';
import { printable } from '../printable.js';
import type { Source } from '../registry/registry.js';
import { announcementsOf, readRows, type Announcement, type Place } from './announcements.js';
import { clientDoubts, clientProblems, pemProblems } from './client-problems.js';
import { conflicts, doubts } from './checks.js';
import { advertised, dataDir, drainWait, ownPath, podId, snapshot } from './derived.js';
import { Fields } from './fields.js';
import { reading, readTextFile } from './file.js';
import { resolve, type Entry, type Inputs, type Resolved } from './layers.js';
import { nearest } from './nearest.js';
import { ConfigError } from './problems.js';
import {
  envName,
  flagName,
  isKey,
  keys,
  schema,
  upstreamKeys,
  type Key,
  type Settings,
  type UpstreamSettings,
} from './schema.js';
import { registriesOf, type OtherRegistry } from './source-list.js';
import { sourceOf, type SourceText } from './sources.js';
import { unknownVariables } from './unknown-variables.js';
import { readUpstreams, upstreamsOf, type Upstreams } from './upstreams.js';
import { withoutEffect } from './without-effect.js';

export interface Config extends Omit<Settings, 'upstreams'> {
  /** One for each service and dialect. */
  readonly announcements: readonly Announcement[];
  readonly upstreams: Upstreams;
  /** Registries beside the main one that some peer is looked for in. */
  readonly registries: readonly OtherRegistry[];
  /** Of each setting the text and where it came from. */
  readonly entries: Readonly<Record<Key, Omit<Entry, 'value'>>>;
  readonly warnings: readonly string[];
  /** Where the instances of any service are, named or not. `by`: whose registry path and dialect hold where none is written. Default: its own. */
  sourcesOf(service: string, by?: Pick<Config, 'registryPath' | 'dialect' | 'entries'>): readonly Source[];
  /** What holds for any upstream: the process's settings, with the file's own for this name. */
  settingsOf(upstream: string): UpstreamSettings;
  /** Peers of which the file has settings, named or not. */
  readonly overridden: readonly string[];
  /** The settings of `upstreams.NAME` in the file as written, such as `policy random`. */
  overridesOf(upstream: string): readonly string[];
}

/** Throws a ConfigError with every problem. */
export const loadConfig = (inputs: Inputs): Config => atOnce(loading(inputs));

/** The same in pieces. */
export function* loading(inputs: Inputs): Pieces<Config> {
  const problems: string[] = [];
  const file = yield* openFile(inputs, problems);
  yield;
  const resolved = resolve(schema, inputs, file?.settings, problems);
  const { entries, failed } = resolved;
  file?.settings.only([...keys.filter((key) => key !== 'config'), 'announce']);
  const unknown = unknownVariables(inputs.env, variables);
  problems.push(...unknown.problems, ...unknownFlags(inputs));
  // a file that cannot be read may have set anything: whether something is missing cannot be told
  if (file?.broken) throw new ConfigError(problems, unknown.warnings);
  problems.push(...resolved.missing);

  const derive = (key: Key, entry: Entry | undefined): void => {
    if (entry !== undefined && entries.get(key)!.origin.from === 'default' && !failed.has(key)) entries.set(key, entry);
  };
  derive('advertise', advertised(inputs.env, valuesOf(resolved).zookeeper));
  derive('instanceId', podId(inputs.env));
  derive('dataDir', dataDir(inputs.env));
  const base = valuesOf(resolved);

  const main = entries.get('zookeeper')!.text;
  let unplaced = false; // somebody's instances are where the registry path says
  const place: Place = (service, source) => {
    unplaced ||= source.path === undefined;
    return sourceOf(service, source, base.registryPath, main);
  };
  if (base.service !== undefined && base.appPort === undefined && !failed.has('appPort')) {
    problems.push(
      `ZIDECAR_SERVICE="${base.service}" needs ZIDECAR_APP_PORT (or --app-port), the port that the app listens on; accepted: ${schema.appPort.grammar.accepts}`,
    );
  }
  const { announcements, problems: together } = announcementsOf(readRows(file, base, problems), base, place);
  const peers = file?.upstreams && readUpstreams(file.path, file.upstreams, problems);
  const upstreams = upstreamsOf(base, peers, place);
  const lists = [...(peers?.rows.values() ?? [])].flatMap(({ sources }) => sources ?? []);
  const registries = registriesOf(lists, main, problems);
  unplaced ||= !upstreams.closed && base.outbound.length > 0;
  derive('registryPath', ownPath(base.dialect));
  derive('drainWait', drainWait(announcements, base.dialect));
  derive('snapshot', snapshot(base.dataDir, announcements[0]?.service, base.outbound));

  yield;
  const values = valuesOf(resolved);
  // of a process that runs, the next connection says it: its files may be between two others
  if (inputs.again !== true) problems.push(...pemProblems(values, inputs.readFile ?? readTextFile));
  problems.push(...together, ...clientProblems(values), ...conflicts({ values, unplaced, announcements, upstreams }));
  const beside = registries.map(({ zookeeper }) => zookeeper);
  const doubtful = [...doubts({ values, entries, announcements, upstreams, peers }), ...clientDoubts(values, beside)];
  const warnings = [...unknown.warnings, ...doubtful];
  if (problems.length > 0) throw new ConfigError(problems, warnings);

  const perUpstream = Object.fromEntries(upstreamKeys.map((key) => [key, values[key]])) as unknown as UpstreamSettings;
  // a connection lives long: turns would soon leave one endpoint with most of them
  const chosen = entries.get('policy')?.origin.from !== 'default';
  const evenly = new Set(upstreams.named.flatMap(({ name, tcp }) => (tcp && !chosen ? [name] : [])));
  const listed = new Map(base.upstreams?.named.map(({ name, sources }) => [name, sources]));
  const written = (name: string): readonly SourceText[] | undefined =>
    listed.get(name) ?? peers?.rows.get(name)?.sources?.sources;
  const texts = Object.fromEntries([...entries].map(([key, { text, origin }]) => [key, { text, origin }])) as Config['entries'];
  const own = { registryPath: values.registryPath, dialect: values.dialect, entries: texts };
  const settingsOf = (name: string): UpstreamSettings => ({
    ...perUpstream,
    ...(evenly.has(name) && { policy: 'least_request' }),
    ...peers?.rows.get(name)?.overrides,
  });
  const set = new Set([...entries].flatMap(([key, { origin }]) => (origin.from === 'default' ? [] : [key])));
  const rows = Array.from(peers?.rows ?? [], ([name, { overrides }]) => ({
    ...{ name, settings: settingsOf(name), set: new Set(Object.keys(overrides)) },
  }));
  yield;
  return frozen({
    ...values,
    announcements,
    upstreams,
    registries,
    entries: texts,
    warnings: [...warnings, ...withoutEffect({ settings: perUpstream, set }, rows)],
    sourcesOf: (name, { registryPath, dialect, entries: { zookeeper } } = own) =>
      (written(name) ?? [{ dialect }]).map((source) => sourceOf(name, source, registryPath, zookeeper.text)),
    settingsOf,
    overridden: [...(peers?.rows.keys() ?? [])],
    overridesOf: (name) => peers?.rows.get(name)?.texts ?? [],
  });
}

/**
 * Some settings only, for a command that needs no more: wrong ones among these throw a ConfigError, what is wrong elsewhere does not
 * stand in its way, and an unknown variable is a warning.
 */
export function loadSettings<K extends Key>(
  inputs: Inputs,
  wanted: readonly K[],
): Pick<Settings, K> & { readonly warnings: readonly string[] } {
  const problems: string[] = [];
  const file = atOnce(openFile(inputs, problems));
  const resolved = resolve(Object.fromEntries(wanted.map((key) => [key, schema[key]])), inputs, file?.settings, problems);
  const values = valuesOf(resolved);
  if (!file?.broken) problems.push(...resolved.missing, ...clientProblems(values));
  // a command that puts settings into a pod is told of no secrets, and its paths are the pod's
  if ('zookeeperAuth' in values) problems.push(...pemProblems(values, inputs.readFile ?? readTextFile));
  const unknown = unknownVariables(inputs.env, variables);
  const warnings = [...unknown.problems, ...unknown.warnings];
  if (problems.length > 0) throw new ConfigError(problems, warnings);
  return frozen({ ...values, warnings });
}

/** Every variable that is one of ours. */
export const variables = keys.flatMap((key) => (schema[key].secret ? [envName(key), `${envName(key)}_FILE`] : [envName(key)]));

const unknownFlags = ({ flags = {} }: Inputs): string[] =>
  Object.keys(flags)
    .filter((key) => !isKey(key))
    .map((key) => `--${flagName(key)} is not a flag; the nearest is --${flagName(nearest(key, keys))}`);

interface OpenFile {
  readonly path: string;
  readonly broken: boolean;
  readonly settings: Fields;
  readonly announce?: unknown;
  readonly upstreams?: ReadonlyMap<unknown, unknown>;
}

/** The file in its three parts. `upstreams` may also be a text as in the variable: it is a setting like others then. */
function* openFile(
  { env, flags, readFile = readTextFile, again = false }: Inputs,
  problems: string[],
): Pieces<OpenFile | undefined> {
  const path = flags?.['config'] || env[envName('config')];
  if (!path) return undefined;
  const read = yield* reading(path, readFile, again);
  if ('problems' in read) problems.push(...read.problems);
  const name = printable(path);
  const settings = new Map('root' in read ? read.root : []);
  const announce = settings.get('announce');
  const upstreams = settings.get('upstreams');
  settings.delete('announce');
  if (upstreams instanceof Map) settings.delete('upstreams');
  return {
    path: name,
    broken: 'problems' in read,
    settings: new Fields(name, settings, problems),
    ...(announce !== undefined && announce !== '' && { announce }),
    ...(upstreams instanceof Map && { upstreams }),
  };
}

const valuesOf = ({ entries }: Resolved): Settings =>
  Object.fromEntries([...entries].map(([key, { value }]) => [key, value])) as unknown as Settings;

function frozen<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) frozen(inner as object);
  return Object.freeze(value);
}
