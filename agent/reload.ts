/**
 * The settings of a process that runs, read again when their file has changed or on SIGHUP, in turns of the event loop: calls go on. What
 * cannot be read changes nothing; what can change is handed on at once; what needs a restart is told by name until it has had one.
 */
import { adopt } from './config/adopt.js';
import type { Config } from './config/load.js';
import { ConfigError } from './config/problems.js';
import type { Emit } from './events.js';
import { inTurns, type Pieces } from './in-turns.js';
import type { Clock } from './system.js';

export interface ReloadParts {
  readonly config: Config;
  /** Reads everything anew, in pieces. Throws a ConfigError. Undefined where nothing can have changed. */
  readonly load: (() => Pieces<Config>) | undefined;
  /** By the level that is set now the change itself is told. */
  readonly setLevel: (config: Config, before: Config) => void;
  /** Told with each change: what holds from now on, and what held before. */
  readonly apply: (config: Config, before: Config) => Promise<void>;
  readonly clock: Pick<Clock, 'now' | 'sleep' | 'wall'>;
  readonly emit: Emit;
}

export interface ReloadView {
  /** When what holds now was read: milliseconds since 1970. */
  readonly loadedAt: number;
  /** What is wrong with the settings as they were last read; empty: nothing. */
  readonly problems: readonly string[];
  readonly needsRestart: readonly string[];
}

export class Reload {
  #config: Config;
  #view: ReloadView;
  #last: Promise<void> = Promise.resolve();
  readonly #parts: ReloadParts;

  constructor(parts: ReloadParts) {
    this.#parts = parts;
    this.#config = parts.config;
    this.#view = { loadedAt: parts.clock.wall(), problems: [], needsRestart: [] };
  }

  get config(): Config {
    return this.#config;
  }

  view(): ReloadView {
    return this.#view;
  }

  /** `why`: who asked for it, `SIGHUP`. One after the other. Never rejects for what a user wrote. */
  again(why: string): Promise<void> {
    return (this.#last = this.#last.then(() => this.#again(why)));
  }

  async #again(why: string): Promise<void> {
    const { load, setLevel, apply, clock, emit } = this.#parts;
    if (load === undefined) return;
    let read: Config;
    try {
      read = (await inTurns(load(), clock))!;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#view = { ...this.#view, problems: error.problems };
      return emit({ kind: 'config_refused', why, problems: error.problems.join('; ') });
    }
    await clock.sleep(0);
    const before = this.#config;
    const { config, changed, needsRestart } = adopt(before, read, this.#parts.config);
    this.#config = config;
    this.#view = { loadedAt: clock.wall(), problems: [], needsRestart };
    await clock.sleep(0);
    setLevel(config, before);
    // before what follows from it, such as a panic where the shadow ends
    emit({ kind: 'config_reloaded', why, changed: changed.join('; '), needsRestart: needsRestart.join('; ') });
    await apply(config, before);
    for (const warning of config.warnings) if (!before.warnings.includes(warning)) emit({ kind: 'warned', why: warning });
  }
}
