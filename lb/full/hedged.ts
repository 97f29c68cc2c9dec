/**
 * An attempt that may get a second one beside it, when it is slow: the first answer wins, and the other attempt is given up. Where
 * that was the first one, its endpoint has been outpaced (outcome.ts). An attempt that fails leaves the call to the other.
 *
 *     first  ─────────────────────────────✗ given up
 *               after ─▶ second ─────▶ answer
 */
import { CallError } from '../errors.js';
import type { Lease } from '../lease.js';
import type { Clock } from '../ports.js';
import type { Tries } from '../tries.js';
import type { Upstream } from '../upstream.js';
import type { Answer, Failed } from './answer.js';
import type { Stop } from './stop.js';

/** An attempt up to its head or its failure: the evidence was given, and a lease that failed given back. */
export interface Ended {
  readonly lease: Lease;
  readonly result: Answer | Failed;
  /** When that was. */
  readonly at: number;
}
/** Why an attempt was given up: an endpoint that was asked later has answered, and well. */
export const outpaced = new CallError('client_gone', 'another endpoint, which was asked later, has answered');
const notNeeded = new CallError('client_gone', 'another endpoint has answered');
export type AskOne = (lease: Lease, stop: Stop) => Promise<Ended>;

export interface HedgeTerms {
  readonly after: number;
  readonly upstream: Upstream;
  readonly tries: Tries;
  readonly clock: Clock;
  readonly stop: Stop;
}

/** What has ended, the one that decides last: an answer if there is one. */
export async function hedged(
  lease: Lease,
  ask: AskOne,
  { after, upstream, tries, clock, stop }: HedgeTerms,
): Promise<readonly Ended[]> {
  const first = cancellable(lease, ask, stop);
  const pause = new AbortController();
  const slow = clock.sleep(after, AbortSignal.any([stop.signal, pause.signal])).then(
    () => true,
    () => false,
  );
  const early = await Promise.race([first.ended, slow.then((due) => (due ? undefined : first.ended))]);
  pause.abort();
  if (early !== undefined) return [early];
  const another = upstream.size > 1 && upstream.hedge.maySend(clock.now()) ? upstream.acquire(tries.beside) : 'tried_all';
  if (typeof another === 'string') return [await first.ended];
  upstream.stats.hedges++;
  const second = cancellable(another, ask, stop);

  const one = await Promise.race([first.ended, second.ended]);
  const other = one.lease === lease ? second : first;
  if (one.result.kind === 'failed') return [one, await other.ended];
  if (other === first) upstream.stats.hedgesWon++;
  other.giveUp(other === first && one.result.status < 400 ? outpaced : notNeeded);
  return [one];
}

function cancellable(
  lease: Lease,
  ask: AskOne,
  stop: Stop,
): { readonly ended: Promise<Ended>; readonly giveUp: (why: CallError) => void } {
  const own = stop.within();
  const ended = ask(lease, own);
  const giveUp = (why: CallError): void => {
    own.now(why);
    void ended.then(({ result }) => {
      if (result.kind === 'failed') return;
      result.body.destroy(); // it had answered as well
      lease.release();
    });
  };
  return { ended, giveUp };
}
