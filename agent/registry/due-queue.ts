/** Names that wait for their turn, each once: some at once, some at a time of their own. Knows no clock. */
interface Due {
  readonly name: string;
  readonly at: number;
}

export class DueQueue {
  readonly #now = new Set<string>();
  readonly #later = new Map<string, number>();
  /** Of `#later`, a heap, since 20,000 names may come at once. May hold some that have been taken since, or that are due earlier. */
  readonly #heap: Due[] = [];

  get size(): number {
    return this.#now.size + this.#later.size;
  }

  /** Next in turn, whatever time it had. */
  now(name: string): void {
    this.#later.delete(name);
    this.#now.add(name);
  }

  /** At that time; a name that waits already keeps its time if that is earlier. */
  later(name: string, at: number): void {
    if (this.#now.has(name) || (this.#later.get(name) ?? Infinity) <= at) return;
    this.#later.set(name, at);
    this.#push({ name, at });
  }

  clear(): void {
    this.#now.clear();
    this.#later.clear();
    this.#heap.length = 0;
  }

  /** When the first is due: -Infinity means at once, undefined that nothing waits. */
  get firstAt(): number | undefined {
    return this.#now.size > 0 ? -Infinity : this.#first()?.at;
  }

  /** The first, if it is due. */
  take(now: number): string | undefined {
    const [urgent] = this.#now;
    if (urgent !== undefined) {
      this.#now.delete(urgent);
      return urgent;
    }
    const first = this.#first();
    if (first === undefined || first.at > now) return undefined;
    this.#later.delete(first.name);
    return first.name;
  }

  #first(): Due | undefined {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || this.#later.get(first.name) === first.at) return first;
      this.#pop();
    }
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.length;
    for (let above = (at - 1) >> 1; at > 0 && heap[above]!.at > due.at; above = (at - 1) >> 1) {
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below + 1 < heap.length && heap[below + 1]!.at < heap[below]!.at) below++;
      if (below >= heap.length || heap[below]!.at >= last.at) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}
