/**
 * Spring Cloud ZooKeeper: Curator's envelope with a payload of Spring's class, whose metadata carries status, weight and zone. A dialect
 * of its own because a plain Curator reader without that class throws on it. Its load balancer keeps a list for 35 s, hence the wait.
 */
import type { Dialect } from './dialect.js';
import { readEnvelope, saidOf, writeEnvelope } from './envelope.js';

export const SPRING_CLASS = 'org.springframework.cloud.zookeeper.discovery.ZookeeperInstance';

export const spring: Dialect = {
  name: 'spring',
  defaultPath: '/services/{service}',
  drainWaitMs: 40_000,
  change: 'in_place',
  readsData: true,
  place(instance) {
    const { id, service: name, up } = instance;
    const metadata = { instance_status: up ? 'UP' : 'OUT_OF_SERVICE', ...saidOf(instance) };
    return { name: id, data: writeEnvelope(instance, { '@class': SPRING_CLASS, id, name, metadata }), mode: 'ephemeral' };
  },
  read: readEnvelope,
};
