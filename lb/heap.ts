/** What a heap writes on its items, so that any of them can be found again: its place, or -1 while it is in none. */
export interface Placed {
  place: number;
}

/**
 * A binary heap from which any item can be taken, not only the first, in O(log n). An item is in one heap at most. Whoever
 * changes what `before` looks at tells the heap by `moved`.
 */
export class Heap<Item extends Placed> {
  readonly #items: Item[] = [];
  readonly #before: (a: Item, b: Item) => boolean;

  constructor(before: (a: Item, b: Item) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): Item | undefined {
    return this.#items[0];
  }

  /** So many at most, with the first among them; all where there are no more. */
  some(most: number): readonly Item[] {
    return this.#items.slice(0, most);
  }

  add(item: Item): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  /** Taking out what is not in is no fault. */
  remove(item: Item): void {
    const { place } = item;
    if (this.#items[place] !== item) return;
    item.place = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#put(last, place);
    this.moved(last);
  }

  moved(item: Item): void {
    this.#sink(item, item.place);
    this.#rise(item, item.place);
  }

  #rise(item: Item, from: number): void {
    let place = from;
    while (place > 0) {
      const parent = this.#items[(place - 1) >> 1]!;
      if (!this.#before(item, parent)) break;
      this.#put(parent, place);
      place = (place - 1) >> 1;
    }
    this.#put(item, place);
  }

  #sink(item: Item, from: number): void {
    const items = this.#items;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.#before(items[child + 1]!, items[child]!)) child++;
      if (!this.#before(items[child]!, item)) break;
      this.#put(items[child]!, place);
      place = child;
    }
    this.#put(item, place);
  }

  #put(item: Item, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
