/**
 * Apache Curator's x-discovery, the default: `<path>/<id>`, ephemeral. The payload is null when there is nothing to say, so that every
 * reader takes it, else a map of strings, which every reader of maps takes. A drained instance says `enabled: false`, which Curator
 * before 4.0 refuses: beside such readers an instance is better withdrawn than marked, and that is what draining does.
 */
import type { Dialect } from './dialect.js';
import { readEnvelope, saidOf, writeEnvelope } from './envelope.js';

export const curator: Dialect = {
  name: 'curator',
  defaultPath: '/services/{service}',
  drainWaitMs: 5_000,
  change: 'in_place',
  readsData: true,
  place(instance) {
    const said = saidOf(instance);
    const payload = Object.keys(said).length === 0 ? null : { '@class': 'java.util.HashMap', ...said };
    return {
      name: instance.id,
      data: writeEnvelope(instance, payload, instance.up ? {} : { enabled: false }),
      mode: 'ephemeral',
    };
  },
  read: readEnvelope,
};
