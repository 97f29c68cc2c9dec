/**
 * Settings of calls that are right by themselves and change nothing beside each other, such as a hash key without a policy that goes by it.
 * Only what somebody has set is told, for all peers or for one, with what would make it count.
 */
import { goesByKey } from '../../lb/policies.js';
import { retryKinds } from '../../lb/retry-on.js';
import type { ShadowPart } from './trouble.js';
import { envName, type UpstreamKey, type UpstreamSettings } from './schema.js';

interface Rule {
  /** Told once, for the first of these that is set. */
  readonly of: readonly UpstreamKey[];
  readonly holds: (settings: UpstreamSettings) => boolean;
  /** Why, and what to do; settings are named by `name`. */
  readonly says: (settings: UpstreamSettings, name: (key: UpstreamKey) => string) => string;
}

const longest = (ms: number | undefined): number => ms ?? Infinity;
const numberOr = (value: number | string | undefined, otherwise: number): number =>
  typeof value === 'number' ? value : otherwise;

/** Parts of the shadow that can be switched off altogether. */
const isOff: Partial<Record<ShadowPart, (settings: Pick<UpstreamSettings, 'outlier' | 'check'>) => boolean>> = {
  outlier: ({ outlier }) => !outlier,
  checks: ({ check }) => check.kind === 'off',
};

const rules: readonly Rule[] = [
  {
    of: ['hashKey', 'hashLoad'],
    holds: ({ policy }) => !goesByKey(policy),
    says: ({ policy }, name) => `the policy is ${policy}, which goes by no key; set ${name('policy')} to maglev or ring_hash`,
  },
  {
    of: ['split'],
    holds: ({ subset }) => subset !== undefined,
    says: (_, name) =>
      `all calls are held to ${name('subset')}, and a call that asks for labels is not split; leave one of the two out`,
  },
  {
    of: ['hedge'],
    holds: ({ hedge, responseTimeout, requestTimeout }) =>
      numberOr(hedge, 0) >= Math.min(longest(responseTimeout), longest(requestTimeout)),
    says: (_, name) =>
      `an attempt has ended by then; let it be less than ${name('responseTimeout')} and ${name('requestTimeout')}, or p95`,
  },
  {
    of: ['responseTimeout'],
    // "off" may be there to lift what was set for all
    holds: ({ responseTimeout, requestTimeout }) => (responseTimeout ?? 0) > longest(requestTimeout),
    says: (_, name) => `${name('requestTimeout')} ends the whole call before; let the time of one attempt be less than that`,
  },
  {
    of: ['circuitSlowCall'],
    holds: ({ circuitSlowCall, responseTimeout, requestTimeout }) =>
      (circuitSlowCall ?? 0) >= Math.min(longest(responseTimeout), longest(requestTimeout)),
    says: (_, name) => `no answer can take so long; let it be less than ${name('responseTimeout')} and ${name('requestTimeout')}`,
  },
  {
    of: ['circuitSlowRate'],
    holds: ({ circuitSlowCall }) => circuitSlowCall === undefined,
    says: (_, name) => `no call counts as slow; set ${name('circuitSlowCall')}`,
  },
  {
    of: ['checkInterval', 'checkTimeout', 'checkRise', 'checkFall'],
    holds: ({ check }) => check.kind === 'off',
    says: (_, name) => `nobody is checked; set ${name('check')} to tcp or http:/path`,
  },
  {
    of: ['outlierFailures', 'outlierInterval', 'outlierTime', 'outlierMax'],
    holds: ({ outlier }) => !outlier,
    says: (_, name) => `nobody is ejected; set ${name('outlier')} to on`,
  },
  {
    of: ['panic'],
    holds: ({ outlier, check }) => !outlier && check.kind === 'off',
    says: (_, name) =>
      `nobody is ejected or checked, so there is nothing to pardon; set ${name('outlier')} to on, or ${name('check')}`,
  },
  {
    of: ['shadow'],
    holds: ({ shadow, ...settings }) => shadow.size > 0 && [...shadow].every((part) => isOff[part]?.(settings)),
    says: (_, name) => `what it names is off; set ${name('outlier')} or ${name('check')}`,
  },
  {
    of: ['slowStart'],
    holds: ({ policy, slowStart }) => policy === 'round_robin' && slowStart !== undefined,
    says: (_, name) => `the policy is round_robin, by which all get the same; set ${name('policy')} to another one`,
  },
  {
    of: ['retries'],
    // what was never written is sent again whatever the number
    holds: ({ retries, retryOn: { codes, statuses } }) =>
      retries > 0 && (statuses?.size ?? 0) === 0 && [...codes].every((code) => retryKinds['connect']!.includes(code)),
    says: (_, name) => `what may have arrived is sent again after nothing; set ${name('retryOn')} to more than connect`,
  },
  {
    of: ['retryOn'],
    // what was never written is sent again whatever the retries, but only after what is listed
    holds: ({ retries, retryOn }) => retries === 0 && retryKinds['connect']!.every((code) => retryOn.codes.has(code)),
    says: (_, name) =>
      `what may have arrived is sent again only for calls with x-zidecar-retries; set ${name('retries')} to 1 or more`,
  },
  {
    of: ['retryIdempotencyKey'],
    holds: ({ retries }) => retries === 0,
    says: (_, name) =>
      `what may have arrived is sent again only for calls with x-zidecar-retries; set ${name('retries')} to 1 or more`,
  },
];

/** `set`: those keys that somebody has set; `name`: how they are called there. */
const sentences = (settings: UpstreamSettings, set: ReadonlySet<string>, name: (key: UpstreamKey) => string): string[] =>
  rules.flatMap(({ of, holds, says }) => {
    const key = of.find((one) => set.has(one));
    return key === undefined || !holds(settings) ? [] : [`${name(key)} has no effect: ${says(settings, name)}`];
  });

export interface SetForOne {
  readonly name: string;
  /** All that holds for it. */
  readonly settings: UpstreamSettings;
  /** What was set for it alone. */
  readonly set: ReadonlySet<string>;
}

/**
 * What was set for all is told where it holds for nobody, be it with settings of one peer beside it; what was set for one, for that one.
 * `forAll`: what holds for a peer without settings of its own.
 */
export function withoutEffect(forAll: Omit<SetForOne, 'name'>, peers: readonly SetForOne[]): readonly string[] {
  const useful = (key: string): boolean =>
    peers.some(({ settings }) => rules.some(({ of, holds }) => of.includes(key as UpstreamKey) && !holds(settings)));
  const here = new Set([...forAll.set].filter((key) => !useful(key)));
  return [
    ...sentences(forAll.settings, here, envName),
    ...peers.flatMap(({ name, settings, set }) =>
      sentences(settings, set, (key) => key).map((sentence) => `upstreams.${name}: ${sentence}`),
    ),
  ];
}
