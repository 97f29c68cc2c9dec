import type { Instance } from '../../../../agent/registry/dialects/dialect.js';
import type { Stat } from '../../../../agent/registry/tree.js';

export const SINCE = 1_700_000_000_000;

/** The stat of a node that somebody else holds. */
export const stat = (size = 0): Stat => ({
  czxid: 1n,
  mzxid: 1n,
  version: 0,
  size,
  owner: 'other',
  ownerId: '0x1',
  ctime: SINCE,
});

export const instance = (changes: Partial<Instance> = {}): Instance => ({
  service: 'orders',
  id: '4a1f9c2e',
  host: '10.1.2.3',
  port: 8080,
  weight: 1,
  up: true,
  since: SINCE,
  meta: {},
  ...changes,
});
