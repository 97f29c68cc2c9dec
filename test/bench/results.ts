/** What a run has found, as it is kept in a file of JSON: after each workload, so that a run that was interrupted can go on. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Machine } from './machine.js';
import type { Memory } from './memory.js';
import { scratch } from './native.js';
import type { Pick } from './pick.js';
import type { Round } from './rounds.js';

export type Result = { readonly workload: string; readonly title: string } & (
  | { readonly kind: 'calls'; readonly contenders: readonly { readonly id: string; readonly rounds: readonly Round[] }[] }
  | { readonly kind: 'memory'; readonly contenders: readonly ({ readonly id: string } & Memory)[] }
  | { readonly kind: 'pick'; readonly picks: readonly Pick[] }
);

export interface Run {
  readonly machine: Machine;
  /** Where the code stood: a commit, with `+` when files were changed. */
  readonly commit: string;
  /** Seconds since 1970. */
  readonly began: number;
  readonly how: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Who is missing here, each with what to do about it. */
  readonly leftOut: readonly string[];
  readonly results: readonly Result[];
}

/** Where it is kept unless somebody says otherwise. */
export const usualFile = `${scratch}/results.json`;

export function keep(file: string, run: Run): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(run, undefined, 1));
}

/** The run that was kept there. Throws when there is none. */
export function kept(file: string): Run {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Run;
  } catch (error) {
    throw new Error(`there is no run to go on with: ${file} cannot be read`, { cause: error });
  }
}
