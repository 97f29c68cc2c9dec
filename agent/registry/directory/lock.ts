/**
 * One writer at a time, among all processes that share the folder: a lock file that only one can create. Readers never take it.
 *
 * A holder that was killed leaves its lock behind. Whoever waits takes away a lock that it saw unchanged for STALE_MS (by its own
 * clock; the file holds a text that no other hold has), since a hold lasts milliseconds. Who waits and stood still itself begins to count
 * anew: the holder may have stood still with it. So a holder that was frozen for longer may wake up without its lock: it must ask
 * `stillOurs` right before the one step that makes its change visible.
 */
import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, unlink } from 'node:fs/promises';
import type { Clock, Random } from '../../system.js';
import { RegistryError } from '../tree.js';
import { absent } from './files.js';

const STALE_MS = 2_000;
/** Between two looks of one that waits: it stood still. */
const LATE_MS = 500;
/** Several crashed holders in a row, or a crowd: more than that, and something else is wrong. */
const PATIENCE_MS = 15_000;
const COURTESY_MS = 5;

export type StillOurs = () => Promise<void>;

export class Lock {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #random: Random;
  #last: Promise<unknown> = Promise.resolve();
  #freedAt = -Infinity;

  constructor(file: string, clock: Clock, random: Random) {
    this.#file = file;
    this.#clock = clock;
    this.#random = random;
  }

  /** Runs `work` while nobody else of this tree or another holds the lock. Holds of one tree are served in order. */
  hold<T>(work: (stillOurs: StillOurs) => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#alone(work));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #alone<T>(work: (stillOurs: StillOurs) => Promise<T>): Promise<T> {
    const token = randomUUID();
    const isOurs = async (): Promise<boolean> => (await absent(readFile(this.#file, 'utf8'))) === token;
    await this.#acquire(token);
    try {
      return await work(async () => {
        if (!(await isOurs()))
          throw new RegistryError('connection_lost', `${this.#file} was taken from us: this process was frozen`);
      });
    } finally {
      if (await isOurs()) await absent(unlink(this.#file));
      this.#freedAt = this.#clock.now();
    }
  }

  async #acquire(token: string): Promise<void> {
    const start = this.#clock.now();
    // Others look every few milliseconds, and would never find free what we take again at once.
    if (start - this.#freedAt < COURTESY_MS) await this.#clock.sleep(this.#random() * COURTESY_MS);
    let seen: string | undefined;
    let [since, lookedAt] = [start, start];
    while (!(await this.#create(token))) {
      const holder = await absent(readFile(this.#file, 'utf8'));
      const now = this.#clock.now();
      if (now - start > PATIENCE_MS) throw new RegistryError('failed', `${this.#file} was not free for ${PATIENCE_MS} ms`);
      if (holder === undefined || holder !== seen || now - lookedAt > LATE_MS) [seen, since] = [holder, now];
      else if (now - since > STALE_MS) await this.#break(holder, token);
      lookedAt = now;
      await this.#clock.sleep(1 + this.#random() * COURTESY_MS);
    }
  }

  async #create(token: string): Promise<boolean> {
    const file = await open(this.#file, 'wx').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
      throw error;
    });
    if (!file) return false;
    try {
      await file.writeFile(token);
    } catch (error) {
      await unlink(this.#file);
      throw error;
    } finally {
      await file.close();
    }
    return true;
  }

  /** Two who wait may both find it stale: what was moved away is looked at again, and given back if it is somebody's by now. */
  async #break(holder: string, token: string): Promise<void> {
    const aside = `${this.#file}-${token}`;
    await absent(rename(this.#file, aside));
    if ((await absent(readFile(aside, 'utf8'))) !== holder) await absent(link(aside, this.#file)).catch(() => undefined);
    await absent(unlink(aside));
  }
}
