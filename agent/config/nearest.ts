/**
 * What somebody may have meant who wrote a name that nobody knows: the name with the fewest letters to change, where a whole word in
 * common makes up for as many letters as it has. So the nearest to `PORT` is `APP_PORT`, though `ZONE` has fewer letters to change.
 * `probeInterval`, `--probe-interval` and `ZIDECAR_PROBE_INTERVAL` are the same.
 */
import { distance } from 'fastest-levenshtein';

const MAX_LENGTH = 64;

const words = (name: string): string[] =>
  name
    .slice(0, MAX_LENGTH)
    .replace(/^ZIDECAR_|^--/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);

/** The most alike of the known names; the first of equals; '' when there are none. */
export function nearest(name: string, known: readonly string[]): string {
  const asked = words(name);
  let best = '';
  let least = Infinity;
  for (const candidate of known) {
    const offered = words(candidate);
    const shared = asked.filter((word) => offered.includes(word)).join('').length;
    const cost = distance(asked.join('_'), offered.join('_')) - shared;
    if (cost < least) [best, least] = [candidate, cost];
  }
  return best;
}
