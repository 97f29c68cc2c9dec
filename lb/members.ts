/** Who is in the list that holds. A whole list comes in; who stays, by id and address, keeps all that is known of it. Of two with one id the first counts. */
import { identity, type Endpoint } from './endpoint.js';
import type { Member } from './member.js';

export class Members implements Iterable<Member> {
  #known = new Map<string, Member>();

  get size(): number {
    return this.#known.size;
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#known.values();
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
    const before = this.#known;
    this.#known = new Map();
    const ids = new Set<string>();
    const joined: Member[] = [];
    for (const endpoint of endpoints) {
      if (ids.has(endpoint.id)) continue;
      ids.add(endpoint.id);
      const key = identity(endpoint);
      const known = before.get(key);
      const member = known ?? make(endpoint);
      member.endpoint = endpoint;
      if (known === undefined) joined.push(member);
      this.#known.set(key, member);
      before.delete(key);
    }
    return { joined, gone: [...before.values()] };
  }
}
