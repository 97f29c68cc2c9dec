/**
 * Where services are: by the convention of each dialect, and where the registry path says. Tells of a path whether it is the folder of a service, and
 * whose readers are at home there where no node says it. Pure.
 */
import { dialects } from './registry/dialects/dialects.js';

/** The one that holds where nobody has said another. */
const DEFAULT = 'curator';

export class Places {
  /** Each path, with `{service}` in it, and its dialect. */
  readonly roots: ReadonlyMap<string, string>;
  readonly #asked: string;

  constructor({ registryPath, dialect }: { readonly registryPath?: string | undefined; readonly dialect: string }) {
    const roots = new Map(Array.from(dialects.values(), (one) => [one.defaultPath, one.name] as const).reverse());
    roots.set(dialects.get(dialect)!.defaultPath, dialect); // two of them share one
    if (registryPath !== undefined) roots.set(registryPath, dialect);
    this.roots = roots;
    this.#asked = dialect;
  }

  /** By its path it is the folder of a service. */
  isFolder(path: string): boolean {
    return this.#ofFolder(path) !== undefined;
  }

  /** Of a folder: what was asked for, else what its path, or the beginning of it, is known for. */
  dialectAt(path: string): string {
    const beginning = (root: string): string => root.split('/', 2).join('/');
    const near = [...this.roots].find(([root]) => beginning(root) === beginning(path))?.[1];
    return this.#ofFolder(path) ?? (this.#asked === DEFAULT ? near : undefined) ?? this.#asked;
  }

  #ofFolder(path: string): string | undefined {
    const found = [...this.roots].find(([root]) => {
      const [before = '', after] = root.split('{service}');
      if (after === undefined) return path === before;
      const isBetween = path.length > before.length + after.length && path.startsWith(before) && path.endsWith(after);
      return isBetween && !path.slice(before.length, path.length - after.length).includes('/');
    });
    return found?.[1];
  }
}
