/**
 * Whom the nodes that we create let do what. ZooKeeper asks the node itself for reading and changing, and its parent for creating and
 * removing; so an instance is safe from removal only in a folder that lets nobody else remove.
 *
 *           an instance             its folder               the folders above
 *   open    everybody everything    everybody everything     everybody everything
 *   owner   we; everybody reads     we; everybody reads      we; everybody reads and creates
 *   fleet   we alone                we alone                 we alone
 *
 * We: whoever has the login that the node was made with. With `owner` that is one for each service, so that the folders above have to take the
 * folders of others; with `fleet` it is the same everywhere. What is there already keeps the list that it has.
 */
import { parentOf } from '../node-path.js';
import type { Mode } from '../tree.js';
import { permissions } from '../wire/protocol.js';
import { creatorOnly, openToAll } from '../wire/records.js';
import type { Acl } from '../wire/records.js';

export type Access = 'open' | 'owner' | 'fleet';

/** Services that one sidecar announces, many times over. */
const MOST_HOMES = 1_024;
const everybody = (perms: number): Acl => ({ perms, scheme: 'world', id: 'anyone' });
const read = [...creatorOnly, everybody(permissions.read)];
const readAndAdd = [...creatorOnly, everybody(permissions.read + permissions.create)];

export class AccessLists {
  readonly #access: Access;
  /** Folders that an instance was to be put into. They are asked for after the instance, when it is seen that they are missing. */
  readonly #homes = new Set<string>();

  constructor(access: Access) {
    this.#access = access;
  }

  /** For a node that is to be created now. */
  of(path: string, mode: Mode): readonly Acl[] {
    if (this.#access === 'open') return openToAll;
    if (this.#access === 'fleet') return creatorOnly;
    if (!mode.startsWith('ephemeral')) return this.#homes.has(path) ? read : readAndAdd;
    if (this.#homes.size < MOST_HOMES) this.#homes.add(parentOf(path));
    return read;
  }

  /** Somebody made the folder before us, or for us, and others than we may remove what is in it. */
  isLooser(folder: readonly Acl[]): boolean {
    if (this.#access === 'open') return false;
    return folder.some(({ perms, scheme }) => scheme === 'world' && (perms & permissions.delete) !== 0);
  }
}
