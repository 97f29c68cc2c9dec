import { quote } from '../printable.js';
import type { Grammar } from './parse.js';

/** Everything that is wrong with the configuration, all at once: nobody should need five restarts for five typing errors. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** Sentences, one a problem, each with the setting, the value and what is accepted. Secrets are not in them. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  constructor(problems: readonly string[], warnings: readonly string[] = []) {
    super(`${problems.length === 1 ? 'the configuration has a problem' : `the configuration has ${problems.length} problems`}:
${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
    this.warnings = warnings;
  }
}

/** How the value was written where it came from: `ZIDECAR_WEIGHT="heavy"`, `--weight="heavy"`, `zidecar.yaml: weight: "heavy"`. */
export const written = (where: string, text: string): string => `${where}${where.includes(': ') ? ': ' : '='}${quote(text)}`;

/** `what` as of `written`. */
export const refusal = (what: string, problem: string, { accepts }: Grammar<unknown>): string =>
  `${what} ${problem}; accepted: ${accepts}`;
