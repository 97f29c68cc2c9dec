/**
 * Apache Curator's x-discovery, the default: `<path>/<id>`, ephemeral. The payload is null when there is nothing to say, so that every
 * reader takes it, else a map of strings, which every reader of maps takes. A drained instance says `enabled: false`, which Curator
 * before 4.0 refuses: beside such readers an instance is better withdrawn than marked, and that is what draining does.
 */
import { MAP_CLASS } from './classes.js';
import { type EnvelopeDialect, readEnvelope, saidOf, writeEnvelope } from './envelope.js';

export const curator: EnvelopeDialect = {
  name: 'curator',
  defaultPath: '/services/{service}',
  drainWaitMs: 5_000,
  change: 'in_place',
  parents: 'container',
  drain: 'withdraw',
  readsData: true,
  weights: { accepts: 'a number from 0', fits: (weight) => weight >= 0 },
  place(instance) {
    const said = saidOf(instance);
    const payload = Object.keys(said).length === 0 ? null : { '@class': MAP_CLASS, ...said };
    return {
      name: instance.id,
      data: writeEnvelope(instance, payload, instance.up ? {} : { enabled: false }),
      mode: 'ephemeral',
    };
  },
  read: readEnvelope,
};
