/**
 * Whether every server of the ensemble knows what ours does: until then whoever reads at one that lags behind may not have heard of our last
 * change. Each is asked one word, `srvr`, to which it answers with the last change that it knows; no session is opened for that. One that
 * does not answer serves nobody just now, or has the word switched off, and is not waited for; where less than half of them answer, nobody knows.
 */
import type { Clock } from '../../system.js';
import type { Spread } from '../tree.js';
import type { Tls } from '../wire/connection.js';
import { Inquiry } from '../wire/inquiry.js';
import type { Address } from '../wire/resolve.js';

const AGAIN_MS = 50;

export async function spreadOf(
  servers: readonly Address[],
  tls: Tls | undefined,
  clock: Clock,
  withinMs: number,
): Promise<Spread> {
  const inquiry = new Inquiry(clock);
  const end = clock.now() + withinMs;
  const stop = clock.after(withinMs, () => inquiry.end());
  const zxidOf = async (server: Address): Promise<bigint | undefined> => {
    const zxid = /^Zxid: 0x([0-9a-f]{1,16})$/m.exec((await inquiry.ask('srvr', server, tls)) ?? '')?.[1];
    return zxid === undefined ? undefined : BigInt(`0x${zxid}`);
  };
  const first = await Promise.all(servers.map(zxidOf));
  const known = first.flatMap((zxid) => zxid ?? []);
  // a majority has it, so the furthest of half of them has it, whether ours is among them or not
  const isKnown = known.length * 2 >= servers.length;
  const wanted = known.reduce((most, zxid) => (zxid > most ? zxid : most), 0n);
  let behind = servers.filter((_, index) => isKnown && first[index] !== undefined && first[index] < wanted);
  while (behind.length > 0 && clock.now() < end) {
    await clock.sleep(Math.min(AGAIN_MS, end - clock.now()));
    const now = await Promise.all(behind.map(zxidOf));
    behind = behind.filter((_, index) => now[index] === undefined || now[index] < wanted);
  }
  stop();
  return { servers: isKnown ? known.length : 0, behind: behind.map(({ label }) => label) };
}
