/**
 * An ensemble of three and pods beside it, all in one network, with calls flowing and a verdict in numbers: what every scene stands on.
 * A scene's chance comes from a seed that is printed; SCENE_SEED repeats it.
 */
import type { TestContext } from 'node:test';
import { Sidecar, eventually } from '../support/program.js';
import { seeded } from '../support/random.js';
import { ZooKeeperServer } from '../support/zookeeper.js';
import type { Report } from './app.js';
import { Kubelet, zidecarProgram, type Ended, type Surroundings } from './kubelet.js';
import { injected, type About, type Pod } from './manifest.js';
import { Network, type Host } from './network.js';

interface Upstreams {
  readonly upstreams: readonly { readonly name: string; readonly endpoints: readonly { readonly id: string }[] }[];
}

/** By flag name. */
export type Settings = Readonly<Record<string, string>>;

/** Makes a pod with its sidecar. */
export type Maker = (about: About, settings: Settings) => Pod;

export interface Member {
  readonly host: Host;
  readonly server: ZooKeeperServer;
}

export class Cluster {
  readonly network: Network;
  readonly members: readonly Member[];
  readonly pods = new Set<Kubelet>();
  readonly seed: number;
  readonly random: () => number;
  readonly #make: Maker;
  #made = 0;

  private constructor(network: Network, members: readonly Member[], make: Maker) {
    this.network = network;
    this.members = members;
    this.#make = make;
    this.seed = Number(process.env['SCENE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    this.random = seeded(this.seed);
  }

  static async open(): Promise<Cluster> {
    const network = await Network.open();
    try {
      return await Cluster.#of(network);
    } catch (error) {
      network.close(); // or it would keep this process alive
      throw error;
    }
  }

  static async #of(network: Network): Promise<Cluster> {
    const hosts = await Promise.all(['zk-0', 'zk-1', 'zk-2'].map((name) => network.host(name, `${name}.zk`)));
    const list = Object.fromEntries(hosts.map(({ address }, index) => [`server.${index + 1}`, `${address}:2888:3888`]));
    const members = hosts.map((host, index) => ({
      host,
      server: ZooKeeperServer.create(
        host.address,
        2181,
        { ...list, id: index + 1 },
        { enter: host.enter, say: host.say.bind(host) },
      ),
    }));
    for (const { server } of members) server.launch();
    await Promise.all(members.map(({ server }) => server.ready()));
    const zookeeper = hosts.map(({ name }) => `${name}.zk:2181`).join(',');
    // the default drain wait holds: on a machine under load it is what calls are not lost by
    const common = { zookeeper, 'session-timeout': '4s', 'probe-interval': '500ms' };
    return new Cluster(network, members, (about, settings) => injected(about, { ...common, ...settings }));
  }

  /** Pods beside an ensemble that somebody else has put into the network. */
  static beside(network: Network, make: Maker): Cluster {
    return new Cluster(network, [], make);
  }

  /** The built program. */
  readonly program = zidecarProgram;

  /** A pod that announces its app; resolves when it is ready and announced. */
  async instance(service: string, settings: Settings = {}, surroundings?: Surroundings): Promise<Kubelet> {
    const pod = await this.#pod(service, service, settings, surroundings);
    await pod.sidecar.fact('announced');
    return pod;
  }

  instances(service: string, count: number): Promise<Kubelet[]> {
    return Promise.all(Array.from({ length: count }, () => this.instance(service)));
  }

  /** A pod that calls and announces nothing; resolves when it knows this many endpoints. */
  async caller(service: string, endpoints: number, settings: Settings = {}, surroundings?: Surroundings): Promise<Kubelet> {
    const pod = await this.#pod(`${service}-caller`, undefined, { upstreams: service, ...settings }, surroundings);
    await this.knows(pod, service, endpoints);
    return pod;
  }

  /** Resolves when the pod's list of the service is this long. */
  knows(pod: Kubelet, service: string, endpoints: number): Promise<boolean> {
    return eventually(async () => {
      const view = await pod.admin<Upstreams>('/upstreams');
      return view?.upstreams.find(({ name }) => name === service)?.endpoints.length === endpoints;
    });
  }

  /** Resolves when it is gone. `still`: by whom the pod is still known when its app is told to end; nobody, if all is in order. */
  async delete(pod: Kubelet, callers: readonly Kubelet[] = []): Promise<Ended & { readonly still: readonly string[] }> {
    this.pods.delete(pod);
    const still: string[] = [];
    const ended = await pod.delete(async () => {
      for (const caller of callers) {
        const lists = (await caller.admin<Upstreams>('/upstreams'))?.upstreams ?? [];
        if (lists.some(({ endpoints }) => endpoints.some(({ id }) => id.startsWith(`${pod.name}-`)))) still.push(caller.name);
      }
    });
    return { ...ended, still };
  }

  /**
   * Six at a time, as on one node. Our two cores stand for the nodes of all: with 30 ends at once, the hooks' own processes start later than the
   * drain wait is long, and the apps' sleep, which began at the same moment, is over before anybody was told.
   */
  async deleteAll(pods: readonly Kubelet[]): Promise<readonly Ended[]> {
    const ends: Ended[] = [];
    for (let from = 0; from < pods.length; from += 6)
      ends.push(...(await Promise.all(pods.slice(from, from + 6).map((pod) => this.delete(pod)))));
    return ends;
  }

  /** The pod's machine is gone. */
  async lose(pod: Kubelet): Promise<void> {
    this.pods.delete(pod);
    await pod.lose();
  }

  oneOf<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!;
  }

  /** Calls go on in these pods, by each of these methods, while `happens` does and a while longer. */
  async calling(
    t: TestContext,
    callers: readonly Kubelet[],
    service: string,
    happens: () => Promise<void>,
    methods: readonly string[] = ['GET'],
  ): Promise<Report> {
    for (const caller of callers) for (const method of methods) await caller.call(service, { method });
    await Promise.all(callers.map((caller) => more(caller, 50)));
    await happens();
    await Promise.all(callers.map((caller) => more(caller, 100)));
    const reports = await Promise.all(callers.map((caller) => caller.stopCalling()));
    const total = reports.reduce((sum, report) => sum + report.total, 0);
    const lost = reports.flatMap((report) => report.lost);
    t.diagnostic(`${total} calls, ${lost.length} lost; seed ${this.seed}\n${lost.slice(0, 5).join('\n')}`.trim());
    const by: Record<string, number> = {};
    for (const report of reports) for (const [name, count] of Object.entries(report.by)) by[name] = (by[name] ?? 0) + count;
    return { total, lost, by };
  }

  /** Everything is gone at once. */
  close(): void {
    this.network.close();
  }

  /** What every sidecar said, for a failure. */
  story(): string {
    const told = (pod: Kubelet): string => pod.sidecars.map((sidecar: Sidecar) => `${pod.name}:\n${sidecar.story()}`).join('');
    return [...this.pods].map(told).join('\n');
  }

  async #pod(name: string, announced: string | undefined, settings: Settings, surroundings?: Surroundings): Promise<Kubelet> {
    const number = ++this.#made;
    const uid = `${number.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
    const manifest = this.#make({ name: `${name}-${number}`, uid, announced }, settings);
    const pod = await Kubelet.run(this.network, manifest, surroundings);
    this.pods.add(pod);
    return pod;
  }
}

/** Until it has made this many more calls. */
async function more(caller: Kubelet, calls: number): Promise<void> {
  const wanted = (await caller.total()) + calls;
  await eventually(async () => (await caller.total()) >= wanted);
}
