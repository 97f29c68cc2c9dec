/**
 * In which zones the callers of a peer are: they are the instances of our own service, as far as anybody can know, so those are watched, from
 * the moment that a balancer asks for the first time. A sidecar that announces nothing, or whose peers are few or in one zone, watches nobody.
 */
import type { Announcement } from './config/announcements.js';
import type { InstanceList, Registry } from './registry/registry.js';

export class CallerZones {
  readonly #registry: Pick<Registry, 'watch'>;
  readonly #own: Pick<Announcement, 'service' | 'dialect' | 'path'> | undefined;
  #counts: ReadonlyMap<string, number> | undefined;
  #stop: (() => void) | undefined;

  /** `own`: what we announce; all of it is one app, so the first one will do. */
  constructor(registry: Pick<Registry, 'watch'>, own: readonly Pick<Announcement, 'service' | 'dialect' | 'path'>[]) {
    this.#registry = registry;
    this.#own = own[0];
  }

  /** How many there are in each zone, '' for none said; undefined as long as nobody knows. The same map until it changes. */
  counts(): ReadonlyMap<string, number> | undefined {
    if (this.#own !== undefined && this.#stop === undefined) {
      const { service, dialect, path } = this.#own;
      this.#stop = this.#registry.watch(service, { dialect, path }, (list) => this.#listed(list));
    }
    return this.#counts;
  }

  stop(): void {
    this.#stop?.();
  }

  /** Those who are down for others call all the same. */
  #listed({ instances }: InstanceList): void {
    const counts = new Map<string, number>();
    for (const { zone = '' } of instances) counts.set(zone, (counts.get(zone) ?? 0) + 1);
    const before = this.#counts;
    if (before?.size === counts.size && [...counts].every(([zone, count]) => before.get(zone) === count)) return;
    this.#counts = counts.size === 0 ? undefined : counts;
  }
}
