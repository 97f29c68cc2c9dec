/**
 * The words that a pod's author may write: `zidecar.dev/…` about the sidecar as a container, `config.zidecar.dev/<setting>` about
 * what it does. A wrong one is told with its field, its value and what is accepted; an unknown one as well, since a setting that is
 * silently not set is the worst of errors.
 */
import { nearest } from '../../agent/config/nearest.js';
import { container, containerKeys, isContainerKey, type ContainerWishes } from '../../agent/config/container.js';
import { freeText, oneOf, readChecked, type Grammar } from '../../agent/config/parse.js';
import { refusal } from '../../agent/config/problems.js';
import { flagName, keys, schema, type Key } from '../../agent/config/schema.js';
import { quote } from '../../agent/printable.js';
import { member, type JsonMap } from './json.js';

export const PREFIX = 'zidecar.dev/';
const CONFIG = 'config.zidecar.dev/';
/** What was changed, for --uninject; see record.ts. */
export const RECORD = `${PREFIX}injected`;

/** A setting, or the file that holds it: a secret stands in a file alone. */
export type TextKey = Key | `${Key}_FILE`;

export interface Annotations {
  readonly said: ContainerWishes;
  /** Settings as texts, by key. */
  readonly settings: ReadonlyMap<TextKey, string>;
  readonly problems: readonly string[];
}

/** `probe-interval`, as the flag, or `probeInterval`, as the key of the file. A secret stands in a file alone: `zookeeper-auth-file`. */
const settingNames = new Map<string, TextKey>(
  keys.flatMap((key): [string, TextKey][] =>
    schema[key].secret
      ? [
          [`${flagName(key)}-file`, `${key}_FILE`],
          [`${key}File`, `${key}_FILE`],
        ]
      : [
          [flagName(key), key],
          [key, key],
        ],
  ),
);

/** Reads the annotations of a pod; those of others are none of our business. */
export function readAnnotations(annotations: JsonMap): Annotations {
  const problems: string[] = [];
  const said: Record<string, unknown> = {};
  const settings = new Map<TextKey, string>();
  for (const [name, value] of Object.entries(annotations)) {
    const field = `metadata.annotations[${quote(name, 120)}]`;
    const [prefix, rest] =
      [PREFIX, CONFIG].flatMap((one) => (name.startsWith(one) ? [[one, name.slice(one.length)]] : []))[0] ?? [];
    if (prefix === undefined || rest === undefined || name === RECORD) continue;
    if (typeof value !== 'string') {
      problems.push(`${field} is not a text; put it between quotation marks`);
      continue;
    }
    const key = settingNames.get(rest);
    const grammar: Grammar<unknown> | undefined = prefix === PREFIX ? wordOf(rest) : key && grammarOf(key);
    if (grammar === undefined) {
      problems.push(unknown(field, prefix, rest));
      continue;
    }
    const read = readChecked(grammar, value);
    if ('problem' in read) problems.push(refusal(`${field}: ${quote(value)}`, read.problem, grammar));
    else if (prefix === CONFIG) settings.set(key!, value);
    else if (rest !== 'inject') said[rest] = read.value;
  }
  return { said, settings, problems };
}

const enabledOrNot = oneOf(['enabled', 'disabled']);
const wordOf = (name: string): Grammar<unknown> | undefined =>
  name === 'inject' ? enabledOrNot : isContainerKey(name) ? container[name].grammar : undefined;

const filePath = freeText('the path of a file in the sidecar', 4096);
const grammarOf = (key: TextKey): Grammar<unknown> => (key.endsWith('_FILE') ? filePath : schema[key as Key].grammar);

function unknown(field: string, prefix: string, name: string): string {
  const known =
    prefix === PREFIX ? ['inject', ...containerKeys] : [...settingNames.keys()].filter((one) => one === one.toLowerCase());
  const secret = keys.find((key) => schema[key].secret && (name === key || name === flagName(key)));
  if (secret !== undefined) {
    return `${field} is a secret, which whoever sees the pod could read: name a Secret in ${PREFIX}secret and its file in ${CONFIG}${flagName(secret)}-file`;
  }
  return `${field} is not known; the nearest is ${prefix}${nearest(name, known)}`;
}

/** `enabled` or `disabled` of a pod or a namespace; a label wins over an annotation. */
export function wish(metadata: JsonMap): 'enabled' | 'disabled' | undefined {
  const of = (where: string): unknown => member(member(metadata, where), `${PREFIX}inject`);
  const found = of('labels') ?? of('annotations');
  return found === 'enabled' || found === 'disabled' ? found : undefined;
}
