/** What is compared in each scenario, and what must come of it: the defaults stand on these. */
import type { Setup } from './caller.js';
import type { Result, Scenario } from './play.js';
import { scenarios } from './scenarios.js';

export const policyOnly = (policy: Setup['policy']): Setup => ({ name: policy, policy });
const bare = (policy: Setup['policy']): Setup => ({ name: 'no circuits, no ejection', policy, circuits: false, ejection: false });

export interface Comparison {
  readonly scenario: Scenario;
  readonly setups: readonly Setup[];
}

const byPolicy = (['round_robin', 'random', 'least_request', 'peak_ewma'] as const).map(policyOnly);
const usual = policyOnly('weighted_round_robin');
const byProtection: readonly Setup[] = [
  { ...bare('weighted_round_robin'), name: 'nothing', retries: 0 },
  { ...bare('weighted_round_robin'), name: 'retries' },
  { ...usual, name: 'retries and ejection', circuits: false },
  { ...usual, name: 'retries and circuits', ejection: false },
  { ...usual, name: 'all: the default' },
];

export const comparisons: readonly Comparison[] = [
  { scenario: scenarios.calm, setups: byPolicy },
  { scenario: scenarios.slow, setups: byPolicy },
  {
    scenario: scenarios.brownOut,
    setups: [
      ...byPolicy.map((setup) => ({ ...setup, circuits: false, ejection: false })),
      { ...usual, name: 'round robin, circuits, ejection' },
      { ...policyOnly('peak_ewma'), name: 'peak_ewma, circuits, ejection' },
    ],
  },
  { scenario: scenarios.dying, setups: byProtection },
  { scenario: scenarios.grey, setups: byProtection },
  { scenario: scenarios.correlated, setups: byProtection },
  {
    scenario: scenarios.newcomer,
    setups: (['weighted_round_robin', 'least_request', 'peak_ewma'] as const).flatMap((policy) => [
      { name: `${policy}, at once`, policy, slowStart: false },
      { name: `${policy}, slowly`, policy },
    ]),
  },
  {
    scenario: scenarios.zoneLoss,
    setups: [
      usual,
      { ...usual, name: 'own zone first', zone: '' },
      { ...policyOnly('peak_ewma'), name: 'own zone first, peak_ewma', zone: '' },
    ],
  },
];

/** In the words of a table. */
export const rowOf = (setup: Setup, result: Result): string[] => [
  setup.name,
  String(result.calls),
  `${result.failedPercent.toFixed(2)} %`,
  ...[result.p50, result.p99, result.p999].map((ms) => `${ms.toFixed(0)} ms`),
  result.attemptsPerCall.toFixed(2),
  String(result.mostHeld),
];
export const head = ['', 'calls', 'failed', 'p50', 'p99', 'p99.9', 'attempts/call', 'most held'] as const;
