/**
 * For a command of a moment: what no waiting mends is known at once, and waiting is of use only where a server is silent or busy. That is so when
 * every server refuses our connection or cannot agree with us on TLS, and when one demands another login than ours. Connections are looked
 * at twice, since one that was just started anew refuses for a moment, too.
 */
import type { Zookeeper } from './config/addresses.js';
import type { Emit } from './events.js';
import { RegistryError } from './registry/tree.js';
import { Resolver } from './registry/wire/resolve.js';
import { nobodyListens, noneAgrees } from './registry/zookeeper/diagnose.js';
import { clock, random } from './system.js';
import { clientOf, type ClientSettings } from './zookeeper-client.js';

const AGAIN_MS = 1_000;
/** In every sentence about a login, by either client. */
const LOGIN = 'ZIDECAR_ZOOKEEPER_AUTH';

export class Refusals {
  /** What was told last of a session that cannot be had; '' for nothing. */
  trouble = '';
  /** Rejects with a RegistryError when it is of no use to wait, and is never settled otherwise. */
  readonly told: Promise<never>;
  #tell: (why: string) => void = () => undefined;

  constructor(settings: ClientSettings & { readonly zookeeper: Zookeeper }) {
    this.told = new Promise((_, reject) => {
      this.#tell = (why) => reject(new RegistryError('disconnected', `no session with the registry: ${why}`));
    });
    this.told.catch(() => undefined); // it may be told when nobody waits any more
    const { zookeeper } = settings;
    if (zookeeper.kind === 'zookeeper') void this.#look(zookeeper, settings);
  }

  readonly emit: Emit = (fact) => {
    if (fact.kind !== 'session_trouble') return;
    this.trouble = fact.why;
    if (fact.why.includes(LOGIN)) this.#tell(fact.why);
  };

  async #look({ servers }: Extract<Zookeeper, { kind: 'zookeeper' }>, settings: ClientSettings): Promise<void> {
    const resolver = new Resolver({ servers, clock, random, unresolved: () => undefined });
    const client = clientOf(settings, () => undefined);
    const tls = client.kind === 'wire' ? client.tls : undefined;
    const look = async (): Promise<string | undefined> => {
      const addresses = await resolver.resolve();
      return (await nobodyListens(addresses, clock)) ?? (tls && (await noneAgrees(addresses, tls, clock)));
    };
    if ((await look()) === undefined) return;
    await clock.sleep(AGAIN_MS);
    const why = await look();
    if (why !== undefined) this.#tell(why);
  }
}
