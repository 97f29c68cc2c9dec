/**
 * Who waits, the one that has waited longest first; any of them may leave. The links lie in those who wait, so that nothing is made for it:
 * in place of a Set, which is made anew as it grows and shrinks, because each call puts its connection in and takes one out.
 */
export interface Waiting {
  /** Its neighbours in the queue, the queue's own. */
  before: this | undefined;
  behind: this | undefined;
}

export class Queue<One extends Waiting> {
  #first: One | undefined;
  #last: One | undefined;

  get first(): One | undefined {
    return this.#first;
  }

  /** It is in no queue. */
  add(one: One): void {
    one.before = this.#last;
    if (this.#last === undefined) this.#first = one;
    else this.#last.behind = one;
    this.#last = one;
  }

  /** Nothing happens if it is in no queue. */
  remove(one: One): void {
    const { before, behind } = one;
    if (before !== undefined) before.behind = behind;
    else if (this.#first === one) this.#first = behind;
    if (behind !== undefined) behind.before = before;
    else if (this.#last === one) this.#last = before;
    one.before = undefined;
    one.behind = undefined;
  }
}
