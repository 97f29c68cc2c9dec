/**
 * The registries beside the main one that peers are looked for in: each address has a tree and a session of its own, is only read, and never
 * sees our login, which is for the main one. What they tell of their sessions carries their address.
 */
import type { OtherRegistry } from './config/source-list.js';
import type { Emit, SessionState } from './events.js';
import { openTree, type TreeParts } from './open-tree.js';
import type { Dialect } from './registry/dialects/dialect.js';
import type { Registry } from './registry/registry.js';
import { TreeRegistry } from './registry/tree-registry.js';
import { RegistryError, type Tree } from './registry/tree.js';

export interface OtherSession {
  /** The address, as the settings have it. */
  readonly registry: string;
  readonly state: SessionState;
  readonly id: string;
  readonly epoch: number;
  readonly server: string | null;
  readonly timeoutMs: number;
}

export interface Registries {
  readonly watch: Registry['watch'];
  readonly names: Registry['names'];
  /** Of those beside the main one. */
  sessions(): readonly OtherSession[];
  close(): Promise<void>;
}

export async function openRegistries(
  main: Registry,
  others: readonly OtherRegistry[],
  parts: TreeParts & { readonly dialects: ReadonlyMap<string, Dialect> },
): Promise<Registries> {
  const trees = new Map<string, Tree>();
  const registries = new Map<string | undefined, Pick<Registry, 'watch' | 'names'>>([[undefined, main]]);
  for (const { name, zookeeper } of others) {
    const emit: Emit = (fact) => {
      if (fact.kind === 'session_changed') parts.emit({ ...fact, registry: name });
      else if (fact.kind === 'session_trouble') parts.emit({ ...fact, why: `${name}: ${fact.why}`, registry: name });
      else parts.emit(fact);
    };
    const tree = await openTree({ ...parts, zookeeper, zookeeperAuth: undefined, emit, readOnly: true });
    trees.set(name, tree);
    registries.set(name, new TreeRegistry({ ...parts, tree, emit }));
  }
  return {
    watch(service, at, onList, onTrouble) {
      const registry = registries.get(at.registry);
      if (registry) return registry.watch(service, at, onList, onTrouble);
      const why = `the registry ${at.registry!} is new since the start, and read after a restart`;
      parts.emit({ kind: 'warned', why: `${service}: ${why}` });
      onTrouble?.(why);
      return () => undefined;
    },
    names: (at) => registries.get(at.registry)?.names(at) ?? Promise.reject(new RegistryError('disconnected', 'it is not open')),
    sessions: () => Array.from(trees, ([registry, { session }]) => ({ registry, ...session, server: session.server ?? null })),
    close: () => Promise.all(Array.from(trees.values(), (tree) => tree.close())).then(() => undefined),
  };
}
