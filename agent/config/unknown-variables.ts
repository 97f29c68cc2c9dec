/**
 * Variables that look like ours and are none. Most are typing errors, and a setting that is silently not set is the worst of errors:
 * they are refused. Kubernetes, though, puts variables for every Service into every pod, and those of one whose name begins with
 * `zidecar` are passed over with a warning.
 */
import { nearest } from './nearest.js';

const fromKubernetes = /SERVICE_HOST$|SERVICE_PORT(_[A-Z0-9_]+)?$|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;
/** The value that Kubernetes gives to `…_PORT`. A person who writes ZIDECAR_PORT=8080 means something else. */
const SERVICE_URL = /^(tcp|udp|sctp):\/\//;

/** A value that Kubernetes made and no person wrote, in a variable that has the name of a setting. */
export const isServiceLink = (name: string, value: string): boolean => name.endsWith('PORT') && SERVICE_URL.test(value);

export function unknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): { readonly problems: readonly string[]; readonly warnings: readonly string[] } {
  const unknown = Object.keys(env)
    .filter((name) => name.startsWith('ZIDECAR_') && !known.includes(name))
    .sort();
  const links = unknown.filter((name) => fromKubernetes.test(name) || isServiceLink(name, env[name] ?? ''));
  const some = links.slice(0, 5).join(', ') + (links.length > 5 ? ` and ${links.length - 5} more` : '');
  return {
    problems: unknown
      .filter((name) => !links.includes(name))
      .map((name) => `${name} is not a setting; the nearest is ${nearest(name, known)}`),
    warnings:
      links.length === 0
        ? []
        : [
            `ignored, as Kubernetes makes such variables for Services: ${some} (the nearest setting to the first is ${nearest(links[0]!, known)})`,
          ],
  };
}
