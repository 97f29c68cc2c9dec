/**
 * Who is in the list that holds. A whole list comes in; who stays, by id and address, keeps all that is known of it. Of two with one id the
 * first counts. A list costs what of it has changed, and a walk.
 */
import { difference } from './difference.js';
import { identity, type Endpoint } from './endpoint.js';
import type { Member } from './member.js';

export class Members implements Iterable<Member> {
  readonly #known = new Map<string, Member>();
  #endpoints: readonly Endpoint[] = [];
  #inOrder: readonly Member[] = [];

  get size(): number {
    return this.#inOrder.length;
  }

  /** As the list has them. */
  [Symbol.iterator](): Iterator<Member> {
    return this.#inOrder.values();
  }

  /** Undefined: it has left. */
  of(endpoint: Endpoint): Member | undefined {
    return this.#known.get(identity(endpoint));
  }

  /** `make`: for one that was not there. */
  update(
    endpoints: readonly Endpoint[],
    make: (endpoint: Endpoint) => Member,
  ): { readonly joined: Member[]; readonly gone: Member[] } {
    const ids = new Set<string>();
    const listed = endpoints.filter(({ id }) => ids.size < ids.add(id).size);
    const changes = difference(this.#endpoints, listed);
    const leaving = new Set(changes.gone.map(identity));
    const joined: Member[] = [];
    for (const endpoint of changes.joined) {
      const key = identity(endpoint);
      leaving.delete(key);
      const known = this.#known.get(key);
      const member = known ?? make(endpoint);
      member.endpoint = endpoint;
      if (known !== undefined) continue;
      joined.push(member);
      this.#known.set(key, member);
    }
    const gone = Array.from(leaving, (key) => this.#known.get(key)!);
    for (const key of leaving) this.#known.delete(key);
    this.#endpoints = listed;
    this.#inOrder = listed.map((endpoint) => this.#known.get(identity(endpoint))!);
    return { joined, gone };
  }
}
