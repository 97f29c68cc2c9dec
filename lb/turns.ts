/**
 * Who is whose turn next, where turns mostly come round in the same order: the first goes, and comes back behind all others. So they stand
 * in a queue that is in order, and whoever comes back behind its last costs one comparison, however many there are. One who belongs further
 * to the front stands apart, in a heap, until its turn comes; after that it is in the queue like all others.
 *
 *     first ◀── queue: a b c d e ◀── behind e, or
 *          ◀── heap:  x y       ◀── before e
 *
 * An item is in one of these at most. Whoever changes what `before` looks at tells it by `moved`.
 */
import { Heap, type Placed } from './heap.js';

/** What is written on its items: the neighbours in the queue, or the place in the heap. */
export interface Waiting<Item> extends Placed {
  ahead: Item | undefined;
  behind: Item | undefined;
}

export class Turns<Item extends Waiting<Item>> {
  readonly #before: (a: Item, b: Item) => boolean;
  readonly #apart: Heap<Item>;
  #front: Item | undefined;
  #back: Item | undefined;
  #size = 0;

  constructor(before: (a: Item, b: Item) => boolean) {
    this.#before = before;
    this.#apart = new Heap(before);
  }

  get size(): number {
    return this.#size;
  }

  get first(): Item | undefined {
    const front = this.#front;
    const apart = this.#apart.first;
    return front === undefined || (apart !== undefined && this.#before(apart, front)) ? apart : front;
  }

  add(item: Item): void {
    this.#size++;
    const back = this.#back;
    if (back === undefined) this.#front = item;
    else if (this.#before(item, back)) return this.#apart.add(item);
    else back.behind = item;
    item.ahead = back;
    this.#back = item;
  }

  /** One that is in. */
  remove(item: Item): void {
    this.#size--;
    if (item.place >= 0) return this.#apart.remove(item);
    const { ahead, behind } = item;
    if (ahead === undefined) this.#front = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.#back = ahead;
    else behind.ahead = ahead;
    item.ahead = undefined;
    item.behind = undefined;
  }

  moved(item: Item): void {
    this.remove(item);
    this.add(item);
  }
}
