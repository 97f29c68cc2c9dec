/** What the settings of one peer mean to the parts that carry its calls. Pure: settings in, options out. */
import { defaultBreaker } from '../lb/breaker.js';
import { defaultBudget } from '../lb/budget.js';
import type { CheckOptions } from '../lb/checks.js';
import { defaultOutlier } from '../lb/outlier.js';
import type { UpstreamParts } from '../lb/upstream.js';
import type { UpstreamSettings } from './config/schema.js';

/** What an upstream reads with each use, so that a reload writes into it. */
export const reloaded = ['breaker', 'outlier', 'limits', 'panic', 'enforced'] as const;
type Reloaded = { readonly [Part in (typeof reloaded)[number]]: NonNullable<UpstreamParts[Part]> };
export type UpstreamOptions = Reloaded & Pick<UpstreamParts, 'budget' | 'check'>;

export function upstreamOptions(of: UpstreamSettings): UpstreamOptions {
  const slow = of.circuitSlowCall === undefined ? undefined : { ms: of.circuitSlowCall, percent: of.circuitSlowRate };
  return {
    budget: { ...defaultBudget, percent: of.retryBudget },
    breaker: { ...defaultBreaker, failures: of.circuitFailures, failurePercent: of.circuitFailureRate, slow },
    outlier: {
      ...defaultOutlier,
      ...{ on: of.outlier, failures: of.outlierFailures, intervalMs: of.outlierInterval },
      ...{ ejectionMs: of.outlierTime, maxPercent: of.outlierMax },
    },
    limits: { connections: of.maxConnections, pending: of.maxPending, requests: of.maxRequests },
    panic: { percent: of.panic },
    check: of.check.kind === 'off' ? undefined : { ...(of.check.kind === 'http' && { path: of.check.path }), ...checking(of) },
    enforced: {
      circuit: !of.shadow.has('circuit'),
      outlier: !of.shadow.has('outlier'),
      limits: !of.shadow.has('limits'),
      checks: !of.shadow.has('checks'),
    },
  };
}

const checking = (of: UpstreamSettings): Omit<CheckOptions, 'path'> => ({
  ...{ intervalMs: of.checkInterval, timeoutMs: of.checkTimeout, rise: of.checkRise, fall: of.checkFall },
});
