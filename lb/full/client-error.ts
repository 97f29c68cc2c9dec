/** What node says when it gives a connection of the app up, in our words. */
import { badRequest, type Refused } from '../refusal.js';

/**
 * `gone`: there is nobody to tell. `nothing`: it is no trouble; what runs on the connection goes on.
 * `last`: what runs goes on, and nothing comes after it. `unused`: nothing ever came over it. `busy`: an exchange runs on it.
 */
export function clientError(
  error: Error,
  { unused, busy }: { readonly unused: boolean; readonly busy: boolean },
): Refused | 'gone' | 'nothing' | 'last' {
  const {
    code = '',
    rawPacket,
    reason,
  } = error as NodeJS.ErrnoException & { readonly rawPacket?: Buffer; readonly reason?: string };
  if (isLate(error)) {
    if (busy) return 'nothing'; // the next head is held up by us
    return unused
      ? 'gone'
      : { code: 'header_timeout', message: 'the head of the request did not come in time (ZIDECAR_HEADER_TIMEOUT)' };
  }
  if (code === 'HPE_HEADER_OVERFLOW')
    return { code: 'head_too_large', message: 'the head of the request is too large (ZIDECAR_MAX_HEAD)' };
  // bytes after a request that was to be the last: as it said, or one of its trailers
  if (code === 'HPE_CLOSED_CONNECTION') return busy ? 'last' : 'gone';
  if (code === 'HPE_INVALID_EOF_STATE' || !code.startsWith('HPE_')) return 'gone';
  if (rawPacket?.[0] === 0x16) return badRequest('this port speaks plain HTTP, and was spoken to in TLS: call it by http://');
  if (code === 'HPE_PAUSED_H2_UPGRADE') return badRequest('HTTP/2 is not spoken here: HTTP/1.1 is');
  return badRequest(`this is not HTTP/1.1: ${reason ?? code}`);
}

/** The head has not come in time. */
export const isLate = (error: Error): boolean => (error as NodeJS.ErrnoException).code === 'ERR_HTTP_REQUEST_TIMEOUT';
