/**
 * The sessions of the embedded tree as files: `<id>.lease`, which its owner renews by writing to it, and `<id>.nodes`, the paths of
 * its ephemerals. A session lives while its lease is there: whoever takes the lease away has ended the session, and its owner learns
 * of it at the next renewal. What is left of it is removed by its owner, or by any other who found the lease dead (lease.ts).
 */
import { link, mkdir, open, readdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Changes } from './changes.js';
import { absent, look, text } from './files.js';
import { fateOf, holderIn, ourselves } from './holder.js';
import type { Holder } from './holder.js';
import type { Lease } from './lease.js';
import type { StillOurs } from './lock.js';
import { find } from './nodes.js';

/** For a lease that does not say its timeout, or says nonsense; milliseconds. */
const USUAL = 30_000;
const LONGEST = 600_000;
/** Bytes of a session's list of ephemerals. */
const MOST_LISTED = 16 * 1024 * 1024;
/** Of a lease that its folder lists and that cannot be opened. */
const MOST_LOOKS = 50;

export class Sessions {
  readonly isReadOnly: boolean;
  readonly #root: string;
  readonly #folder: string;
  readonly #spares: string;
  /** What is in the leases of others; it never changes. */
  readonly #said = new Map<string, Said>();
  readonly #claimed = new Set<string>();
  #holder: Promise<Holder | undefined> | undefined;
  #id = '';
  #made = 0;

  /** `house`: the folder in the root that is ours. A read-only one has no lease: its session lives while the root is there. */
  constructor(root: string, house: string, isReadOnly: boolean) {
    this.#root = root;
    this.isReadOnly = isReadOnly;
    this.#folder = join(house, 'sessions');
    this.#spares = join(house, 'tmp');
  }

  /** A name for a temporary file of the present session. */
  readonly spare = (): string => join(this.#spares, `${this.#id}-${this.#made++}`);

  /** Begins a session. Fails as the file system does: no root, no right to write there, no room, no hard links. */
  async begin(id: string, timeoutMs: number): Promise<void> {
    if (!(await stat(this.#root)).isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
    if (this.isReadOnly) return;
    for (const folder of [join(this.#folder, '..'), this.#folder, this.#spares]) {
      await mkdir(folder).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      });
    }
    this.#id = id;
    this.#claimed.clear();
    const file = this.spare();
    await writeFile(file, await this.#content(timeoutMs), { flag: 'wx' });
    await link(file, this.#lease(id)).finally(() => unlink(file));
  }

  /** False: the session was ended by others. Fails when the folder cannot be reached, which says nothing about the session. */
  async renew(timeoutMs: number): Promise<boolean> {
    if (this.isReadOnly) return (await stat(this.#root)).isDirectory();
    const lease = await this.#see(this.#id, (file) => absent(open(file, 'r+')));
    if (!lease) return false;
    try {
      await lease.write(await this.#content(timeoutMs), 0); // by a write the file system sets the time, by its own clock
    } finally {
      await lease.close();
    }
    return true;
  }

  /** What is seen of a lease. Undefined: its folder was opened, and it is not in it. Fails when the folder is away. */
  async #see<T>(id: string, look: (file: string) => Promise<T | undefined>): Promise<T | undefined> {
    for (let looks = 0; looks < MOST_LOOKS; looks++) {
      const seen = await look(this.#lease(id));
      if (seen !== undefined || this.isReadOnly) return seen; // a look from outside ends nobody's session
      if (!(await readdir(this.#folder)).includes(`${id}.lease`)) return undefined;
    }
    throw new Error(`${this.#lease(id)} is in its folder, and cannot be opened`);
  }

  /** Whether the root was opened and nothing of ours is in it: nobody will bring the session back. */
  async wasEmptied(): Promise<boolean> {
    if (this.isReadOnly) return false;
    for (const folder of [dirname(this.#folder), this.#folder]) {
      const entries = await readdir(dirname(folder)).catch(() => undefined);
      if (!entries?.includes(basename(folder))) return entries !== undefined;
    }
    return false;
  }

  /** Whether our session's lease can be seen. If not, nothing that is missing in the tree is known to be missing. */
  readonly isThere = async (): Promise<boolean> =>
    (await look(this.isReadOnly ? this.#root : this.#lease(this.#id), this.isReadOnly)) !== undefined;

  /** Notes an ephemeral of ours, before it is made. */
  readonly claim = async (path: string): Promise<void> => {
    this.#claimed.add(path);
    const file = this.spare();
    await writeFile(file, JSON.stringify([...this.#claimed]), { flag: 'wx' });
    await rename(file, this.#nodes(this.#id));
  };

  readonly unclaim = (path: string): void => void this.#claimed.delete(path);

  /** The leases of the others, as one look finds them. One that is gone but for its list has no time left. */
  async others(): Promise<readonly Lease[]> {
    const ids = new Set((await readdir(this.#folder)).flatMap((file) => ofSession.exec(file)?.[1] ?? []));
    for (const id of this.#said.keys()) if (!ids.has(id)) this.#said.delete(id);
    const fresh = (await look(this.#lease(this.#id)))?.mtimeMs ?? 0n;
    ids.delete(this.#id);
    return Promise.all([...ids].map((id) => this.#look(id, fresh)));
  }

  /** Why the owner of a node is held for dead, for a look from outside, which sees each lease once. `wall`: milliseconds since 1970. */
  async epitaph(id: string, wall: number): Promise<string | undefined> {
    const { mark, timeoutMs, behindMs, isDead } = await this.#look(id, BigInt(Math.floor(wall)));
    if (mark === 'gone') return 'its session has ended';
    const { holder } = this.#said.get(id)!;
    if (isDead) return `its process (pid ${holder!.pid}) has ended`;
    if (behindMs <= timeoutMs || (await fateOf(holder, await this.#us())) === 'alive') return undefined;
    return `its session of ${timeoutMs / 1_000} s was not renewed for ${Math.round(behindMs / 1_000)} s`;
  }

  /** Removes what a session left behind, with the lock held. With `lease`, only if that has not been renewed since. */
  async end(id: string, changes: Changes, stillOurs: StillOurs, lease?: Lease): Promise<void> {
    if (lease && (await this.#look(id, 0n)).mark !== lease.mark) return;
    await absent(unlink(this.#lease(id)));
    for (const path of paths(await text(this.#nodes(id), MOST_LISTED))) {
      const found = await find(this.#root, path);
      if (found?.truth.owner === id) await changes.remove(found, stillOurs);
    }
    for (const file of await readdir(this.#spares)) {
      if (file.startsWith(`${id}-`)) await absent(unlink(join(this.#spares, file)));
    }
    await absent(unlink(this.#nodes(id)));
  }

  async #look(id: string, fresh: bigint): Promise<Lease> {
    const stats = await this.#see(id, look);
    if (!stats) return { id, mark: 'gone', timeoutMs: 0, behindMs: 0 };
    const said = this.#said.get(id) ?? saidIn(await text(this.#lease(id)));
    this.#said.set(id, said);
    const isDead = (await fateOf(said.holder, await this.#us())) === 'dead';
    const { timeoutMs } = said;
    return { id, mark: `${stats.ino}-${stats.mtimeNs}`, timeoutMs, behindMs: Number(fresh - stats.mtimeMs), isDead };
  }

  #us(): Promise<Holder | undefined> {
    return (this.#holder ??= ourselves());
  }

  /** Always of the same length for one session: a renewal writes over it. */
  async #content(timeoutMs: number): Promise<string> {
    return `${JSON.stringify({ timeoutMs, holder: await this.#us() })}\n`;
  }

  #lease(id: string): string {
    return join(this.#folder, `${id}.lease`);
  }

  #nodes(id: string): string {
    return join(this.#folder, `${id}.nodes`);
  }
}

const ofSession = /^([0-9a-f-]{36})\.(?:lease|nodes)$/;

/** What a lease says of its session. */
interface Said {
  readonly timeoutMs: number;
  readonly holder: Holder | undefined;
}

function saidIn(lease: string | undefined): Said {
  try {
    const { timeoutMs, holder } = JSON.parse(lease ?? '') as Record<string, unknown>;
    const isTime = Number.isSafeInteger(timeoutMs) && (timeoutMs as number) >= 0;
    return { timeoutMs: isTime ? Math.min(timeoutMs as number, LONGEST) : USUAL, holder: holderIn(holder) };
  } catch {
    return { timeoutMs: USUAL, holder: undefined };
  }
}

/** The list is written whole or not at all; one that is not ours to read names nothing. */
function paths(list: string | undefined): readonly string[] {
  try {
    const said: unknown = JSON.parse(list ?? '[]');
    return Array.isArray(said) ? said.filter((path) => typeof path === 'string') : [];
  } catch {
    return [];
  }
}
