/** Names that wait for their turn, each once: some at once, some at a time of their own. Knows no clock. */
import { Heap, type Placed } from '../../lb/heap.js';

interface Waiting extends Placed {
  readonly name: string;
  at: number;
}

export class DueQueue {
  readonly #now = new Set<string>();
  readonly #later = new Map<string, Waiting>();
  /** Since 20,000 names may come at once. */
  #order = inOrder();

  get size(): number {
    return this.#now.size + this.#later.size;
  }

  /** Next in turn, whatever time it had. */
  now(name: string): void {
    this.#drop(name);
    this.#now.add(name);
  }

  /** At that time; a name that waits already keeps its time if that is earlier. */
  later(name: string, at: number): void {
    if (this.#now.has(name) || (this.#later.get(name)?.at ?? Infinity) <= at) return;
    this.#drop(name);
    const waiting: Waiting = { name, at, place: -1 };
    this.#later.set(name, waiting);
    this.#order.add(waiting);
  }

  clear(): void {
    this.#now.clear();
    this.#later.clear();
    this.#order = inOrder();
  }

  /** When the first is due: -Infinity means at once, undefined that nothing waits. */
  get firstAt(): number | undefined {
    return this.#now.size > 0 ? -Infinity : this.#order.first?.at;
  }

  /** The first, if it is due. */
  take(now: number): string | undefined {
    const at = this.firstAt;
    if (at === undefined || at > now) return undefined;
    const [urgent] = this.#now;
    const name = urgent ?? this.#order.first!.name;
    this.#now.delete(name);
    this.#drop(name);
    return name;
  }

  #drop(name: string): void {
    const waiting = this.#later.get(name);
    if (waiting === undefined) return;
    this.#later.delete(name);
    this.#order.remove(waiting);
  }
}

const inOrder = (): Heap<Waiting> => new Heap((one, other) => one.at < other.at);
