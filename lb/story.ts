/** What is told of a call and of its attempts: counted always, told as facts where somebody asked for it. The same for both lanes. */
import { address, type Endpoint } from './endpoint.js';
import { failures } from './errors.js';
import type { Became, EndedCall } from './last-calls.js';
import { requestIdOf } from './headers.js';
import type { CallParts } from './lane.js';
import type { Tries } from './tries.js';
import type { Upstream } from './upstream.js';

/** Remembers it, and tells it where each is told. */
export function tellCall(
  call: EndedCall,
  { count: attempts, asked, sends }: Pick<Tries, 'count' | 'asked' | 'sends'>,
  became: Became,
  { emit, accessLog, lastCalls }: Pick<CallParts, 'emit' | 'accessLog' | 'lastCalls'>,
): void {
  const endpoint = asked && address(asked);
  lastCalls.add(call, { attempts, endpoint, sends }, became);
  if (!accessLog) return;
  const { upstream, method, target, requestId, ms } = call;
  const status = typeof became === 'number' ? became : failures[became].status || 502;
  const told = { kind: 'call_ended', upstream: upstream.name, method, target, requestId, ms, attempts, status } as const;
  if (typeof became === 'number') emit(endpoint === undefined ? told : { ...told, endpoint });
  else emit({ ...told, code: became, ...(endpoint !== undefined && { endpoint }) });
}

export function tellAttempt(
  upstream: Upstream,
  endpoint: Endpoint,
  became: Became,
  ms: number,
  { emit }: Pick<CallParts, 'emit'>,
): void {
  emit({ kind: 'attempt_ended', upstream: upstream.name, endpoint: address(endpoint), result: String(became), ms });
}

/**
 * A call that was for no upstream: no name, an unknown one, nothing that could be read, or one that we have answered ourselves. Counted
 * always, told where it was asked for.
 */
export function tellStray(
  became: Became,
  { strays, emit, accessLog }: Pick<CallParts, 'strays' | 'emit' | 'accessLog'>,
  { method, target, raw }: { readonly method: string; readonly target: string; readonly raw: readonly string[] } = unreadable,
  ms = 0,
): void {
  strays.ended(became, ms);
  if (!accessLog) return;
  const requestId = requestIdOf(raw) ?? '';
  const result = typeof became === 'number' ? { status: became } : { status: failures[became].status, code: became };
  emit({ kind: 'call_ended', upstream: 'unknown', method, target, requestId, ...result, attempts: 0, ms });
}

const unreadable = { method: '-', target: '-', raw: [] };
