/**
 * Who is in the list that holds. A whole list comes in; who stays, by id and address, keeps all that is known of it. Of two with one id the
 * first counts. A list costs what of it has changed, and a walk.
 */
import { difference } from './difference.js';
import { identity, type Endpoint } from './endpoint.js';
import type { Member } from './member.js';

export interface Changes {
  readonly joined: Member[];
  readonly gone: Member[];
  /** Who joined, and those who stay and are told otherwise. */
  readonly changed: Member[];
  /** So many who stay have another weight. */
  readonly reweighed: number;
}

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
  update(endpoints: readonly Endpoint[], make: (endpoint: Endpoint) => Member): Changes {
    if (this.#isOld(endpoints)) return { joined: [], gone: [], changed: [], reweighed: 0 };
    const ids = new Set<string>();
    const listed = endpoints.filter(({ id }) => ids.size < ids.add(id).size);
    if (this.#isSame(listed)) return this.#retold(listed);
    const changes = difference(this.#endpoints, listed);
    const leaving = new Set(changes.gone.map(identity));
    const [joined, changed]: [Member[], Member[]] = [[], []];
    let reweighed = 0;
    for (const endpoint of changes.joined) {
      const key = identity(endpoint);
      leaving.delete(key);
      const known = this.#known.get(key);
      const member = known ?? make(endpoint);
      if (member.endpoint.weight !== endpoint.weight) reweighed++;
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
    return { joined, gone, changed, reweighed };
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

  #retold(listed: readonly Endpoint[]): Changes {
    this.#endpoints = listed;
    const changed = this.#inOrder.filter((member, index) => member.endpoint !== listed[index]);
    let reweighed = 0;
    for (const member of changed) {
      const endpoint = listed[member.order]!;
      if (member.endpoint.weight !== endpoint.weight) reweighed++;
      member.endpoint = endpoint;
    }
    return { joined: [], gone: [], changed, reweighed };
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
