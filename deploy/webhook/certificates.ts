/**
 * The certificates that the webhook serves with, and who believes them. Either files that somebody else renews (cert-manager), read again
 * when they change; or our own, which all replicas share in one Secret: whoever finds none, or one with less than a third of its time left,
 * makes another; the one that writes first wins, the others read again. API servers are told of the new authority, beside the old ones that
 * still hold, before the new certificate is used, so no question is lost in between. Nothing is written over what another has written since
 * it was read.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { isMap, mapAt, mapsAt, nameOf, textAt, type Json } from '../inject/json.js';
import type { ApiServer } from './api-server.js';
import { certify } from './x509.js';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** The pair to serve with now. Rejects where there is none yet; is asked again and again. */
export type Certificates = () => Promise<Pair>;

const DAYS = 90;
const MOST_AUTHORITIES = 3;
const MOST_TRIES = 5;

export const expiry = ({ cert }: Pair): number => Date.parse(new X509Certificate(cert).validTo);

/** `tls.crt` and `tls.key` in a folder. A pair that cannot be served with (half written, of two renewals) is not taken. */
export const fromFiles =
  (folder: string): Certificates =>
  async () => {
    const pair = { cert: readFileSync(join(folder, 'tls.crt'), 'utf8'), key: readFileSync(join(folder, 'tls.key'), 'utf8') };
    if (!fits(pair)) throw new Error(`tls.crt and tls.key in ${folder} do not belong together, or are cut off`);
    return pair;
  };

export interface Own {
  readonly secret: string;
  /** Of the MutatingWebhookConfiguration. */
  readonly configuration: string;
  /** The names that API servers call, `<service>.<namespace>.svc` first. */
  readonly names: readonly string[];
}

export const ofOurOwn =
  (api: ApiServer, { secret, configuration, names }: Own, wall: () => number): Certificates =>
  async () => {
    const folder = `/api/v1/namespaces/${api.namespace}/secrets`;
    for (let round = 1; round <= MOST_TRIES; round++) {
      // before the Secret: what another replica tells after this moment, of a Secret that we have not seen, is another version of it
      const believed = await readConfiguration(api, configuration);
      const found = await api.call('GET', `${folder}/${secret}`);
      const kept = found.status === 200 ? readSecret(found.body) : undefined;
      if (found.status !== 200 && found.status !== 404) throw refused(`the Secret ${secret} cannot be read`, found);
      if (kept && good(kept, names, wall())) {
        if (await tell(api, configuration, believed, kept.ca)) return kept;
        continue;
      }
      const made = certify(names, wall(), DAYS);
      const ca = [made.ca, ...authorities(kept?.ca ?? '', wall())].slice(0, MOST_AUTHORITIES).join('');
      const data = Object.entries({ 'tls.crt': made.cert, 'tls.key': made.key, 'ca.crt': ca }).map(([key, text]) => [
        key,
        base64(text),
      ]);
      const metadata = found.status === 200 ? { ...mapAt(found.body, 'metadata'), managedFields: [] } : { name: secret };
      const object = {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/tls',
        metadata,
        data: Object.fromEntries(data) as Json,
      };
      const path = found.status === 200 ? `${folder}/${secret}` : folder;
      const written = await api.call(found.status === 200 ? 'PUT' : 'POST', path, object);
      // 409: another replica was first; its certificate is as good
      if (![200, 201, 409].includes(written.status)) throw refused(`the Secret ${secret} cannot be written`, written);
    }
    throw new Error(
      `the Secret ${secret} and the MutatingWebhookConfiguration ${configuration} are written by others again and again`,
    );
  };

interface Kept extends Pair {
  readonly ca: string;
}

function readSecret(body: Json): Kept | undefined {
  const [cert, key, ca] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) => textAt(body, 'data', name));
  if (!cert || !key || !ca) return undefined;
  const text = (one: string): string => Buffer.from(one, 'base64').toString('utf8');
  return { cert: text(cert), key: text(key), ca: text(ca) };
}

/** For these names, signed by one of its authorities, with more than a third of its time to go. */
function good(kept: Kept, names: readonly string[], now: number): boolean {
  try {
    const cert = new X509Certificate(kept.cert);
    const [from, to] = [Date.parse(cert.validFrom), Date.parse(cert.validTo)];
    const signed = authorities(kept.ca, now).some((ca) => cert.verify(new X509Certificate(ca).publicKey));
    return fits(kept) && signed && names.every((name) => cert.checkHost(name)) && from <= now && now < to - (to - from) / 3;
  } catch {
    return false;
  }
}

/** A server can be had with it: a chain that is cut off, or a key too weak for TLS, would throw where it is set. */
function fits({ cert, key }: Pair): boolean {
  try {
    createSecureContext({ cert, key });
    return true;
  } catch {
    return false;
  }
}

/** Those in a bundle that still hold. */
const authorities = (bundle: string, now: number): readonly string[] =>
  (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? []).filter((one) => {
    try {
      return Date.parse(new X509Certificate(one).validTo) > now;
    } catch {
      return false;
    }
  });

const pathOf = (configuration: string): string =>
  `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${configuration}`;

async function readConfiguration(api: ApiServer, configuration: string): Promise<Json> {
  const found = await api.call('GET', pathOf(configuration));
  if (found.status !== 200) throw refused(`the MutatingWebhookConfiguration ${configuration} cannot be read`, found);
  return found.body;
}

/**
 * API servers believe the authorities in the configuration; each of its webhooks has a copy. False: somebody has changed it since it was
 * read, and nothing was told.
 */
async function tell(api: ApiServer, configuration: string, believed: Json, ca: string): Promise<boolean> {
  const bundle = base64(ca);
  const stale = mapsAt(believed, 'webhooks').filter((webhook) => textAt(webhook, 'clientConfig', 'caBundle') !== bundle);
  if (stale.length === 0) return true;
  const metadata = { resourceVersion: textAt(believed, 'metadata', 'resourceVersion') };
  const webhooks = stale.map((webhook) => ({ name: nameOf(webhook), clientConfig: { caBundle: bundle } }));
  const written = await api.call('PATCH', pathOf(configuration), { metadata, webhooks });
  if (![200, 409].includes(written.status))
    throw refused(`the MutatingWebhookConfiguration ${configuration} cannot be changed`, written);
  return written.status === 200;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const refused = (what: string, { status, body }: { readonly status: number; readonly body: Json }): Error =>
  new Error(`${what}: ${status} ${isMap(body) ? (textAt(body, 'message') ?? '') : ''}`.trim());
