/**
 * Which outcomes of an attempt may be repeated, as a user lists them: kinds of failures, and statuses of answers. By itself an answer is an
 * answer, whatever its status: only a user knows that a 503 of theirs means "ask another".
 */
import type { FailureCode } from './errors.js';

export interface RetryOn {
  readonly codes: ReadonlySet<FailureCode>;
  /** Undefined where no answer is repeated, so that asking costs a call nothing. */
  readonly statuses: ReadonlySet<number> | undefined;
}

/** The words for failures. What is in none of them changes nothing by being sent elsewhere. */
export const retryKinds: Readonly<Record<string, readonly FailureCode[]>> = {
  connect: ['connect_refused', 'connect_failed', 'connect_timeout', 'unproven'],
  reset: ['reset'],
  timeout: ['response_timeout'],
  bad_answer: ['bad_answer'],
};

/** `5xx` */
const serverErrors: readonly number[] = Array.from({ length: 100 }, (_, index) => 500 + index);

/** What one word stands for; undefined: nothing. */
export const retryWord = (
  word: string,
): { readonly codes: readonly FailureCode[]; readonly statuses: readonly number[] } | undefined => {
  if (Object.hasOwn(retryKinds, word)) return { codes: retryKinds[word]!, statuses: [] };
  if (word === '5xx') return { codes: [], statuses: serverErrors };
  return /^[45]\d\d$/.test(word) ? { codes: [], statuses: [Number(word)] } : undefined;
};

export const retryOn = (words: readonly string[]): RetryOn => {
  const found = words.flatMap((word) => retryWord(word) ?? []);
  const statuses = new Set(found.flatMap((one) => one.statuses));
  return { codes: new Set(found.flatMap(({ codes }) => codes)), statuses: statuses.size === 0 ? undefined : statuses };
};

/** As a user would list them: `5xx, 429`. */
export const statusWords = (statuses: ReadonlySet<number>): readonly string[] => {
  const has5xx = serverErrors.every((status) => statuses.has(status));
  const single = [...statuses].filter((status) => !has5xx || status < 500).sort();
  return [...(has5xx ? ['5xx'] : []), ...single.map(String)];
};

export const defaultRetryOn: RetryOn = retryOn(Object.keys(retryKinds));

/** `Retry-After` of an answer, in milliseconds: seconds, or a date. `wall`: milliseconds since 1970. Undefined: none that can be read. */
export const retryAfterOf = (values: readonly string[], wall: number): number | undefined => {
  const [value = ''] = values;
  if (values.length !== 1) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const at = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - wall);
};
