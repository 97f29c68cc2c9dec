/** 20,000 nodes that are watched, and readers that go on whatever becomes of the connection. */
import { RegistryError } from '../../../../agent/registry/tree.js';
import type { Tree } from '../../../../agent/registry/tree.js';

export const COUNT = 20_000;
const AT_ONCE = 500;
const READERS = 32;
/** What a read may end with while the servers are away. */
const PASSING = ['connection_lost', 'disconnected', 'expired'];

export const nodePath = (index: number): string => `/many/10.0.${index >> 8}.${index & 255}:8080`;

export async function each(act: (index: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < COUNT; from += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => act(from + index)));
}

/** Begins at once. Its end answers with the errors that no absence of a server explains. */
export function reading(tree: Tree): () => Promise<readonly unknown[]> {
  let isOver = false;
  const unexpected: unknown[] = [];
  const read = async (reader: number): Promise<void> => {
    for (let index = reader; !isOver; index = (index + READERS) % COUNT) {
      await tree.exists(nodePath(index)).catch((error: unknown) => {
        if (!(error instanceof RegistryError && PASSING.includes(error.code))) unexpected.push(error);
        return new Promise(setImmediate);
      });
    }
  };
  const load = Array.from({ length: READERS }, (_, reader) => read(reader));
  return async () => {
    isOver = true;
    await Promise.all(load);
    return unexpected;
  };
}
