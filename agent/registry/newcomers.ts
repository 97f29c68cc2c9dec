/**
 * Whom guard.ts could not see, because they came after us or in the same moment: apps that register themselves when we have announced them already,
 * and are in the list twice from then on, and nodes of another dialect, whose readers ours may break. Ours stays, since calls go by it, and
 * it is told once. Reads names, and of those that are new since the last time a few nodes; arms no watch.
 */
import { address } from '../../lb/endpoint.js';
import type { Emit } from '../events.js';
import type { Clock } from '../system.js';
import type { Dialect, Instance } from './dialects/dialect.js';
import { foreign, isOurs, selfRegistered } from './guard.js';
import { look, type Neighbour } from './neighbours.js';
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
  /** Where it was told that another dialect has moved in. */
  readonly #mixed = new Set<string>();

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
      const newcomers: Neighbour[] = [];
      for (const name of names.filter((one) => !place.names.has(one)).slice(0, MOST_READ)) {
        const found = await look(tree, `${path}/${name}`, name, instance.service, dialect);
        if (found !== undefined && found.stat.owner !== 'us' && !isOurs(instance, found.said)) newcomers.push(found);
      }
      this.#meet(newcomers, instance, dialect, path);
    } catch {
      // the next time
    }
  }

  #meet(newcomers: readonly Neighbour[], instance: Instance, dialect: Dialect, path: string): void {
    const { aliases, remedies, emit } = this.#parts;
    for (const newcomer of newcomers) {
      const against = selfRegistered([newcomer], instance, dialect, aliases, remedies);
      if (against) emit({ kind: 'warned', why: `${instance.service} is in the registry twice: ${against.why}` });
    }
    const place = `${path} ${address(instance)}`;
    const strange = this.#mixed.has(place) ? undefined : foreign(newcomers, instance, dialect, path, remedies);
    if (strange === undefined) return;
    this.#mixed.add(place);
    emit({ kind: 'warned', why: `${instance.service} is announced, and others have come since: ${strange.why}` });
  }
}
