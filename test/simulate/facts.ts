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
const checked = { check: { path: '/health', intervalMs: 5_000, timeoutMs: 1_000, rise: 2, fall: 3 } } as const;
const hedged = (policy: Setup['policy']): Setup => ({ ...policyOnly(policy), name: `${policy}, hedged by p95`, hedge: 'p95' });
const byProtection: readonly Setup[] = [
  { ...bare('weighted_round_robin'), name: 'nothing', retries: 0 },
  { ...bare('weighted_round_robin'), name: 'retries' },
  { ...usual, name: 'retries and ejection', circuits: false },
  { ...usual, name: 'retries and circuits', ejection: false },
  { ...usual, name: 'all: the default' },
  { ...usual, name: 'the default, and checks', ...checked },
];
/** The default, and others beside it. */
const beside = (...others: readonly (Partial<Setup> & Pick<Setup, 'name'>)[]): readonly Setup[] => [
  { ...usual, name: 'the default' },
  ...others.map((other) => ({ ...usual, ...other })),
];

export const comparisons: readonly Comparison[] = [
  { scenario: scenarios.calm, setups: [...byPolicy, hedged('weighted_round_robin'), hedged('peak_ewma')] },
  { scenario: scenarios.slow, setups: [...byPolicy, hedged('weighted_round_robin')] },
  {
    scenario: scenarios.brownOut,
    setups: [
      ...byPolicy.map((setup) => ({ ...setup, circuits: false, ejection: false })),
      { ...usual, name: 'round robin, circuits, ejection' },
      { ...policyOnly('peak_ewma'), name: 'peak_ewma, circuits, ejection' },
      { ...hedged('weighted_round_robin'), name: 'round robin, all that, hedged' },
    ],
  },
  { scenario: scenarios.dying, setups: byProtection },
  {
    scenario: scenarios.grey,
    setups: [...byProtection, { ...hedged('weighted_round_robin'), name: 'the default, hedged by p95' }],
  },
  { scenario: scenarios.correlated, setups: byProtection },
  {
    scenario: scenarios.ill,
    setups: beside(
      { name: 'POSTs: nothing is sent again', once: true },
      { name: 'POSTs, and checks', once: true, ...checked },
      { name: 'POSTs, ejected for 5 s', once: true, outlier: { ejectionMs: 5_000 } },
    ),
  },
  {
    scenario: scenarios.illKeyed,
    setups: [
      usual,
      policyOnly('ring_hash'),
      policyOnly('maglev'),
      { ...policyOnly('maglev'), name: 'maglev, POSTs', once: true },
    ],
  },
  {
    scenario: scenarios.comesAndGoes,
    setups: beside(
      { name: 'POSTs: nothing is sent again', once: true },
      { name: 'POSTs, ejected for 5 s', once: true, outlier: { ejectionMs: 5_000 } },
      { name: 'nobody is ejected', ejection: false },
    ),
  },
  {
    scenario: scenarios.threeIll,
    setups: beside(
      ...[3, 10, 20].map((failures) => ({ name: `out after ${failures} in a row`, outlier: { failures } })),
      ...[10, 100].map((maxPercent) => ({ name: `at most ${maxPercent} % out`, outlier: { maxPercent } })),
    ),
  },
  {
    scenario: scenarios.noise,
    setups: beside(
      ...[2, 3, 20].map((failures) => ({ name: `open after ${failures} in a row`, breaker: { failures } })),
      { name: 'no retries', retries: 0 },
      { name: 'three retries', retries: 3 },
    ),
  },
  {
    scenario: scenarios.dark,
    setups: beside(
      { name: 'no circuits', circuits: false },
      { name: 'no circuits, budget of 100 %', circuits: false, budget: { percent: 100 } },
      { name: 'no circuits, three retries', circuits: false, retries: 3 },
      { name: 'no circuits, three, 300 %', circuits: false, retries: 3, budget: { percent: 300 } },
    ),
  },
  {
    scenario: scenarios.lyingPages,
    setups: beside({ name: 'checks', ...checked }, { name: 'checks, panic off', ...checked, panic: 0 }),
  },
  {
    scenario: scenarios.tooMuch,
    setups: beside(
      { name: 'no limit', limits: { requests: 1e9, connections: 1e9, pending: 1e9 } },
      ...[64, 16, 8].map((requests) => ({ name: `${requests} calls at one time`, limits: { requests } })),
      { name: '16 connections', limits: { connections: 16 } },
    ),
  },
  {
    scenario: scenarios.keyed,
    setups: [
      usual,
      ...(['ring_hash', 'maglev'] as const).flatMap((policy) => [
        policyOnly(policy),
        { ...policyOnly(policy), name: `${policy}, 125 % at most`, hashLoad: 125 },
      ]),
    ],
  },
  {
    scenario: scenarios.newcomer,
    setups: [
      ...(['weighted_round_robin', 'least_request', 'peak_ewma'] as const).flatMap((policy): Setup[] => [
        { name: `${policy}, at once`, policy, slowStart: false },
        { name: `${policy}, slowly`, policy },
      ]),
      { ...usual, name: 'weighted_round_robin, in 10 s', slowStart: 10_000 },
      { ...usual, name: 'weighted_round_robin, in 90 s', slowStart: 90_000 },
    ],
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
  ...(result.newPercent === undefined ? [] : [`${result.newPercent.toFixed(1)} %`]),
  ...(result.backMs === undefined ? [] : [result.backMs === Infinity ? 'never' : `${(result.backMs / 1_000).toFixed(1)} s`]),
];
export const headOf = ({ newPercent, backMs }: Result): string[] => [
  ...['', 'calls', 'failed', 'p50', 'p99', 'p99.9', 'attempts/call', 'most held'],
  ...(newPercent === undefined ? [] : ['new there']),
  ...(backMs === undefined ? [] : ['back after']),
];
