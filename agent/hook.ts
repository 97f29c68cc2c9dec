/**
 * `zidecar drain` as a preStop hook of Kubernetes says it: without a flag, beside a sidecar that has its settings from the environment. The app's
 * own hook began at the same moment and sleeps for exactly the drain wait, so what passes until peers hear of the end is taken from them; and
 * where many pods of a node end at once, processor time is what is short. So nothing is loaded here but what asks.
 */
import { ADMIN, listeners } from './config/addresses.js';
import { drain, type Told } from './status.js';
import { clock } from './system.js';
import { paintFor } from './text.js';

/** Undefined: more has to be read than this does, or what is read is wrong; the long way tells. */
export async function hook(env: Readonly<Record<string, string | undefined>>): Promise<Told | undefined> {
  if (env['ZIDECAR_CONFIG']) return undefined;
  const read = listeners.read(env['ZIDECAR_ADMIN'] || ADMIN);
  if ('problem' in read) return undefined;
  return drain({ admin: read.value, json: false, paint: paintFor({}, env), width: undefined, clock }, true);
}
