/**
 * The last good lists, kept on disk for a sidecar that starts while the registry is away. A runner: reads the file once, at the start, and
 * writes it after changes, soon and not too often. A list is written as it was last confirmed; those that are confirmed still are written
 * again from time to time, so that their age in the file is true.
 */
import type { Emit } from '../events.js';
import { Alarm } from '../registry/alarm.js';
import type { InstanceList, Source } from '../registry/registry.js';
import type { Clock } from '../system.js';
import { prepareFolder, readFileOf, writeFileOf, MOST_BYTES } from './file.js';
import { lineOf, readText, sourceKey, textOf, type Lists, type Told } from './format.js';
import type { Places } from './places.js';

export interface SnapshotParts {
  readonly path: string;
  /** Where the main registry is: the lists of another one are none of ours. */
  readonly places: Places;
  /** Who we are to the file system. */
  readonly user: number | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** What a service's sources have told, as long as all of it is confirmed; none: it is followed no more. */
export type Current = (name: string) => readonly Told[] | undefined;

const SOON_MS = 1_000;
const BETWEEN_MS = 5_000;
const REFRESH_MS = 5 * 60_000;

export class Snapshot {
  readonly #parts: SnapshotParts;
  readonly #remembered = new Map<string, Lists>();
  readonly #lines = new Map<string, string>();
  readonly #changed = new Set<string>();
  readonly #writes: Alarm;
  readonly #refreshes: Alarm;
  #current: Current = () => undefined;
  #writtenAt = -Infinity;
  #writing: Promise<void> = Promise.resolve();
  #trouble = '';
  #full = false;
  #stopped = false;

  private constructor(parts: SnapshotParts) {
    this.#parts = parts;
    this.#writes = new Alarm(parts.clock, () => void this.#write());
    this.#refreshes = new Alarm(parts.clock, () => this.#refresh());
  }

  /** Undefined, and a warning told, where the folder cannot be written: a snapshot that will never be renewed would be a trap. */
  static open(parts: SnapshotParts): Snapshot | undefined {
    const { path, emit } = parts;
    try {
      prepareFolder(path);
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? String(error);
      const hint = 'set ZIDECAR_DATA_DIR to a folder that this user can write, or ZIDECAR_SNAPSHOT=off';
      emit({ kind: 'warned', why: `no snapshot of the lists is kept, as ${path} cannot be written (${why}): ${hint}` });
      return undefined;
    }
    const snapshot = new Snapshot(parts);
    snapshot.#read();
    return snapshot;
  }

  /** What an earlier run knew of this source. */
  remembered(name: string, source: Source): InstanceList | undefined {
    const told = this.#remembered.get(name)?.get(sourceKey(source));
    return told && { ...told.list, skipped: [], confirmed: false };
  }

  start(current: Current): void {
    this.#current = current;
    this.#refreshes.in(REFRESH_MS);
  }

  /** The lists of this service have changed, or are confirmed anew. */
  heard(name: string): void {
    if (this.#stopped) return;
    this.#changed.add(name);
    this.#writes.at(Math.max(this.#parts.clock.now() + SOON_MS, this.#writtenAt + BETWEEN_MS));
  }

  /** Writes what is still to be written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#writes.cancel();
    this.#refreshes.cancel();
    await this.#writing;
    if (this.#changed.size > 0) await this.#write();
  }

  #read(): void {
    const { path, places, user, clock, emit } = this.#parts;
    try {
      const text = readFileOf(path, user);
      if (text === undefined) return;
      const { services, ageMs, problems } = readText(text, clock.wall(), places);
      for (const why of problems) emit({ kind: 'snapshot_ignored', path, why, taken: services.size });
      for (const [name, lists] of services) {
        this.#remembered.set(name, lists);
        // until it is told anew it stays in the file as it is, with its age
        this.#lines.set(name, lineOf(name, [...lists.values()]));
      }
      if (services.size > 0) emit({ kind: 'snapshot_read', path, upstreams: services.size, ageMs });
    } catch (error) {
      emit({ kind: 'snapshot_ignored', path, why: error instanceof Error ? error.message : String(error), taken: 0 });
    }
  }

  #refresh(): void {
    for (const name of this.#lines.keys()) if (this.#current(name) !== undefined) this.heard(name);
    this.#refreshes.in(REFRESH_MS);
  }

  #write(): Promise<void> {
    this.#writtenAt = this.#parts.clock.now();
    this.#writing = this.#writing.then(() => this.#writeNow());
    return this.#writing;
  }

  async #writeNow(): Promise<void> {
    const { path, places, clock, emit } = this.#parts;
    for (const name of [...this.#changed]) {
      this.#changed.delete(name);
      const told = this.#current(name);
      const asOf = clock.wall();
      if (told)
        this.#lines.set(
          name,
          lineOf(
            name,
            told.map(({ source, list }) => ({ source, list: { ...list, asOf } })),
          ),
        );
      if (!this.#stopped) await clock.sleep(0); // a large one costs milliseconds, and calls are under way
    }
    try {
      await writeFileOf(path, textOf(places, this.#fitting()));
      this.#trouble = '';
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why !== this.#trouble) emit({ kind: 'warned', why: `the snapshot of the lists cannot be written: ${why}` });
      this.#trouble = why;
    }
  }

  /** What is too much is left out, the newest names first. */
  #fitting(): readonly string[] {
    const fitting: string[] = [];
    let bytes = 1_024 + Buffer.byteLength(textOf(this.#parts.places, []));
    for (const line of this.#lines.values()) if ((bytes += Buffer.byteLength(line) + 2) <= MOST_BYTES) fitting.push(line);
    const full = fitting.length < this.#lines.size;
    const detail = `${this.#lines.size - fitting.length} services are not in the snapshot`;
    if (full && !this.#full)
      this.#parts.emit({ kind: 'bound_reached', bound: 'bytes of the snapshot', limit: MOST_BYTES, detail });
    this.#full = full;
    return fitting;
  }
}
