/** Bounds that both lanes keep, and nobody can set. */

/** The most that is kept of the body of one request, for another attempt. */
export const replayBytes = 64 * 1024;

/** An endpoint's `Keep-Alive: timeout` is believed up to this, less a second for its way to us. */
export const longestKeepAliveMs = 55_000;
export const keepAliveMarginMs = 1_000;

/** How long an app may go on with a body after it has the whole answer, unless somebody says otherwise. */
export const uploadLingerMs = 30_000;

/** No endpoint needs more heads of `1xx` than these for one answer. */
export const mostInformational = 16;
