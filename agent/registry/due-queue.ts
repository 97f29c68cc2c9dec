/** Names that wait for their turn, each once: some at once, some at a time of their own. Knows no clock. */
export class DueQueue {
  readonly #now = new Set<string>();
  readonly #later = new Map<string, number>();
  /** Of `#later`, last is first. Sorted when asked for, since names come in batches; may hold some that have been taken since. */
  #order: string[] | undefined;

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
    this.#order = undefined;
  }

  clear(): void {
    this.#now.clear();
    this.#later.clear();
    this.#order = undefined;
  }

  /** When the first is due: -Infinity means at once, undefined that nothing waits. */
  get firstAt(): number | undefined {
    if (this.#now.size > 0) return -Infinity;
    this.#order ??= [...this.#later].sort(([, one], [, other]) => other - one).map(([name]) => name);
    while (this.#order.length > 0 && !this.#later.has(this.#order.at(-1)!)) this.#order.pop();
    const first = this.#order.at(-1);
    return first === undefined ? undefined : this.#later.get(first);
  }

  /** The first, if it is due. */
  take(now: number): string | undefined {
    const at = this.firstAt;
    if (at === undefined || at > now) return undefined;
    const [urgent] = this.#now;
    const name = urgent ?? this.#order!.pop()!;
    this.#now.delete(name);
    this.#later.delete(name);
    return name;
  }
}
