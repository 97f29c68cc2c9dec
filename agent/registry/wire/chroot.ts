/** A part of the tree as if it were all of it: put before every path that is asked for, and taken off every path that is told. */
export class Chroot {
  readonly #root: string;

  /** '', '/' or `/a/b`. */
  constructor(root: string) {
    this.#root = root === '/' ? '' : root;
  }

  join(path: string): string {
    return this.#root === '' ? path : path === '/' ? this.#root : this.#root + path;
  }

  /** What is outside of it is told as it is. */
  strip(path: string): string {
    if (this.#root === '' || !(path === this.#root || path.startsWith(`${this.#root}/`))) return path;
    return path.slice(this.#root.length) || '/';
  }
}
