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
 * A session that outlives an election, and a server that is restarted, on a slow machine too, where that takes 14 s. The native client waits for a
 * third of it before it tries a server again that was not there; by our own clock it is over after four thirds.
 */
export const longFor = ({ kind }: ZooKeeperClient): { readonly sessionTimeoutMs: number } => {
  return { sessionTimeoutMs: kind === 'native' ? 24_000 : 60_000 };
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

const trees = new Map<Tree, ZooKeeperClient['kind']>();

/** For `after`: what a failed test left open would keep the process alive. `kind`: by that client alone. */
export const closeAll = (kind?: ZooKeeperClient['kind']): Promise<unknown> =>
  Promise.all([...trees].filter(([, by]) => (kind ?? by) === by).map(([tree]) => tree.close()));

export type Open = (servers: ZooKeeperOptions['servers'], options?: Partial<ZooKeeperOptions>) => Opened;

/** Trees by one of the clients. */
export const opening =
  (client: ZooKeeperClient, opened: Opened[] = []): Open =>
  (servers, options = {}) => {
    const one = open(servers, { client, ...options });
    opened.push(one);
    return one;
  };

export interface By {
  readonly kind: ZooKeeperClient['kind'];
  readonly open: Open;
  readonly long: ReturnType<typeof longFor>;
  /** Waits until it is so far by each client, and then does it once for all: what a server goes through is waited for once. */
  readonly together: (act: () => unknown) => Promise<void>;
}

/** A test by all clients at the same time. The error of one names it. */
export async function byEach(run: (by: By) => Promise<void>): Promise<void> {
  let waiting: { readonly go: () => void; readonly fail: (error: unknown) => void }[] = [];
  let failed: Error | undefined;
  const together = (act: () => unknown): Promise<void> =>
    new Promise((go, fail) => {
      if (failed) return fail(failed);
      waiting.push({ go, fail });
      if (waiting.length < clients.length) return;
      const all = waiting;
      waiting = [];
      void (async () => act())().then(
        () => all.forEach(({ go }) => go()),
        (error: unknown) => all.forEach(({ fail }) => fail(error)),
      );
    });
  const one = async (client: ZooKeeperClient): Promise<void> => {
    const opened: Opened[] = [];
    try {
      await run({ kind: client.kind, open: opening(client, opened), long: longFor(client), together });
    } catch (error) {
      const how = opened.map(({ story }) => story()).join('\n');
      failed ??= new Error(`by the ${client.kind} client: ${(error as Error).message}\n${how}`, { cause: error });
      for (const { fail } of waiting.splice(0)) fail(failed);
    }
  };
  await Promise.all(clients.map(one));
  if (failed) throw failed;
}

function open(servers: ZooKeeperOptions['servers'], options: Partial<ZooKeeperOptions>): Opened {
  const facts: Fact[] = [];
  const lines: string[] = [];
  const begun = clock.now();
  const emit = (fact: Fact): void => {
    facts.push(fact);
    if (fact.kind.startsWith('session_')) lines.push(`${Math.round(clock.now() - begun)} ${JSON.stringify(fact)}`);
  };
  const tree = openZooKeeper({ servers, chroot: '', sessionTimeoutMs: 3_000, clock, random, emit, ...options });
  trees.set(tree, options.client!.kind);
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
