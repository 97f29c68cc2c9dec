/**
 * How much longer than the drain wait a drain may take: the wait begins when every server of the registry knows of the withdrawal, and
 * for one that lags behind the others so much time is given. What waits beside a drain without seeing it (the app's hook in a pod) has to
 * add it.
 */
export const SPREAD_MS = 1_000;
