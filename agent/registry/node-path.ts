/**
 * What is a path of a node, for every adapter: the rules of ZooKeeper's own server, checked before anything is sent, so that the same
 * path is good or bad in each tree. Paths begin with '/', have no empty, '.' or '..' segment, and none of the characters that the
 * server refuses: control characters, and from U+D800 to U+F8FF (surrogates, so no emoji; private use) and U+FFF0 to U+FFFF.
 */
import { RegistryError } from './tree.js';

const refused = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/;

/** Whether one segment may be a name. */
export const isNodeName = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && !/\//.test(name) && !refused.test(name);

/** Fails with 'bad_path', in a sentence that names the path and what is wrong with it. */
export function checkPath(path: string): void {
  const wrong = whatIsWrong(path);
  if (wrong) throw new RegistryError('bad_path', `${JSON.stringify(path)} is not the path of a node: ${wrong}`);
}

function whatIsWrong(path: string): string | undefined {
  if (path === '/') return undefined;
  if (!path.startsWith('/')) return 'it does not begin with /';
  for (const name of path.slice(1).split('/')) {
    if (name === '') return 'it has an empty segment';
    if (name === '.' || name === '..') return `a segment is ${name}`;
    if (!isNodeName(name)) return `${JSON.stringify(name)} has a character that ZooKeeper refuses`;
  }
  return undefined;
}

/** The parent of a checked path; '/' for a child of the root and for the root itself. */
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

/** The last segment of a checked path; '' for the root. */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
