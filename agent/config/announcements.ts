/**
 * What is announced: the rows under `announce` in the YAML file, or the one row that the variables make. A row is one service of the app;
 * it becomes one announcement for each dialect. What a row leaves out holds as for the process.
 */
import { advertise, appHost, type Advertised } from './addresses.js';
import { Fields } from './fields.js';
import { decimal, instanceId, integer, serviceName } from './parse.js';
import { probesOf, type ProbeText } from './probes.js';
import { schema, type Settings } from './schema.js';
import { sources, type SourceText } from './sources.js';
import { dialects as dialectOf } from '../registry/dialects/dialects.js';
import type { Source } from '../registry/registry.js';

export interface Announcement {
  readonly service: string;
  readonly appHost: string;
  readonly appPort: number;
  /** All must pass. Every URL is complete. Announcements of one row have the same array, and one prober for it. */
  readonly probes: readonly ProbeText[];
  readonly dialect: string;
  /** The parent of the instances, with the service's name in it. */
  readonly path: string;
  readonly weight: number;
  readonly zone?: string;
  readonly meta: Readonly<Record<string, string>>;
  /** Ports beside the main one, by name; serversets have room for them. */
  readonly endpoints?: Readonly<Record<string, number>>;
  /** The instance stands in the node's name too; SmartStack has readers for that. */
  readonly inName?: boolean;
  /** Absent: made from service and advertised address, once that is known. */
  readonly instanceId?: string;
  /** Absent: the address that routes to ZooKeeper. */
  readonly advertise?: Advertised;
}

/** Completes a source that may have left its path to the registry path. */
export type Place = (service: string, source: SourceText) => Source;

const FIELDS = [
  ...(['service', 'port', 'host', 'advertise', 'instanceId', 'weight', 'zone', 'meta', 'probe', 'dialects'] as const),
  ...(['additionalEndpoints', 'pathEncoding'] as const),
];
/** By their names elsewhere. */
const meant: Readonly<Record<string, string>> = { name: 'service', appPort: 'port', appHost: 'host' };
const MOST = 64;

export interface Row {
  readonly service: string;
  readonly port: number;
  readonly host?: string | undefined;
  readonly advertise?: Advertised | undefined;
  readonly instanceId?: string | undefined;
  readonly weight?: number | undefined;
  readonly zone?: string | undefined;
  readonly meta?: Settings['meta'];
  readonly probe?: readonly ProbeText[] | undefined;
  readonly additionalEndpoints?: Settings['additionalEndpoints'];
  readonly pathEncoding?: boolean | undefined;
  readonly dialects?: readonly SourceText[] | undefined;
}

/** The rows of the file, or the one that the variables make. What is wrong is added to `problems`, and a row that lacks what it needs is left out. */
export function readRows(
  file: { readonly path: string; readonly announce?: unknown } | undefined,
  base: Settings,
  problems: string[],
): readonly Row[] {
  const { service, appPort: port } = base;
  if (file?.announce === undefined) return service === undefined || port === undefined ? [] : [{ service, port }];
  const at = `${file.path}: announce`;
  if (service !== undefined) problems.push(`${at} and ZIDECAR_SERVICE="${service}" both tell what to announce; use one of them`);
  if (!Array.isArray(file.announce) || file.announce.length > MOST) {
    problems.push(`${at} is not a list of at most ${MOST} maps, such as [{service: orders, port: 8080}]`);
    return [];
  }
  return file.announce.flatMap((row: unknown, index) => {
    if (row instanceof Map) return readRow(new Fields(`${at}[${index}]`, row, problems), base, problems);
    problems.push(`${at}[${index}] is not a map, such as {service: orders, port: 8080}`);
    return [];
  });
}

function readRow(fields: Fields, base: Settings, problems: string[]): Row[] {
  const before = problems.length;
  fields.only(FIELDS, (key) => (Object.hasOwn(meant, key) ? `unknown; here it is called ${meant[key]!}` : undefined));
  const service = fields.take('service', serviceName);
  const port = fields.take('port', integer(1, 65535)) ?? base.appPort;
  const row = {
    host: fields.take('host', appHost),
    advertise: fields.take('advertise', advertise),
    instanceId: fields.take('instanceId', instanceId),
    weight: fields.take('weight', decimal(0, 1_000_000)),
    zone: fields.take('zone', schema.zone.grammar),
    meta: fields.take('meta', schema.meta.grammar),
    probe: fields.take('probe', schema.probe.grammar),
    dialects: fields.take('dialects', sources),
    additionalEndpoints: fields.take('additionalEndpoints', schema.additionalEndpoints.grammar),
    pathEncoding: fields.take('pathEncoding', schema.pathEncoding.grammar),
  };
  if (service !== undefined && port !== undefined) return [{ service, port, ...row }];
  if (problems.length === before) problems.push(`${fields.where} needs ${service === undefined ? 'a service' : 'a port'}`);
  return [];
}

/** The announcements of all rows, and what is wrong with them together. */
export function announcementsOf(
  rows: readonly Row[],
  base: Settings,
  place: Place,
): { readonly announcements: readonly Announcement[]; readonly problems: readonly string[] } {
  const announcements = rows.flatMap((row) => {
    const appHost = row.host ?? base.appHost;
    const probes = probesOf(row.probe ?? base.probe, appHost, row.port);
    const zone = row.zone ?? base.zone;
    const id = row.instanceId ?? base.instanceId;
    const told = row.advertise ?? base.advertise;
    const endpoints = row.additionalEndpoints ?? base.additionalEndpoints;
    const inName = row.pathEncoding ?? base.pathEncoding;
    return (row.dialects ?? [{ dialect: base.dialect }]).map((source): Announcement => ({
      service: row.service,
      appHost,
      appPort: row.port,
      probes,
      ...place(row.service, source),
      weight: row.weight ?? base.weight,
      ...(zone !== undefined && { zone }),
      meta: row.meta ?? base.meta ?? {},
      ...(source.dialect === 'serverset' && endpoints !== undefined && { endpoints }),
      ...(source.dialect === 'smartstack' && inName && { inName }),
      ...(id !== undefined && { instanceId: id }),
      ...(told !== undefined && { advertise: told }),
    }));
  });
  return { announcements, problems: [...together(announcements), ...onePortForMany(rows, base), ...withoutRoom(rows, base)] };
}

function together(announcements: readonly Announcement[]): string[] {
  const problems: string[] = [];
  const nodes = new Set<string>();
  for (const { service, dialect, path, weight, appPort, instanceId: id, advertise: told } of announcements) {
    const node = `${path}/${id ?? `the id of ${told?.host ?? ''}:${told?.port ?? appPort}`}`;
    if (nodes.has(node)) {
      problems.push(
        `announce: two announcements of ${service} would be one node in ${path}; give one an instanceId or a path of its own`,
      );
    }
    nodes.add(node);
    const { weights } = dialectOf.get(dialect)!;
    if (!weights.fits(weight)) {
      problems.push(`the weight ${weight} of ${service} is not for the dialect ${dialect}; accepted: ${weights.accepts}`);
    }
  }
  return problems;
}

/** What is set for one dialect, while nothing is announced in it. */
function withoutRoom(rows: readonly Row[], base: Settings): string[] {
  const isIn = (row: Row, dialect: string): boolean => (row.dialects ?? [base]).some((source) => source.dialect === dialect);
  const lacks = (dialect: string, isSet: (from: Row | Settings) => boolean): boolean =>
    rows.some((row) => isSet(row) && !isIn(row, dialect)) || (isSet(base) && !rows.some((row) => isIn(row, dialect)));
  return [
    ...(lacks('serverset', (from) => from.additionalEndpoints !== undefined)
      ? ['ZIDECAR_ADDITIONAL_ENDPOINTS is for the dialect serverset, in which nothing is announced here']
      : []),
    ...(lacks('smartstack', (from) => from.pathEncoding === true)
      ? ['ZIDECAR_PATH_ENCODING is for the dialect smartstack, in which nothing is announced here']
      : []),
  ];
}

function onePortForMany(rows: readonly Row[], { advertise: told }: Settings): string[] {
  const ports = new Set(rows.filter((row) => row.advertise === undefined).map(({ port }) => port));
  if (told?.port === undefined || ports.size < 2) return [];
  return [`ZIDECAR_ADVERTISE names the port ${told.port} for services on ${ports.size} ports; name the host alone`];
}
