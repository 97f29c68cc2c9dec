/**
 * Machines without machines: each host is a network namespace of its own with its own address, hosts file and resolv.conf, and all of them
 * hang on one switch, a bridge in a namespace that nobody else sees. So runs at the same time never meet, whatever addresses they use,
 * and everything is gone when this process is. Cables can be pulled, and addresses kept apart, as a network does it.
 *
 *   host a ── eth0 ══ va ┐
 *   host b ── eth0 ══ vb ┤ br0, in the switch's namespace (198.18.0.1)
 *   host c ── eth0 ══ vc ┘
 */
import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { dieWithUs, holding } from '../support/die-with-us.js';
import { needsRoot } from '../support/needs.js';

const run = promisify(execFile);
/** Debian keeps `ip` and `nft` where users do not look. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** For benchmarks between devices (RFC 2544): nobody's real addresses. */
const NET = '198.18';
const GATEWAY = `${NET}.0.1/15`;
/** Where a sidecar that was told nothing keeps its lists. Each machine has its own, and a new one has none. */
const SNAPSHOTS = '/var/lib/zidecar';

/** Why there are no such networks here; undefined where there are. Fails in CI. */
export const cannotMakeNetworks = (): string | undefined => needsRoot();

export class Network {
  readonly #folder = mkdtempSync(join(tmpdir(), 'zidecar-net-'));
  readonly #hosts = new Map<string, Host>();
  #switch!: Host;
  /** What runs in it does not keep us alive, so that a test that failed half way ends; until it is closed, this does. */
  readonly #alive = setInterval(() => undefined, 60_000);
  #next = 10;

  static async open(): Promise<Network> {
    const network = new Network();
    writeFileSync(join(network.#folder, 'resolv.conf'), 'options attempts:1\n');
    network.#publish();
    network.#switch = await Host.unplugged('switch', GATEWAY.split('/')[0]!, network.#folder);
    await network.#switch.sh(`ip link add br0 type bridge forward_delay 0; ip addr add ${GATEWAY} dev br0; ip link set br0 up`);
    return network;
  }

  /** A new host that all others know by its name, and by these other names. */
  async host(name: string, ...aliases: readonly string[]): Promise<Host> {
    const number = this.#next++;
    const address = `${NET}.${Math.floor(number / 250)}.${(number % 250) + 2}`;
    const host = await Host.unplugged(name, address, this.#folder, aliases);
    await this.#switch.sh(
      `ip link add v${number} type veth peer name eth0 netns ${host.pid}; ip link set v${number} master br0 up`,
    );
    await host.sh(`ip addr add ${address}/15 dev eth0; ip link set eth0 up`);
    this.#hosts.set(name, host);
    this.#publish();
    return host;
  }

  /** As the node that pods run on: every host is reached from here. */
  get node(): Host {
    return this.#switch;
  }

  /** The host is gone for good: its processes, its address, its name. */
  remove(host: Host): void {
    host.end();
    this.#hosts.delete(host.name);
    this.#publish();
  }

  /** Ends every process of every host. */
  close(): void {
    clearInterval(this.#alive);
    for (const host of [...this.#hosts.values(), this.#switch]) host.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** In place: the hosts have this very file as /etc/hosts. */
  #publish(): void {
    const lines = Array.from(this.#hosts.values(), ({ name, address, aliases }) => [address, name, ...aliases].join(' '));
    writeFileSync(join(this.#folder, 'hosts'), ['127.0.0.1 localhost', '::1 localhost', ...lines, ''].join('\n'));
  }
}

/** Texts by name. */
export type Files = Readonly<Record<string, string>>;

export class Host {
  readonly name: string;
  readonly address: string;
  readonly aliases: readonly string[];
  readonly #folder: string;
  readonly #pause: ChildProcess;
  readonly #running = new Set<ChildProcess>();
  #ended = false;

  private constructor(name: string, address: string, folder: string, aliases: readonly string[], pause: ChildProcess) {
    this.name = name;
    this.#folder = folder;
    this.address = address;
    this.aliases = aliases;
    this.#pause = pause;
  }

  /** A process that holds the namespaces and does nothing, as every pod has one. */
  static async unplugged(name: string, address: string, folder: string, aliases: readonly string[] = []): Promise<Host> {
    const setUp = [
      `mount --bind ${folder}/hosts /etc/hosts`,
      `mount --bind ${folder}/resolv.conf /etc/resolv.conf`,
      `mkdir -p ${SNAPSHOTS} && mount -t tmpfs tmpfs ${SNAPSHOTS}`,
      'ip link set lo up',
      'echo ready',
      'exec sleep infinity',
    ].join(' && ');
    const args = ['--net', '--mount', '--propagation', 'private', 'sh', '-c', setUp];
    const pause = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH } });
    dieWithUs(pause);
    await holding(once(pause.stdout, 'data'));
    return new Host(name, address, folder, aliases, pause);
  }

  get pid(): number {
    return this.#pause.pid!;
  }

  /** Before a command that is to run here. The command takes the place of it: signals reach it directly. */
  get enter(): readonly [string, ...string[]] {
    return ['nsenter', `--target=${this.pid}`, '--net', '--mount', `--wd=${process.cwd()}`, '--'];
  }

  /** Nothing of our environment goes in but PATH. */
  spawn(command: readonly string[], env: Readonly<Record<string, string>>, stdio: SpawnOptions['stdio']): ChildProcess {
    const [enter, ...args] = this.enter;
    const child = spawn(enter, [...args, ...command], { env: { PATH, ...env }, ...(stdio && { stdio }) });
    dieWithUs(child);
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }

  /** Runs a few commands here; rejects with what they complained of. */
  async sh(script: string): Promise<string> {
    const [enter, ...args] = this.enter;
    return (await holding(run(enter, [...args, 'bash', '-euc', script], { env: { PATH } }))).stdout;
  }

  /** The status and the whole of a small plain answer; undefined when there is none. Without a process that stays. */
  async get(address: string, port: number, path: string): Promise<{ status: number; text: string } | undefined> {
    const request = `GET ${path} HTTP/1.0\\r\\nHost: ${address}\\r\\n\\r\\n`;
    const text = await this.say(address, port, request).catch(() => '');
    const status = /^HTTP\/1\.\d (\d+)/.exec(text)?.[1];
    return status === undefined ? undefined : { status: Number(status), text };
  }

  /** Sends some bytes, escaped as printf has them, and resolves with all that comes back. */
  say(address: string, port: number, bytes: string): Promise<string> {
    return this.sh(`exec 3<>/dev/tcp/${address}/${port}; printf '${bytes}' >&3; timeout 2 cat <&3`);
  }

  /** Neither side hears the other any more; what is open stays open, and nobody is told. */
  async partFrom(...others: readonly Host[]): Promise<void> {
    const set = others.map(({ address }) => address).join(', ');
    await this.sh(`nft 'table inet cut {
      chain in { type filter hook input priority 0; ip saddr { ${set} } drop; }
      chain out { type filter hook output priority 0; ip daddr { ${set} } drop; }
    }'`);
  }

  async meetAgain(): Promise<void> {
    await this.sh('nft delete table inet cut');
  }

  /** The cable is out: nothing goes in or out, and nobody is told. */
  async unplug(): Promise<void> {
    await this.sh('ip link set eth0 down');
  }

  async plugIn(): Promise<void> {
    await this.sh('ip link set eth0 up');
  }

  /** From now on names that /etc/hosts has not are asked of this server. */
  async ask(server: Host): Promise<void> {
    const file = join(this.#folder, `resolv.conf.${this.name}`);
    writeFileSync(file, `nameserver ${server.address}\noptions attempts:1 timeout:10\n`);
    await this.sh(`mount --bind ${file} /etc/resolv.conf`);
  }

  /**
   * A root folder over that of this machine, in which nothing can be written but these folders: the host's own, each with these files.
   * Resolves with the words before a command that is to run in it. It is gone with the host.
   */
  async root(folders: Readonly<Record<string, Files>>): Promise<readonly string[]> {
    const top = join(this.#folder, `root.${this.name}`);
    const root = join(top, 'all');
    const seen = ['/proc', '/dev', '/sys', process.cwd()].map(
      (path) => `mkdir -p ${root}${path}; mount --rbind ${path} ${root}${path}`,
    );
    const files = ['/etc/hosts', '/etc/resolv.conf'].map((path) => `mount --bind ${path} ${root}${path}`);
    // what a link on the way leads to is in that root, too: /var/run
    const own = Object.keys(folders).map(
      (path) => `chroot ${root} mkdir -p ${path}; mount -t tmpfs -o mode=777 tmpfs ${root}$(chroot ${root} realpath ${path})`,
    );
    await this.sh(
      [
        `mkdir -p ${top}; mount -t tmpfs tmpfs ${top}; mkdir ${top}/up ${top}/work ${root}`,
        `mount -t overlay overlay -o lowerdir=/,upperdir=${top}/up,workdir=${top}/work ${root}`,
        ...[...seen, ...files, ...own],
        `mount -o remount,ro,bind ${root}`,
      ].join('\n'),
    );
    for (const [path, content] of Object.entries(folders))
      for (const [name, text] of Object.entries(content)) this.write(join(root, path, name), text);
    return ['chroot', root];
  }

  /** A file of this host, as it sees it. */
  write(path: string, text: string): void {
    writeFileSync(`/proc/${this.pid}/root${path}`, text);
  }

  /** Nothing can run here any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** As a power cut would. */
  end(): void {
    this.#ended = true;
    for (const child of [...this.#running, this.#pause]) child.kill('SIGKILL');
  }
}
