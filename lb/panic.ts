/**
 * Panic, as in Envoy: when less than a share of those among whom calls are divided is well, opinions about them are more likely wrong, or cost
 * more, than they are worth: all of them are pardoned until enough are well again. Counted over a service (standing.ts), and over each subset
 * that calls ask for (pardoning.ts), since those calls have nobody else.
 */

/** 0 to 100: below this share of well endpoints opinions are pardoned; 0: never. */
export interface PanicOptions {
  readonly percent: number;
}

export const defaultPanic: PanicOptions = { percent: 50 };

/** What an endpoint counts as. `open`: by its circuit; `blamed`: out by opinion alone; `none`: not at all, as it has no weight or is in no list that holds. */
export type Stand = 'well' | 'blamed' | 'open' | 'none';

export class Panic {
  on = false;
  total = 0;
  well = 0;
  blamed = 0;
  readonly #options: PanicOptions;

  constructor(options: PanicOptions) {
    this.#options = options;
  }

  add(stand: Stand, by: 1 | -1): void {
    if (stand === 'none') return;
    this.total += by;
    if (stand === 'well') this.well += by;
    if (stand === 'blamed') this.blamed += by;
  }

  clear(): void {
    this.total = this.well = this.blamed = 0;
  }

  /** Less than the share is well, and somebody would be out for it. True: this has changed. */
  look(): boolean {
    const on = this.blamed > 0 && this.well * 100 < this.#options.percent * this.total;
    if (on === this.on) return false;
    this.on = on;
    return true;
  }
}
