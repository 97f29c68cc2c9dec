/**
 * For a command of a moment: what no waiting mends is known at once, and waiting is of use only where a server is silent or busy. That is so when
 * every server refuses our connection, cannot agree with us on TLS, or demands another login than ours. Connections are looked
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

export class Refusals {
  /** What was told last of a session that cannot be had; '' for nothing. */
  trouble = '';
  /** Rejects with a RegistryError when it is of no use to wait, and is never settled otherwise. */
  readonly told: Promise<never>;
  readonly #zookeeper: Zookeeper;
  readonly #resolver: Resolver | undefined;
  /** What those said who demand another login than ours, by their labels. */
  readonly #demands = new Map<string, string>();
  #tell: (why: string) => void = () => undefined;

  constructor(settings: ClientSettings & { readonly zookeeper: Zookeeper }) {
    this.told = new Promise((_, reject) => {
      this.#tell = (why) => reject(new RegistryError('disconnected', `no session with the registry: ${why}`));
    });
    this.told.catch(() => undefined); // it may be told when nobody waits any more
    const { zookeeper } = settings;
    this.#zookeeper = zookeeper;
    if (zookeeper.kind !== 'zookeeper') return;
    const { servers } = zookeeper;
    this.#resolver = new Resolver({ servers, clock, random, unresolved: () => undefined });
    void this.#look(this.#resolver, settings);
  }

  readonly emit: Emit = (fact) => {
    if (fact.kind !== 'session_trouble') return;
    this.trouble = fact.why;
    if (fact.demandedBy !== undefined) void this.#demanded(fact.demandedBy, fact.why);
  };

  /** While logins are rolled out, another may take us still: all that listen have to say so. The native client does not say which one did. */
  async #demanded(by: string, why: string): Promise<void> {
    this.#demands.set(by, why);
    const { kind } = this.#zookeeper;
    const isOnly = kind !== 'zookeeper' || this.#zookeeper.servers.length === 1;
    const addresses = (await this.#resolver?.resolve()) ?? [];
    const said = addresses.filter(({ label }) => this.#demands.has(label));
    const others = addresses.filter((address) => !said.includes(address));
    const areAll = said.length === 0 ? isOnly : others.length === 0 || (await nobodyListens(others, clock)) !== undefined;
    if (areAll) this.#tell([...this.#demands.values()].join('; '));
  }

  async #look(resolver: Resolver, settings: ClientSettings): Promise<void> {
    const client = clientOf(settings, () => undefined);
    const tls = client.kind === 'wire' ? client.tls : undefined;
    const look = async (): Promise<string | undefined> => {
      const addresses = await resolver.resolve();
      return (await nobodyListens(addresses, clock)) ?? (tls && (await noneAgrees(addresses, tls, clock)));
    };
    const first = await look();
    if (first === undefined) return;
    this.trouble ||= first; // told where time is up before the second look
    await clock.sleep(AGAIN_MS);
    const why = await look();
    if (why !== undefined) this.#tell(why);
  }
}
