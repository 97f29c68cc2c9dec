/**
 * Changes the nodes of the embedded tree; called with the lock held. Each change prepares what it needs aside, asks whether the lock is
 * still ours, and then shows itself in one step (link, mkdir, rename, unlink): a kill at any moment leaves the old node or the new.
 * Nothing is flushed to the disk: a power cut may lose the last changes, as it ends the sessions anyway.
 */
import { link, mkdir, open, readdir, rename, rmdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../system.js';
import { nameOf, parentOf } from '../node-path.js';
import { RegistryError } from '../tree.js';
import type { Mode } from '../tree.js';
import { absent, look, text } from './files.js';
import type { StillOurs } from './lock.js';
import { placeOf } from './names.js';
import type { Place } from './names.js';
import { find } from './nodes.js';
import type { Found } from './nodes.js';
import { NO_DATA, stampOf, write as line } from './record.js';
import type { NodeRecord, State } from './record.js';

export interface Seed {
  readonly path: string;
  readonly data: Uint8Array;
  readonly mode: Mode;
  readonly owner: string;
  /** Told the final path of an ephemeral before there is one, so that the end of its session can find it. */
  readonly claim: (path: string) => Promise<void>;
}

export class Changes {
  readonly #root: string;
  readonly #counter: string;
  readonly #spare: () => string;
  readonly #clock: Clock;

  /** `counter`: the file with the last zxid. `spare` makes names for temporary files, in the same file system. */
  constructor(root: string, counter: string, spare: () => string, clock: Clock) {
    this.#root = root;
    this.#counter = counter;
    this.#spare = spare;
    this.#clock = clock;
  }

  async create(seed: Seed, stillOurs: StillOurs): Promise<Found> {
    const { data, mode, owner } = seed;
    const parent = await find(this.#root, parentOf(seed.path));
    if (!parent) throw new RegistryError('no_parent', `cannot create ${seed.path}: there is no ${parentOf(seed.path)}`);
    if (parent.truth.owner) throw new RegistryError('failed', `cannot create ${seed.path}: an ephemeral has no children`);
    const path = mode === 'ephemeral_sequential' ? seed.path + (await this.#nextNumber(parent)) : seed.path;
    const place = placeOf(this.#root, path);
    if (await this.#isTaken(place)) throw new RegistryError('node_exists', `cannot create ${path}: ${place.file} is there`);

    const ephemeral = mode === 'ephemeral' || mode === 'ephemeral_sequential';
    if (ephemeral) await seed.claim(path);
    const czxid = await this.#zxid(0n);
    // Who creates without data mostly makes a parent: it is born a folder.
    const file = ephemeral || data.length > 0 ? await this.#aside(data) : undefined;
    const state = { version: 0, mzxid: czxid, stamp: file?.stamp ?? NO_DATA };
    const record = { name: nameOf(path), owner: ephemeral ? owner : '', czxid, ctime: this.#clock.wall(), next: 0 };
    await stillOurs();
    if (!parent.isFolder) await this.#makeFolder(parent.place);
    await this.#record(place, { ...record, states: [state] });
    await stillOurs();
    if (file) await link(file.name, place.file).finally(() => unlink(file.name));
    else await mkdir(place.file);
    return { place, truth: { ...record, ...state }, size: data.length, isFolder: !file };
  }

  async write({ place, truth, isFolder }: Found, data: Uint8Array, stillOurs: StillOurs): Promise<Found> {
    const { version, mzxid, stamp, ...rest } = truth;
    const file = await this.#aside(data);
    const state: State = { version: (version + 1) % 2 ** 31, mzxid: await this.#zxid(mzxid), stamp: file.stamp };
    await stillOurs();
    await this.#record(place, { ...rest, states: [state, { version, mzxid, stamp }] });
    await stillOurs();
    await rename(file.name, isFolder ? place.data : place.file);
    return { place, truth: { ...rest, ...state }, size: data.length, isFolder };
  }

  async remove({ place, isFolder, truth }: Found, stillOurs: StillOurs): Promise<void> {
    if (isFolder) {
      const entries = await readdir(place.file);
      const children = entries.filter((entry) => !entry.startsWith('.') || !entry.endsWith('.node'));
      if (children.length > 0) {
        throw new RegistryError(
          'not_empty',
          `cannot remove ${place.path}: ${place.file} holds ${children.slice(0, 3).join(', ')}`,
        );
      }
      await stillOurs();
      for (const left of entries) await absent(unlink(join(place.file, left)));
      await rmdir(place.file);
    }
    await stillOurs();
    if (!isFolder) await absent(unlink(place.file));
    if (truth.stamp !== NO_DATA) await absent(unlink(place.data));
    await absent(unlink(place.record));
  }

  /** A leaf is about to have children: its data moves into the dotfile, which is the same node, and its place becomes a folder. */
  async #makeFolder(place: Place): Promise<void> {
    await absent(rename(place.file, place.data));
    await mkdir(place.file);
  }

  async #isTaken(place: Place): Promise<boolean> {
    return ((await look(place.file)) ?? (await look(place.data))) !== undefined;
  }

  /** Ten digits, one more than the last of this parent. Taken before the child exists: a number may be left out, never used twice. */
  async #nextNumber({ place, truth }: Found): Promise<string> {
    const { next, version, mzxid, stamp, ...rest } = truth;
    await this.#record(place, { ...rest, next: next + 1, states: [{ version, mzxid, stamp }] });
    return `${next}`.padStart(10, '0');
  }

  async #record(place: Place, record: NodeRecord): Promise<void> {
    const name = this.#spare();
    await writeFile(name, line(record), { flag: 'wx' });
    await rename(name, place.record);
  }

  async #aside(data: Uint8Array): Promise<{ readonly name: string; readonly stamp: string }> {
    const name = this.#spare();
    const handle = await open(name, 'wx');
    try {
      await handle.writeFile(data);
      return { name, stamp: stampOf(await handle.stat({ bigint: true })) };
    } finally {
      await handle.close();
    }
  }

  /** Greater than every one before and than `least`; near the nanoseconds since 1970, as those of hand-written files are. */
  async #zxid(least: bigint): Promise<bigint> {
    const last = /^\d{1,30}$/.exec((await text(this.#counter))?.trim() ?? '')?.[0] ?? '0';
    const now = BigInt(Math.round(this.#clock.wall() * 1e3)) * 1_000n;
    const next = [BigInt(last), least, now].reduce((a, b) => (a > b ? a : b)) + 1n;
    await writeFile(this.#counter, `${next}\n`);
    return next;
  }
}
