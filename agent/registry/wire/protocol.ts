/** The numbers of the protocol, as ZooKeeper publishes them: what can be asked, what happens to a node, how a node lives. */

export const op = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getAcl: 6,
  setAcl: 7,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  removeWatches: 18,
  createContainer: 19,
  createTtl: 21,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  close: -11,
  error: -1,
} as const;

/** Numbers in place of a request's own, for what is not asked in the order of requests. */
export const xid = { event: -1, ping: -2, auth: -4, setWatches: -8 } as const;

/** How a node lives. The numbers are the flags of a create. */
export const modes = {
  persistent: 0,
  ephemeral: 1,
  persistent_sequential: 2,
  ephemeral_sequential: 3,
  /** Removed by the servers some time after its last child has gone. */
  container: 4,
  /** Removed by the servers when it has no children and was not changed for its time. They must allow it (extendedTypesEnabled). */
  persistent_ttl: 5,
  persistent_sequential_ttl: 6,
} as const;
export type CreateMode = keyof typeof modes;

/** What a watch tells. `removed`: nobody watches any more, and nothing is known to have changed. */
export type EventType = 'created' | 'deleted' | 'changed' | 'children_changed' | 'removed';

/** Undefined: a number that is none. */
export const eventTypes: Readonly<Record<number, EventType>> = {
  1: 'created',
  2: 'deleted',
  3: 'changed',
  4: 'children_changed',
  5: 'removed',
  6: 'removed',
  7: 'removed',
};

/** `persistent` tells of the node and its list of children, `recursive` of every node below it too, but of no list. From 3.6 on. */
export const watchModes = { persistent: 0, recursive: 1 } as const;
export type WatchMode = keyof typeof watchModes;

/** Which watches of ours are to be removed. */
export const watchKinds = { children: 1, data: 2, any: 3 } as const;
export type WatchKind = keyof typeof watchKinds;

export const permissions = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;

/** A server takes no packet that is longer (its jute.maxbuffer) and cuts the connection. */
export const LONGEST_REQUEST = 0xfffff;
export const ANY_VERSION = -1;
