/**
 * What holds for all pods, as the command line and the environment of `zidecar inject` or `zidecar webhook` say it: settings of the
 * sidecars to be, and rows of their container. Checked here, once, so that one wrong flag is not told again for each pod.
 */
import { container, containerKeys, type ContainerWishes } from '../../agent/config/container.js';
import { resolve, type Texts } from '../../agent/config/layers.js';
import { variables } from '../../agent/config/load.js';
import { readChecked } from '../../agent/config/parse.js';
import { ConfigError, refusal, written } from '../../agent/config/problems.js';
import { envName, keys, schema } from '../../agent/config/schema.js';
import { unknownVariables } from '../../agent/config/unknown-variables.js';
import type { InjectOptions } from './inject.js';

export interface Asked {
  readonly env: Texts;
  /** Settings by key. */
  readonly flags: Texts;
  /** Rows of the container by name, as texts. */
  readonly options: Texts;
}

/** The image of this version, of the name that the build in README.md gives it. */
export const imageOf = (version: string): string => `zidecar:${version}`;

/** Throws a ConfigError with every problem. */
export function defaultsOf({ env, flags, options }: Asked, version: string): InjectOptions {
  const problems = [...unknownVariables(env, variables).problems];
  // a secret is no text for a manifest, and a file of settings is one in the pod: --config-map
  const rows = Object.fromEntries(keys.filter((key) => key !== 'config' && !schema[key].secret).map((key) => [key, schema[key]]));
  const { entries } = resolve(rows, { env, flags }, undefined, problems);
  const settings = [...entries].flatMap(([key, { text, origin }]) => (origin.from === 'default' ? [] : [[key, text]]));
  const files = keys
    .filter((key) => schema[key].secret && env[`${envName(key)}_FILE`])
    .map((key) => [`${key}_FILE`, env[`${envName(key)}_FILE`]!]);
  const wishes = containerKeys.flatMap((key) => {
    const text = options[key];
    if (text === undefined || text === '') return [];
    const read = readChecked<unknown>(container[key].grammar, text);
    if ('value' in read) return [[key, read.value]];
    problems.push(refusal(written(`--${key}`, text), read.problem, container[key].grammar));
    return [];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    settings: Object.fromEntries([...settings, ...files]) as InjectOptions['settings'],
    container: { image: imageOf(version), ...(Object.fromEntries(wishes) as ContainerWishes) },
  };
}
