/**
 * Deploys through the built program on a real ZooKeeper: a service that is replaced instance by instance loses no call of any method. ROUNDS=… for
 * fewer restarts than ten, of which each takes half a minute.
 */
import { after, before, describe, it } from 'node:test';
import { dialects } from '../../agent/registry/dialects/dialects.js';
import { clients } from '../support/program.js';
import { ensemble, requireZooKeeper, type ZooKeeperServer } from '../support/zookeeper.js';
import { Fleet } from './fleet.js';
import { roll } from './rolling.js';

const ROUNDS = Number(process.env['ROUNDS'] ?? 10);

describe('rolling restarts on an ensemble of three', { timeout: 1_800_000 }, () => {
  let servers: readonly ZooKeeperServer[] = [];
  const fleets: Fleet[] = [];
  const fleet = (client: string): Fleet => {
    fleets.push(new Fleet(client, () => servers.map(({ connect }) => connect).join(',')));
    return fleets.at(-1)!;
  };
  before(async () => {
    requireZooKeeper();
    servers = await ensemble(3);
  });
  after(async () => {
    await Promise.all(fleets.map((each) => each.end()));
    await Promise.all(servers.map((server) => server.remove()));
  });

  for (const client of clients)
    it(`of all instances of a service, ten times over, lose no call by the ${client} client with what is set where nothing is set`, (t) =>
      roll(t, fleet(client), {
        ...{ service: `by-${client}`, instances: 4, rounds: ROUNDS },
        env: { ZIDECAR_DRAIN_WAIT: '5s', ZIDECAR_SESSION_TIMEOUT: '30s' },
      }));

  for (const name of [...dialects.keys()].filter((each) => each !== 'curator'))
    it(`lose no call in the dialect ${name} either`, (t) =>
      roll(t, fleet('wire'), {
        ...{ service: `in-${name}`, instances: 3, rounds: 3 },
        env: { ZIDECAR_DIALECT: name },
      }));
});
