/**
 * How much time a call has, as the app says it in its head and as an endpoint is told: what is left when the attempt is sent. Only an app
 * that has set a time has it passed on; a `grpc-timeout` that cannot be read is no field of ours, and passes as it came.
 *
 *     x-zidecar-timeout: 2s  ──▶ 300 ms waited, paused, tried ──▶ x-zidecar-timeout: 1700ms
 */
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const grpcUnitMs: Readonly<Record<string, number>> = { n: 1e-6, u: 1e-3, m: 1, S: 1_000, M: 60_000, H: 3_600_000 };
const longestMs = 24 * 3_600_000;

/** `500ms`, `2s`: from 1 ms to 24 h. */
export const durationOf = (text: string): number | undefined => {
  const [, count, unit] = /^(\d{1,8})(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(count) * (unitMs[unit ?? ''] ?? NaN);
  return ms >= 1 && ms <= longestMs ? ms : undefined;
};

/** The form of gRPC over HTTP: up to 8 digits and one of H M S m u n. Less than a millisecond is one. */
export const grpcDurationOf = (text: string): number | undefined => {
  const [, count, unit] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  return count === undefined ? undefined : Math.min(Math.max(1, Math.ceil(Number(count) * grpcUnitMs[unit!]!)), longestMs);
};

/** What the app gave by `grpc-timeout`: undefined where there is none, or none that can be read. */
export const grpcTimeoutOf = (values: readonly string[]): number | undefined =>
  values.length === 1 ? grpcDurationOf(values[0]!) : undefined;

/** As it can be told: a time of at least 1 ms. */
export const wholeMs = (leftMs: number): number => Math.min(Math.max(1, Math.floor(leftMs)), longestMs);

/** The flat raw pairs of a request, with `leftMs` wherever the app has said how much time there is. */
export const withTimeLeft = (fields: readonly string[], leftMs: number): string[] => {
  const left = wholeMs(leftMs);
  return fields.map((text, index) => {
    if (index % 2 === 0) return text;
    const name = fields[index - 1]!.toLowerCase();
    if (name === 'x-zidecar-timeout') return `${left}ms`;
    return name === 'grpc-timeout' && grpcDurationOf(text) !== undefined ? `${left}m` : text;
  });
};

/** The app may shorten the time of its call, not lengthen it. Undefined: as long as it takes. */
export const least = (ours: number | undefined, theirs: number | undefined): number | undefined =>
  ours === undefined || theirs === undefined ? (ours ?? theirs) : Math.min(ours, theirs);
