/** The flags of `zidecar webhook` that are about the webhook itself, one row each. */
import { listeners } from './addresses.js';
import { freeText, word, type Grammar } from './parse.js';

interface Row {
  readonly grammar: Grammar<unknown>;
  /** Read where nobody has said it; '' is none. */
  readonly fallback: string;
  readonly unset: string;
  readonly about: string;
}

const row = <G extends Grammar<unknown>>(
  grammar: G,
  fallback: string,
  about: string,
  unset = fallback,
): Row & { readonly grammar: G } => ({
  ...{ grammar, fallback, unset, about },
});
const objectName = word('the name of an object: small letters, digits, "." and "-"', /[a-z0-9.-]/, 253);
const folder = freeText('the path of a folder', 4096);

export const webhookRows = {
  listen: row(listeners, '[::]:8443', 'Where API servers ask, over TLS.'),
  monitor: row(listeners, '[::]:6191', 'Where /live, /ready and /metrics are answered.'),
  'cert-dir': row(
    folder,
    '',
    'Folder with tls.crt and tls.key of somebody else, such as cert-manager.',
    'certificates of its own',
  ),
  'tls-secret': row(objectName, 'injector-tls', 'Secret that holds its own certificates.'),
  configuration: row(objectName, 'zidecar-injector', 'MutatingWebhookConfiguration to put its authority into.'),
  'service-name': row(objectName, 'injector', 'Service that API servers call it by.'),
  'service-account': row(folder, '/var/run/secrets/kubernetes.io/serviceaccount', 'Folder with its token, ca.crt and namespace.'),
} as const satisfies Record<string, Row>;
