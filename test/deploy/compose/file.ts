/** compose.yaml as Compose reads it: anchors and merges resolved, and the short forms that we use made long. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly network_mode?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly restart?: boolean }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
}

export const composeFile = 'deploy/compose/compose.yaml';
export const compose = parse(readFileSync(composeFile, 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
};

/** Services of one image, by name. */
export const ofImage = (image: string): [string, Service][] =>
  Object.entries(compose.services).filter(([, service]) => service.image.split(':')[0] === image);

export const environmentOf = ({ environment = {} }: Service): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, String(value)]));

/** The app whose network a companion shares. */
export const appOf = ({ network_mode }: Service): string | undefined => /^service:(.+)$/.exec(network_mode ?? '')?.[1];
