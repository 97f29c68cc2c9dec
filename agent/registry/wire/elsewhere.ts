/**
 * Looks for a server that is better than the one of this stay, and ends the stay when there is one: for a server that can write while we are at
 * one without a majority, ever more slowly; and for one that answers while ours is silent. What is heard after the stay is about nothing.
 */
import type { Tls } from './connection.js';
import { Inquiry } from './inquiry.js';
import type { Clock } from './ports.js';
import type { Address } from './resolve.js';

export interface ElsewhereParts {
  find(): Promise<readonly Address[]>;
  readonly tls?: (() => Promise<Tls>) | undefined;
  readonly clock: Clock;
}

/** The stay. */
export interface Here {
  readonly label: string;
  /** When the server was last heard. */
  readonly heardAt: number | undefined;
  /** `why` follows the server's name. */
  end(why: string): void;
}

const FIRST_SEARCH_MS = 1_000;
const LONGEST_SEARCH_MS = 60_000;
/** Others that are asked whether they serve while one is silent. */
const MOST_DOUBTED = 2;
/** What a server without a majority says to `srvr`. One that may not answer it says so, and is there. */
const servesNobody = /not currently serving/;

export class Elsewhere {
  readonly #parts: ElsewhereParts;
  readonly #here: Here;
  readonly #inquiry: Inquiry;
  #isOver = false;
  #stopSearch: () => void = () => undefined;

  constructor(parts: ElsewhereParts, here: Here) {
    this.#parts = parts;
    this.#here = here;
    this.#inquiry = new Inquiry(parts.clock);
  }

  end(): void {
    this.#isOver = true;
    this.#stopSearch();
    this.#inquiry.end();
  }

  /** Ours cannot write. */
  seekWriter(ms = FIRST_SEARCH_MS): void {
    this.#stopSearch = this.#parts.clock.after(ms, () => {
      this.seekWriter(Math.min(2 * ms, LONGEST_SEARCH_MS));
      void this.#search();
    });
  }

  /** Ours is silent. To be asked again when it was heard meanwhile. */
  async seekAnswer(): Promise<void> {
    const { heardAt } = this.#here;
    for (const [server, tls] of (await this.#others()).slice(0, MOST_DOUBTED)) {
      void this.#inquiry.ask('srvr', server, tls).then((answer) => {
        if (this.#isOver || answer === undefined || servesNobody.test(answer) || this.#here.heardAt !== heardAt) return;
        this.#here.end(`is silent, and ${server.label} is not`);
      });
    }
  }

  async #search(): Promise<void> {
    for (const [server, tls] of await this.#others()) {
      const answer = await this.#inquiry.ask('isro', server, tls);
      if (this.#isOver) return;
      if (answer?.startsWith('rw')) return this.#here.end(`is read only, and ${server.label} is not`);
    }
  }

  async #others(): Promise<readonly (readonly [Address, Tls | undefined])[]> {
    const tls = await this.#parts.tls?.().catch(() => undefined);
    const servers = await this.#parts.find();
    if (this.#isOver) return [];
    return servers.filter(({ label }) => label !== this.#here.label).map((server) => [server, tls] as const);
  }
}
