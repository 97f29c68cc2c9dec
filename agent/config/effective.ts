/**
 * The effective configuration as a person reads it: each setting, its value, and where that came from; then what is announced and which
 * peers are named. `zidecar check` prints it, and the admin shows it. Secrets are not in it.
 */
import { address } from '../../lb/endpoint.js';
import { table, type Paint } from '../text.js';
import { show } from './clashes.js';
import type { Inputs, Origin } from './layers.js';
import { loadConfig, type Config } from './load.js';
import { ConfigError } from './problems.js';
import { envName, keys } from './schema.js';

export interface EffectiveSetting {
  readonly setting: string;
  readonly value: string;
  /** `environment`, a flag, the path of the file, `default`, or what it was derived from. */
  readonly from: string;
}

const shown: Readonly<Record<Origin['from'], (name: string) => string>> = {
  flag: (name) => name,
  env: (name) => (name.endsWith('_FILE') ? name : 'environment'),
  file: (name) => name,
  default: () => 'default',
  derived: (name) => name,
};

export const effective = ({ entries }: Config): readonly EffectiveSetting[] =>
  keys.map((key) => {
    const { text, origin } = entries[key];
    return { setting: envName(key), value: text, from: shown[origin.from](origin.name) };
  });

const announced = (config: Config): readonly (readonly [string, string])[] =>
  config.announcements.map(({ service, dialect, path, appHost, appPort, probes, weight, zone, instanceId, advertise }) => [
    service,
    [
      `${dialect} in ${path}${instanceId === undefined ? '' : ` as ${instanceId}`}`,
      `app ${address({ host: appHost, port: appPort })}`,
      `probe ${probes.map((probe) => (probe.kind === 'http' ? probe.url : probe.kind)).join(' and ')}`,
      ...(advertise === undefined ? [] : [`peers are told ${address({ port: appPort, ...advertise })}`]),
      `weight ${weight}${zone === undefined ? '' : `, zone ${zone}`}`,
    ].join(', '),
  ]);

const called = (config: Config): readonly (readonly [string, string])[] => [
  ...config.upstreams.named.map(({ name, sources, listen, tcp }): readonly [string, string] => [
    name,
    [
      sources
        .map(
          ({ dialect, path, endpoint, registry }) =>
            `${dialect} in ${path}${endpoint === undefined ? '' : `!${endpoint}`}${registry === undefined ? '' : ` of ${registry}`}`,
        )
        .join(', then '),
      ...(listen.length === 0 ? [] : [`${tcp ? 'plain TCP ' : ''}on ${listen.map(show).join(' and ')}`]),
      ...(tcp && !config.overridesOf(name).some((text) => text.startsWith('policy '))
        ? [`policy ${config.settingsOf(name).policy}`]
        : []),
      ...config.overridesOf(name),
    ].join(', '),
  ]),
  ...(config.upstreams.closed
    ? []
    : [
        [
          'any other',
          `on its first use: ${config
            .sourcesOf('NAME')
            .map(({ path }) => path)
            .join(', ')}`,
        ] as const,
      ]),
];

export interface Look {
  readonly paint?: Paint;
  /** Of the terminal; undefined: each row is one line. */
  readonly width?: number | undefined;
}

/** Three tables: settings, announcements, peers. */
export function describe(config: Config, { paint, width }: Look = {}): string {
  const look = { width, ...(paint && { paint }) };
  const part = (head: string, rows: readonly (readonly [string, string])[]): string =>
    rows.length === 0 ? '' : `\n\n${table({ head: [head, 'HOW'], rows, ...look })}`;
  const rows = effective(config).map(({ setting, value, from }) => [setting, from, value]);
  return `${table({ head: ['SETTING', 'FROM', 'VALUE'], rows, ...look })}${part('ANNOUNCES', announced(config))}${part('CALLS', called(config))}`;
}

export interface Checked {
  readonly ok: boolean;
  /** For standard output: the tables, or with `json` one object, which tells of problems too. */
  readonly output: string;
  /** For standard error: problems and warnings. Empty with `json`. */
  readonly complaint: string;
}

/** What `zidecar check` says; it never throws for a wrong configuration. */
export function check(inputs: Inputs, { json, ...look }: Look & { readonly json: boolean }): Checked {
  try {
    const config = loadConfig(inputs);
    const { announcements, upstreams, warnings } = config;
    if (json)
      return {
        ok: true,
        output: JSON.stringify({ ok: true, settings: effective(config), announcements, upstreams, warnings }, undefined, 2),
        complaint: '',
      };
    return { ok: true, output: describe(config, look), complaint: warnings.map((warning) => `warning: ${warning}`).join('\n') };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems, warnings, message } = error;
    if (json) return { ok: false, output: JSON.stringify({ ok: false, problems, warnings }, undefined, 2), complaint: '' };
    return { ok: false, output: '', complaint: [message, ...warnings.map((warning) => `warning: ${warning}`)].join('\n') };
  }
}
