/**
 * Spring Cloud ZooKeeper: Curator's envelope with a payload of Spring's class, whose metadata carries status, weight and zone. A dialect
 * of its own because a plain Curator reader without that class throws on it. Its load balancer keeps a list for 35 s, hence the wait.
 */
import { SPRING_CLASS } from './classes.js';
import { type EnvelopeDialect, readEnvelope, saidOf, writeEnvelope } from './envelope.js';

export const spring: EnvelopeDialect = {
  name: 'spring',
  defaultPath: '/services/{service}',
  drainWaitMs: 40_000,
  change: 'in_place',
  parents: 'container',
  drain: 'mark',
  readsData: true,
  weights: { accepts: 'a whole number from 1', fits: (weight) => Number.isInteger(weight) && weight >= 1 },
  place(instance) {
    const { id, service: name, up } = instance;
    const metadata = { instance_status: up ? 'UP' : 'OUT_OF_SERVICE', ...saidOf(instance) };
    return { name: id, data: writeEnvelope(instance, { '@class': SPRING_CLASS, id, name, metadata }), mode: 'ephemeral' };
  },
  read: readEnvelope,
};
