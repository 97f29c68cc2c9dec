/** One address a call can be sent to. Plain data: who it is, never how it feels. */
export interface Endpoint {
  /** Unique within its upstream; the registry's id of the instance. */
  readonly id: string;
  /** An IP address, never a name: names are resolved before they come here. */
  readonly host: string;
  readonly port: number;
  /** Finite, 0 or more. An endpoint of weight 0 gets no calls. */
  readonly weight: number;
  readonly zone?: string;
  /** When the instance registered, milliseconds since 1970. */
  readonly since?: number;
  /** How long from then on it wants less than its share, in milliseconds. Undefined: as the balancer thinks fit. */
  readonly warmupMs?: number;
  readonly protocol?: string;
  readonly meta: Readonly<Record<string, string>>;
  /** What is known of how far it can be believed; undefined: it can be. */
  readonly doubt?: Doubt;
}

/**
 * Why nobody can confirm now that an endpoint is still who it was, and who finds out: see doubt.ts. Stays with its endpoint while that changes, and
 * whoever changes it hands in the list again.
 */
export interface Doubt {
  /** For people, a part of a sentence: `kept from the last good list`; undefined: there is no doubt now. Otherwise it is asked before each connection. */
  readonly why: string | undefined;
  /** It is in no list that holds now: it stands outside the counts of panic and caps. */
  readonly kept: boolean;
  /** Calls back once, never from within this call: with nothing when a connection may be made, else with why not. Returned: gives up. */
  ask(done: (refusal?: string) => void): () => void;
  /** A connection to it could not be made. */
  failed(why: string): void;
}

/** `10.1.2.3:8080`, `[fd00::1]:8080`: how an endpoint is named to people. */
export const address = ({ host, port }: { host: string; port: number }): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** The same of one that never changes, made once: whoever looks at thousands of them each time a list comes asks for it again and again. */
export const addressOf = remembered(address);

/** Who it is, for maps of pools and circuits: the same id at another address is another endpoint. */
export const identity = remembered((endpoint: Endpoint): string => `${endpoint.id} ${address(endpoint)}`);

function remembered<Key extends object>(make: (key: Key) => string): (key: Key) => string {
  const known = new WeakMap<Key, string>();
  return (key) => {
    let text = known.get(key);
    if (text === undefined) known.set(key, (text = make(key)));
    return text;
  };
}
