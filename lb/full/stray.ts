/** A call that was for no upstream: no name, an unknown one, or nothing that could be read. Counted always, told where it was asked for. */
import { failures, type FailureCode } from '../errors.js';
import { requestIdOf } from '../headers.js';
import type { Asked } from './exchange.js';
import type { CallParts } from './plan.js';

export function strayEnded(
  code: FailureCode,
  { strays, emit, accessLog }: Pick<CallParts, 'strays' | 'emit' | 'accessLog'>,
  { method, target, raw }: Pick<Asked, 'method' | 'target' | 'raw'> = unreadable,
  ms = 0,
): void {
  strays.ended(code, ms);
  if (!accessLog) return;
  const requestId = requestIdOf(raw) ?? '';
  emit({
    kind: 'call_ended',
    upstream: 'unknown',
    method,
    target,
    requestId,
    status: failures[code].status,
    code,
    attempts: 0,
    ms,
  });
}

const unreadable = { method: '-', target: '-', raw: [] };
