import { openZooKeeper } from '../../../../agent/registry/zookeeper.js';
import type { ZooKeeperClient, ZooKeeperOptions } from '../../../../agent/registry/zookeeper.js';
import type { Fact, SessionState } from '../../../../agent/events.js';
import type { Tree } from '../../../../agent/registry/tree.js';
import { clock, random } from '../../../../agent/system.js';
import { isNativeBuilt } from '../../../support/native.js';
import { until } from '../tree-contract.js';

/** Both, for tests that hold either to the same; our own where the other is not built. */
export const clients: readonly ZooKeeperClient[] = [...(isNativeBuilt() ? [{ kind: 'native' } as const] : []), { kind: 'wire' }];

/**
 * A session that outlives an election, and a server that is restarted, on a slow machine too. The native client waits for a third of it before
 * it tries a server again that was not there.
 */
export const longFor = ({ kind }: ZooKeeperClient): { readonly sessionTimeoutMs: number } => {
  return { sessionTimeoutMs: kind === 'native' ? 15_000 : 60_000 };
};

export interface Opened {
  readonly tree: Tree;
  readonly facts: Fact[];
  /** Every state since it was opened. */
  readonly states: () => readonly SessionState[];
  /** Every different trouble that was told. */
  readonly troubles: () => readonly string[];
  /** How the session went, for the message of a failure. */
  readonly story: () => string;
  /** Resolves with the first trouble that fits. */
  readonly trouble: (fits: RegExp) => Promise<string>;
}

const trees = new Set<Tree>();

/** For `after`: what a failed test left open would keep the process alive. */
export const closeAll = (): Promise<unknown> => Promise.all([...trees].map((tree) => tree.close()));

export type Open = (servers: ZooKeeperOptions['servers'], options?: Partial<ZooKeeperOptions>) => Opened;

/** Trees by one of the clients. */
export const opening =
  (client: ZooKeeperClient): Open =>
  (servers, options = {}) =>
    open(servers, { client, ...options });

function open(servers: ZooKeeperOptions['servers'], options: Partial<ZooKeeperOptions>): Opened {
  const facts: Fact[] = [];
  const lines: string[] = [];
  const begun = clock.now();
  const emit = (fact: Fact): void => {
    facts.push(fact);
    if (fact.kind.startsWith('session_')) lines.push(`${Math.round(clock.now() - begun)} ${JSON.stringify(fact)}`);
  };
  const tree = openZooKeeper({ servers, chroot: '', sessionTimeoutMs: 3_000, clock, random, emit, ...options });
  trees.add(tree);
  const troubles = (): readonly string[] => facts.flatMap((fact) => (fact.kind === 'session_trouble' ? [fact.why] : []));
  return {
    tree,
    facts,
    troubles,
    story: () => lines.join('\n'),
    states: () => facts.flatMap((fact) => (fact.kind === 'session_changed' ? [fact.state] : [])),
    trouble: async (fits) => {
      const found = (): string | undefined => troubles().find((why) => fits.test(why));
      await until(() => found() !== undefined, `a trouble like ${fits}, and not only ${troubles().join(' | ')}`);
      return found()!;
    },
  };
}
