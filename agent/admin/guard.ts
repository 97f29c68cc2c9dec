/**
 * Who may call the admin. It listens on the loopback, where any page in a browser of the same machine can send requests to, so:
 *
 * - the Host must be a name or an address of the loopback, or our own. A page of evil.example whose name was made to resolve to
 *   127.0.0.1 (DNS rebinding) still says Host: evil.example, and may not even look.
 * - a change that comes with an Origin must come from a page of ours. Browsers always send one with a POST, programs never do.
 *
 * A Unix socket has neither names nor browsers: whoever may open the file may ask.
 */
import { isLoopback } from '../loopback.js';

export interface Caller {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly changes: boolean;
  /** The address at which the connection was accepted; undefined for a Unix socket. */
  readonly localAddress: string | undefined;
}

/** The sentence that turns the caller away, or undefined. `own`: the hosts of our listeners, as configured. */
export function turnedAway(caller: Caller, own: readonly string[]): string | undefined {
  const host = caller.localAddress === undefined ? undefined : hostOf(caller.host ?? '');
  if (host !== undefined && !isLoopback(host) && ![...own, plain(caller.localAddress!)].includes(host))
    return `this listener is called by a loopback name or address, or its own, not by Host: ${caller.host ?? '(none)'}`;
  if (
    caller.changes &&
    caller.origin !== undefined &&
    caller.origin.toLowerCase() !== `http://${(caller.host ?? '').toLowerCase()}`
  )
    return `a page of ${caller.origin} may not change anything here`;
  return undefined;
}

/** `LOCALHOST:6190` is `localhost`, `[::1]:6190` is `::1`. What has another shape comes out as something that matches nothing. */
const hostOf = (field: string): string => {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::\d{1,5})?$/.exec(field);
  return plain((match?.[1] ?? match?.[2] ?? '').toLowerCase().replace(/\.$/, ''));
};

/** An IPv4 caller of a listener for both families has an address of this form. */
const plain = (host: string): string => host.replace(/^::ffff:(?=[\d.]+$)/, '');
