import type { Clock } from './ports.js';
import type { Upstream } from './upstream.js';

/** Every 500 ms: connects to endpoints with open circuits, and lets the trial begin where a connect succeeds. */
export class Sweeper {
  constructor(parts: { readonly clock: Clock; readonly upstreams: () => Iterable<Upstream> }) {
    void parts;
  }

  start(): void {
    throw new Error('not yet');
  }

  stop(): void {
    throw new Error('not yet');
  }
}
