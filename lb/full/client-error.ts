/** What node says when it gives a connection of the app up, in our words. */
import type { Refused } from '../refusal.js';

/** `quiet`: there is nobody to tell, or nothing to be told. */
export function clientError(error: Error, idle: boolean): Refused | 'quiet' {
  const {
    code = '',
    rawPacket,
    reason,
  } = error as NodeJS.ErrnoException & { readonly rawPacket?: Buffer; readonly reason?: string };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return idle
      ? 'quiet'
      : { code: 'header_timeout', message: 'the head of the request did not come in time (ZIDECAR_HEADER_TIMEOUT)' };
  if (code === 'HPE_HEADER_OVERFLOW')
    return { code: 'head_too_large', message: 'the head of the request is too large (ZIDECAR_MAX_HEAD)' };
  // the app said itself that it would send no more
  if (code === 'HPE_CLOSED_CONNECTION' || code === 'HPE_INVALID_EOF_STATE' || !code.startsWith('HPE_')) return 'quiet';
  if (rawPacket?.[0] === 0x16) return bad('this port speaks plain HTTP, and was spoken to in TLS: call it by http://');
  if (code === 'HPE_PAUSED_H2_UPGRADE') return bad('HTTP/2 is not spoken here: HTTP/1.1 is');
  return bad(`this is not HTTP/1.1: ${reason ?? code}`);
}

const bad = (message: string): Refused => ({ code: 'bad_request', message });
