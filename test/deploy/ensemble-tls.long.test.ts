/**
 * The chart's ensemble from logins alone to TLS alone, by the steps of deploy/chart/README.md: servers and sidecars with what the chart gives
 * them, every server restarted at each step, the last first, as a StatefulSet does, while calls flow.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { InjectOptions } from '../../deploy/inject/inject.js';
import type { Json } from '../../deploy/inject/json.js';
import { Authority, type Certificate } from '../support/certificates.js';
import { requireHelm } from '../support/helm.js';
import { holding } from '../support/die-with-us.js';
import { eventually } from '../support/program.js';
import { requireZooKeeper } from '../support/zookeeper.js';
import { Cluster } from '../pod/cluster.js';
import type { Kubelet, Surroundings } from '../pod/kubelet.js';
import { injected } from '../pod/manifest.js';
import { cannotMakeNetworks, Network } from '../pod/network.js';
import { Release, Server } from './ensemble.js';

const tls = (more: Readonly<Record<string, Json>>): Json => ({
  zookeeper: { enabled: true, heap: '96m', tls: { enabled: true, secretName: 'zk-tls', clientAuth: 'need', ...more } },
});
const NAMES = ['DNS:*.zookeeper-nodes.zidecar-system.svc', 'DNS:zookeeper.zidecar-system.svc'];

describe('the ensemble of the chart', { timeout: 600_000, skip: cannotMakeNetworks() }, () => {
  const servers: Server[] = [];
  let network: Network | undefined;
  let cluster: Cluster;
  let release: Release;
  /** What pods get that are made from now on. */
  let options: InjectOptions;
  let authority: Authority;
  let mine: Certificate;
  let orders: Kubelet[] = [];
  let caller: Kubelet;

  /** What the Secret of the clients holds, in each namespace. */
  const surroundings = (): Surroundings => ({
    secrets: {
      'zookeeper-client': {
        login: release.secret('zookeeper-client')['login']!,
        'ca.crt': readFileSync(authority.ca, 'utf8'),
        'tls.crt': readFileSync(mine.cert, 'utf8'),
        'tls.key': readFileSync(mine.key, 'utf8'),
      },
    },
  });
  const pods = (): readonly Kubelet[] => [...orders, caller];
  const sessions = (): Promise<unknown[]> =>
    Promise.all(
      pods().map((pod) => eventually(async () => (await pod.admin<{ state: string }>('/session'))?.state === 'connected')),
    );

  before(async () => {
    requireZooKeeper();
    requireHelm();
    network = await Network.open();
    authority = new Authority('zk');
    const certificate = authority.issue('zookeeper', NAMES, 'ec');
    mine = authority.issue('sidecar', [], 'ec');
    release = new Release({ zookeeper: { enabled: true, heap: '96m' } });
    for (const index of [0, 1, 2]) servers.push(await Server.open(network, index, certificate, authority.ca));
    for (const server of servers) server.start(release);
    await holding(Promise.all(servers.map((server) => eventually(() => server.ready()))));
    options = await release.options();
    cluster = Cluster.beside(network, (about, settings) => injected(about, { 'probe-interval': '500ms', ...settings }, options));
    orders = await Promise.all([1, 2].map(() => cluster.instance('orders', {}, surroundings())));
    caller = await cluster.caller('orders', 2, {}, surroundings());
  });
  after(() => {
    network?.close();
    authority.remove();
  });

  /** `helm upgrade` to these values: the servers one by one, the last first. */
  async function roll(values: Json): Promise<void> {
    release = new Release(values, release);
    for (const server of servers.toReversed()) {
      await server.stop();
      server.start(release);
      await eventually(() => server.ready());
      await sessions();
    }
  }

  async function losesNothing(t: TestContext, happens: () => Promise<void>): Promise<void> {
    const { lost, total } = await cluster.calling(t, [caller], 'orders', happens, ['GET', 'POST']);
    deepEqual(lost, [], servers.map(({ story }) => story).join('\n'));
    ok(total > 100);
  }

  it('holds pods by the login that the chart has drawn, and is rolled without a lost call', (t) =>
    losesNothing(t, () => roll({ zookeeper: { enabled: true, heap: '96m' } })));

  it('gets TLS on port 2182 beside 2181, and pods that are made from then on come by TLS', async (t) => {
    await losesNothing(t, async () => {
      await roll(tls({ quorumAcceptsPlain: true }));
      options = await release.options();
      const old = orders;
      orders = await Promise.all([1, 2].map(() => cluster.instance('orders', {}, surroundings())));
      await cluster.knows(caller, 'orders', 4);
      for (const pod of old) await cluster.delete(pod, [caller]);
    });
    const next = await cluster.caller('orders', 2, {}, surroundings());
    await cluster.delete(caller);
    caller = next;
    for (const pod of pods()) {
      const session = await pod.admin<{ server: string }>('/session');
      match(JSON.stringify(session), /:2182/);
    }
  });

  it('talks by TLS among its servers, who understand both on the way', (t) =>
    losesNothing(t, async () => {
      await roll(tls({ quorumAcceptsPlain: true, quorum: true }));
      await roll(tls({ quorum: true }));
    }));

  it('closes 2181 in the end, which nobody uses any more', async (t) => {
    await losesNothing(t, () => roll(tls({ quorum: true, only: true })));
    const [server] = servers;
    equal(await caller.host.say(server!.host.address, 2181, 'ruok').catch(() => 'closed'), 'closed');
  });

  it('is not spoken to by a pod that has no certificate, and says so', async () => {
    const { secrets = {} } = surroundings();
    const stranger = new Authority('stranger');
    const other = stranger.issue('sidecar', [], 'ec');
    const files = { 'tls.crt': readFileSync(other.cert, 'utf8'), 'tls.key': readFileSync(other.key, 'utf8') };
    const wrong = { 'zookeeper-client': { ...secrets['zookeeper-client'], ...files } };
    stranger.remove();
    const pod = await cluster.caller('orders', 0, {}, { secrets: wrong });
    ok(
      pod.sidecar.lines.some(({ msg }) => /:2182 .*(alert|closed|broke)/.test(String(msg))),
      pod.sidecar.story(),
    );
  });
});
