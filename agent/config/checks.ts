/**
 * What settings mean to each other, once each is right by itself: conflicts that no sidecar can live with, and doubts that a person
 * should hear of.
 */
import type { Announcement } from './announcements.js';
import { clashes, show, type Claim } from './clashes.js';
import { isLoopback } from '../loopback.js';
import type { Entry } from './layers.js';
import { refusal, written } from './problems.js';
import { envName, schema, type Settings } from './schema.js';
import { dialects } from '../registry/dialects/dialects.js';
import { SERVICE } from './sources.js';
import type { UpstreamRows, Upstreams } from './upstreams.js';

interface Whole {
  readonly values: Settings;
  readonly announcements: readonly Announcement[];
  readonly upstreams: Upstreams;
}

/** `unplaced`: some service is looked for where the registry path says. */
export function conflicts({ values, unplaced, announcements, upstreams }: Whole & { readonly unplaced: boolean }): string[] {
  const { registryPath: path } = values;
  const oneFolder =
    unplaced && path?.includes(SERVICE) === false
      ? [
          refusal(
            written(envName('registryPath'), path),
            `lacks ${SERVICE}, so that all services would share a folder`,
            schema.registryPath.grammar,
          ),
        ]
      : [];
  const own = (['outbound', 'admin', 'health'] as const).flatMap((key) =>
    values[key].map((listener): Claim => ({ what: envName(key), listener })),
  );
  const ports = upstreams.named.flatMap(({ name, listen }) =>
    listen.map((listener): Claim => ({ what: `upstream ${name}`, listener })),
  );
  const apps = new Map(
    announcements
      .filter(({ appHost }) => isLoopback(appHost))
      .map(({ appHost: host, appPort: port }): [string, Claim] => [
        `${host} ${port}`,
        { what: 'the app', listener: { kind: 'tcp', host, port } },
      ]),
  );
  return [...oneFolder, ...clashes([...own, ...ports, ...apps.values()])];
}

export function doubts({
  values,
  entries,
  announcements,
  upstreams,
  peers,
}: Whole & { readonly entries: ReadonlyMap<string, Entry>; readonly peers: UpstreamRows | undefined }): string[] {
  const { service, appPort, admin, outbound } = values;
  const told: string[] = [];
  if (service === undefined && appPort !== undefined && announcements.length === 0) {
    told.push('ZIDECAR_APP_PORT is set and ZIDECAR_SERVICE is not: nothing is announced');
  }
  if (announcements.length === 0 && outbound.length === 0 && upstreams.named.every(({ listen }) => listen.length === 0)) {
    told.push('nothing is announced and ZIDECAR_OUTBOUND is off: this sidecar has nothing to do');
  }
  const open = admin.find((listener) => listener.kind === 'tcp' && !isLoopback(listener.host));
  if (open !== undefined) told.push(`ZIDECAR_ADMIN listens on ${show(open)}: whoever reaches it can drain and stop this sidecar`);
  const guessed = entries.get('advertise')?.origin.from === 'derived' ? values.advertise : undefined;
  if (guessed !== undefined && isLoopback(guessed.host) && announcements.some(({ advertise }) => advertise === guessed)) {
    told.push(`peers are told ${guessed.host}, as the registry is on this machine; set ZIDECAR_ADVERTISE if peers are elsewhere`);
  }
  for (const { service, dialect, meta } of announcements) {
    const untold = dialects.get(dialect)?.untold?.(meta);
    if (untold !== undefined)
      told.push(`META of ${service}: ${untold.keys.join(', ')} are not told in ${dialect}, which ${untold.why}`);
  }
  const missed = upstreams.closed
    ? [...(peers?.rows.keys() ?? [])].filter((name) => !upstreams.named.some((one) => one.name === name))
    : [];
  if (missed.length > 0) told.push(`the file has settings for ${missed.join(', ')}, which ZIDECAR_UPSTREAMS does not name`);
  return told;
}
