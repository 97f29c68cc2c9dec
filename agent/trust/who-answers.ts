/**
 * What `GET /identity` says, and what it proves: whether the sidecar that answers there is that of the endpoint that we mean. Both ends of
 * that question are here, so that they cannot drift apart. Pure; whatever came over the network is checked before it is believed.
 */
import { isIP } from 'node:net';

export const IDENTITY_PATH = '/identity';

/** One row for each service of the app beside us. */
export interface Identity {
  readonly service: string;
  /** Of the instance; its node may be called otherwise where the registry numbers nodes. */
  readonly id: string;
  readonly node: string;
  readonly host: string;
  readonly port: number;
  /** False: drained, or the app is down. */
  readonly announced: boolean;
}

/** Whom we mean. */
export interface Meant {
  /** Names under which its own sidecar may know the service: ours, and those in the path of its source. */
  readonly services: ReadonlySet<string>;
  /** Undefined where it was never told: a seed. */
  readonly id: string | undefined;
  /** As it was registered, and the address that this was resolved to. */
  readonly hosts: ReadonlySet<string>;
  readonly port: number;
}

/** Where a sidecar is asked when nobody has said otherwise. */
export const HEALTH_PORT = 6191;

/** Where the dialect has room for it, a registration says where its sidecar is asked, unless that is the port that everybody assumes. */
export const HEALTH_KEY = 'zidecar-health';

export function healthPortOf(meta: Readonly<Record<string, string>>): number | undefined {
  const port = Object.hasOwn(meta, HEALTH_KEY) && /^\d{1,5}$/.test(meta[HEALTH_KEY]!) ? Number(meta[HEALTH_KEY]) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** What peers have to be told of where we answer: a fixed port that they would not guess, and can reach at the host that they are told. */
export function toldHealthPort(
  listeners: readonly { readonly kind: string; readonly host?: string; readonly port?: number }[],
  advertised: string,
): number | undefined {
  const everywhere = ['::', '0.0.0.0', advertised];
  const found = listeners.find(({ kind, host = '' }) => kind === 'tcp' && everywhere.includes(host));
  return found?.port === 0 || found?.port === HEALTH_PORT ? undefined : found?.port;
}

export type Answer =
  | { readonly kind: 'same' }
  /** Conclusive: the address belongs to another instance, or to nobody who wants calls. */
  | { readonly kind: 'other' | 'withdrawn'; readonly who: string }
  /** A sidecar, or something else that answers there, which does not speak of this address. */
  | { readonly kind: 'unrelated' };

const MOST_ROWS = 64;

export function judge(body: unknown, { services, id, hosts, port }: Meant): Answer {
  const rows = identitiesOf(body).filter((row) => row.port === port && hosts.has(row.host));
  const same = rows.find((row) => services.has(row.service) && (id === undefined || id === row.id || id === row.node));
  if (same) return same.announced ? { kind: 'same' } : { kind: 'withdrawn', who: `${same.service} (${same.id})` };
  const [other] = rows;
  return other ? { kind: 'other', who: `${other.service} (${other.id})` } : { kind: 'unrelated' };
}

/** Rows that make sense; the others are passed over. */
function identitiesOf(body: unknown): readonly Identity[] {
  const rows: unknown = isRecord(body) ? body['services'] : undefined;
  if (!Array.isArray(rows)) return [];
  return rows.slice(0, MOST_ROWS).flatMap((row: unknown) => {
    if (!isRecord(row)) return [];
    const { service, id, node = id, host, port, announced } = row;
    const texts = [service, id, node, host].every((text) => typeof text === 'string' && text.length <= 255);
    if (!texts || !Number.isInteger(port) || typeof announced !== 'boolean') return [];
    return [{ service, id, node, host: plainHost(host as string), port, announced } as Identity];
  });
}

/** IPv6 in any spelling is one address; names have no case. One with a zone (`fe80::1%eth0`) is no host of a URL. */
export const plainHost = (host: string): string =>
  isIP(host) === 6 && !host.includes('%') ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host.toLowerCase();

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
