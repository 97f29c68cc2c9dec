/** Bounds that both lanes keep, and nobody can set. */

/** The most that is kept of the body of one request, for another attempt. */
export const replayBytes = 64 * 1024;

/** No endpoint needs more heads of `1xx` than these for one answer. */
export const mostInformational = 16;
