/**
 * A subset of an upstream's endpoints: those that have all of these labels. `version=canary,zone=a`, as the app says it in
 * `x-zidecar-subset` and a user in a setting. `zone` is the endpoint's zone, any other label is one of its metadata.
 */
import type { Endpoint } from './endpoint.js';

export interface Subset {
  /** The same for all that mean the same. */
  readonly text: string;
  readonly labels: readonly Label[];
}
export type Label = readonly [name: string, value: string];

export const subsetAccepts = 'name=value,name=value, at most 8 of them';
const mostLabels = 8;
const longest = 1024;

/** Undefined for what is no such list. Values may hold anything visible but a comma. */
export function subsetOf(text: string): Subset | undefined {
  if (text.length > longest) return undefined;
  const labels = new Map<string, string>();
  for (const part of text.split(',')) {
    const [, name, value] = /^[ \t]*([A-Za-z0-9._-]{1,63})=([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)[ \t]*$/.exec(part) ?? [];
    if (name === undefined || value === undefined || labels.has(name)) return undefined;
    labels.set(name, value);
  }
  if (labels.size > mostLabels) return undefined;
  const sorted = [...labels].sort(([a], [b]) => (a < b ? -1 : 1));
  return { text: sorted.map(([name, value]) => `${name}=${value}`).join(','), labels: sorted };
}

/** Undefined where it has no such label. */
export const labelOf = ({ zone, meta }: Endpoint, name: string): string | undefined => (name === 'zone' ? zone : meta[name]);

export const labelsOf = ({ zone, meta }: Endpoint): Label[] => [
  ...Object.entries(meta).filter(([name]) => name !== 'zone'),
  ...(zone === undefined ? [] : [['zone', zone] as const]),
];

export const isIn = ({ labels }: Subset, endpoint: Endpoint): boolean =>
  labels.every(([name, value]) => labelOf(endpoint, name) === value);
