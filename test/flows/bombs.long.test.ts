/** 64 MB of payload bombs under one service: found before and after they are thrown, never kept, and the good ones beside them are called. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { bytesOf } from '../bench/proc.js';
import { Calling } from '../support/calls.js';
import { clients, eventually, type Sidecar } from '../support/program.js';
import { RawClient } from '../support/raw-client.js';
import { requireZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';
import { Fleet } from './fleet.js';

const BOMBS = 64;
const MB = 1_000_000;

for (const client of clients)
  describe(`payload bombs, by the ${client} client`, { skip: !requireZooKeeper(), timeout: 600_000 }, () => {
    let server: ZooKeeperServer;
    let raw: RawClient;
    const fleet = new Fleet(client, () => server.connect);
    before(async () => {
      server = await ZooKeeperServer.start({ '-Xmx640m': true, '-Dzookeeper.forceSync': 'no' });
      raw = await RawClient.open(server.connect, 30_000);
    });
    after(async () => {
      await fleet.end();
      await raw.close();
      await server.remove();
    });

    /** One of the counters that `labels` stand behind. */
    const counter = async (sidecar: Sidecar, labels: string): Promise<number> => {
      const text = await (await fetch(`http://${await sidecar.at('health')}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(`zidecar_${labels} `)) ?? ' 0';
      return Number(line.slice(line.lastIndexOf(' ')));
    };
    const resident = ({ pid }: Sidecar): number => bytesOf(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS');
    const ignored = (sidecar: Sidecar): Promise<number> => counter(sidecar, 'znodes_ignored_total{reason="too_large"}');
    const bomb = new Uint8Array(MB).fill(120);
    async function thrown(service: string): Promise<void> {
      for (let index = 0; index < BOMBS; index++) await raw.create(`/services/${service}/bomb${index}`, bomb);
    }

    it('thrown before it looks are not read', async () => {
      await fleet.instance('before', 'good');
      await thrown('before');
      const { sidecar, at } = await fleet.caller('before', 1);
      await eventually(async () => (await ignored(sidecar)) === BOMBS);
      const calling = new Calling(at, 'before');
      equal(await counter(sidecar, 'registry_operations_total{op="read",result="ok"}'), 1);
      deepEqual((await calling.stop()).lost, []);
      sidecar.kill();
      for (let index = 0; index < BOMBS; index++) await raw.remove(`/services/before/bomb${index}`);
    });

    it('thrown while it looks are found, one of them read at most, and its memory stays where it was', async (t) => {
      await fleet.instance('later', 'good');
      const { sidecar, at } = await fleet.caller('later', 1);
      const calling = new Calling(at, 'later');
      await eventually(() => calling.total > 500);
      const memory = resident(sidecar);
      await thrown('later');
      await eventually(async () => (await ignored(sidecar)) === BOMBS);
      const grown = resident(sidecar) - memory;
      t.diagnostic(`${(grown / 2 ** 20).toFixed(1)} MB more`);
      deepEqual((await calling.stop()).lost, []);
      const tooLarge = await counter(sidecar, 'registry_operations_total{op="read",result="too_large"}');
      ok(tooLarge <= 1, `${tooLarge} were read`);
      ok(grown < 20 * 2 ** 20, `${grown} bytes more`);
      sidecar.kill();
    });
  });
