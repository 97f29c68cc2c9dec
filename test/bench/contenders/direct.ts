/** No proxy at all: what the load generator and the backend take by themselves, which is taken off every latency. */
import type { Contender } from './contender.js';

export const DIRECT = 'direct';

export const direct: Contender = {
  id: DIRECT,
  title: 'no proxy',
  version: () => 'no proxy',
  start: ({ services }) =>
    Promise.resolve({ port: Number(services[0]!.endpoints[0]!.split(':')[1]), stop: () => Promise.resolve() }),
};
