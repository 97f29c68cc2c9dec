/** What the webhook itself is told, beside the settings of the sidecars that it makes. Checked all at once. */
import { listeners } from '../../agent/config/addresses.js';
import type { Texts } from '../../agent/config/layers.js';
import { readChecked, type Grammar } from '../../agent/config/parse.js';
import { ConfigError, refusal, written } from '../../agent/config/problems.js';
import { webhookRows } from '../../agent/config/webhook.js';
import { defaultsOf } from '../inject/defaults.js';
import { judge, remembering } from '../inject/judge.js';
import { apiServer } from './api-server.js';
import { fromFiles, ofOurOwn, type Certificates } from './certificates.js';
import type { Webhook } from './command.js';

/** Throws a ConfigError. `options` are the rows of the container and our own, by name. */
export function webhookOf(
  asked: { readonly env: Texts; readonly flags: Texts; readonly options: Texts },
  version: string,
  wall: () => number,
): Webhook {
  const problems: string[] = [];
  const read = <T>(name: keyof typeof webhookRows, grammar: Grammar<T>): T | undefined => {
    const text = asked.options[name] ?? webhookRows[name].fallback;
    const value = readChecked(grammar, text);
    if ('value' in value) return value.value;
    problems.push(refusal(written(`--${name}`, text), value.problem, grammar));
    return undefined;
  };
  const [listen, monitor] = [read('listen', listeners), read('monitor', listeners)];
  const [folder, secret, configuration, service, account] = (
    ['cert-dir', 'tls-secret', 'configuration', 'service-name', 'service-account'] as const
  ).map((name) => read(name, webhookRows[name].grammar));
  if (listen?.length === 0) problems.push('--listen="off" leaves nobody to answer');
  let certificates: Certificates | undefined;
  if (folder) certificates = fromFiles(folder);
  else if (problems.length === 0) {
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = asked.env;
    try {
      if (!host) throw new Error('KUBERNETES_SERVICE_HOST is not set');
      const api = apiServer(host, port, account!);
      const names = [`${service!}.${api.namespace}.svc`, `${service!}.${api.namespace}`];
      certificates = ofOurOwn(api, { secret: secret!, configuration: configuration!, names }, wall);
    } catch (error) {
      problems.push(
        `certificates of its own need a cluster, and this is none: ${(error as Error).message}; elsewhere give --cert-dir, a folder with tls.crt and tls.key`,
      );
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    listen: listen!,
    monitor: monitor!,
    options: { ...defaultsOf(asked, version), judge: remembering(judge) },
    certificates: certificates!,
  };
}
