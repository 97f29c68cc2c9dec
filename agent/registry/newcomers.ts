/**
 * Apps that register themselves when we have announced them already: guard.ts could not see them, and from then on they are in the list twice.
 * Ours stays, since calls go by it, and it is told once. Reads names, and of those that are new since the last time a few nodes; arms no watch.
 */
import { address } from '../../lb/endpoint.js';
import type { Emit } from '../events.js';
import type { Clock } from '../system.js';
import type { Dialect, Instance } from './dialects/dialect.js';
import { selfRegistered } from './guard.js';
import { look } from './neighbours.js';
import type { Remedies } from './remedies.js';
import type { Tree } from './tree.js';

/** No more often than this, whatever calls for a look at our own node. */
const EVERY_MS = 120_000;
const MOST_READ = 16;
const MOST_NAMES = 20_000;

export interface NewcomersParts {
  readonly tree: Pick<Tree, 'children' | 'exists' | 'read'>;
  /** What else this machine is called. */
  readonly aliases: ReadonlySet<string>;
  readonly remedies: Remedies;
  readonly clock: Pick<Clock, 'now'>;
  readonly emit: Emit;
}

interface Place {
  readonly names: ReadonlySet<string>;
  readonly lookedAt: number;
}

export class Newcomers {
  readonly #parts: NewcomersParts;
  /** By parent and our address: who was there the last time. */
  readonly #places = new Map<string, Place>();

  constructor(parts: NewcomersParts) {
    this.#parts = parts;
  }

  /** Those were there before us: others have looked at them. */
  known(instance: Instance, path: string, names: readonly string[]): void {
    this.#places.set(`${path} ${address(instance)}`, {
      names: new Set(names.slice(0, MOST_NAMES)),
      lookedAt: this.#parts.clock.now(),
    });
  }

  /** To be called when our node was found to be as it should. Never rejects: nothing depends on it. */
  async look(instance: Instance, dialect: Dialect, path: string): Promise<void> {
    const { tree, clock } = this.#parts;
    const place = this.#places.get(`${path} ${address(instance)}`);
    if (place === undefined || clock.now() - place.lookedAt < EVERY_MS) return;
    try {
      const names = (await tree.children(path))?.names ?? [];
      this.known(instance, path, names);
      for (const name of names.filter((one) => !place.names.has(one)).slice(0, MOST_READ))
        await this.#meet(name, instance, dialect, path);
    } catch {
      // the next time
    }
  }

  async #meet(name: string, instance: Instance, dialect: Dialect, path: string): Promise<void> {
    const { tree, aliases, remedies, emit } = this.#parts;
    const newcomer = await look(tree, `${path}/${name}`, name, instance.service, dialect);
    const against = newcomer && selfRegistered([newcomer], instance, dialect, aliases, remedies);
    if (against) emit({ kind: 'warned', why: `${instance.service} is in the registry twice: ${against.why}` });
  }
}
