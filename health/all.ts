import { ask, type Probe, type ProbeResult } from './probe.js';

/**
 * Several probes as one, asked at the same time. It passes when all pass; one that fails settles it; and without a fail, one that
 * could not be run leaves the whole unknown. Without any probe it passes.
 */
export function allProbes(probes: readonly Probe[]): Probe {
  return {
    name: probes.map(({ name }) => name).join(', '),
    async check(signal) {
      const results = await Promise.all(probes.map((probe) => ask(probe, signal)));
      const of = (kind: ProbeResult['kind']): ProbeResult | undefined => results.find((result) => result.kind === kind);
      return of('fail') ?? of('unknown') ?? { kind: 'pass' };
    },
  };
}
