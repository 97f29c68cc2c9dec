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

  /** `make`: for one that was not there. `changed`: they, and those who stay and are told otherwise. */
  update(
    endpoints: readonly Endpoint[],
    make: (endpoint: Endpoint) => Member,
  ): { readonly joined: Member[]; readonly gone: Member[]; readonly changed: Member[] } {
    if (this.#isOld(endpoints)) return { joined: [], gone: [], changed: [] };
    const ids = new Set<string>();
    const listed = endpoints.filter(({ id }) => ids.size < ids.add(id).size);
    if (this.#isSame(listed)) return { joined: [], gone: [], changed: this.#retold(listed) };
    const changes = difference(this.#endpoints, listed);
    const leaving = new Set(changes.gone.map(identity));
    const [joined, changed]: [Member[], Member[]] = [[], []];
    for (const endpoint of changes.joined) {
      const key = identity(endpoint);
      leaving.delete(key);
      const known = this.#known.get(key);
      const member = known ?? make(endpoint);
      member.endpoint = endpoint;
      changed.push(member);
      if (known !== undefined) continue;
      joined.push(member);
      this.#known.set(key, member);
    }
    const gone = Array.from(leaving, (key) => this.#known.get(key)!);
    for (const key of leaving) this.#known.delete(key);
    this.#endpoints = listed;
    this.#inOrder = this.#ordered(listed);
    this.#inOrder.forEach((member, order) => (member.order = order));
    return { joined, gone, changed };
  }

  /** It is the list of before. */
  #isOld(endpoints: readonly Endpoint[]): boolean {
    return endpoints.length === this.#endpoints.length && endpoints.every((one, index) => one === this.#endpoints[index]);
  }

  /** Everybody stands where he stood: thousands are told otherwise at one time when the registry is lost or back. */
  #isSame(listed: readonly Endpoint[]): boolean {
    const before = this.#endpoints;
    return before.length === listed.length && listed.every((one, index) => one === before[index] || isSame(one, before[index]!));
  }

  #retold(listed: readonly Endpoint[]): Member[] {
    this.#endpoints = listed;
    const changed = this.#inOrder.filter((member, index) => member.endpoint !== listed[index]);
    this.#inOrder.forEach((member, index) => (member.endpoint = listed[index]!));
    return changed;
  }

  /** Most follow whom they followed before, and are found without a look into the map. */
  #ordered(listed: readonly Endpoint[]): readonly Member[] {
    const before = this.#inOrder;
    let at = 0;
    return listed.map((endpoint) => {
      if (before[at]?.endpoint !== endpoint && before[at + 1]?.endpoint === endpoint) at++;
      if (before[at]?.endpoint === endpoint) return before[at++]!;
      return this.#known.get(identity(endpoint))!;
    });
  }
}

const isSame = (one: Endpoint, other: Endpoint): boolean =>
  one.id === other.id && one.host === other.host && one.port === other.port;
