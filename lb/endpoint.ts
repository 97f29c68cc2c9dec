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
  readonly protocol?: string;
  readonly meta: Readonly<Record<string, string>>;
}

/** `10.1.2.3:8080`, `[fd00::1]:8080`: how an endpoint is named to people. */
export const address = ({ host, port }: { host: string; port: number }): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Who it is, for maps of pools and circuits: the same id at another address is another endpoint. */
export const identity = (endpoint: Endpoint): string => `${endpoint.id} ${address(endpoint)}`;
