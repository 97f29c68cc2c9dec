/**
 * Real ZooKeeper servers for tests, each with its own ports and its own temporary folder; several runs at once do not meet. Debian:
 * libzookeeper-java and default-jre-headless. A test that needs them begins with `requireZooKeeper(t)`.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withoutOurSockets } from '../../agent/inherited.js';
import { dieWithUs, holding } from './die-with-us.js';
import { freePort, isFree } from './ports.js';

export { freePort };

const JARS = ['zookeeper', 'slf4j-log4j12', 'log4j-1.2'].map((name) => `/usr/share/java/${name}.jar`);
/** For TLS. */
const NETTY = ['buffer', 'codec', 'common', 'handler', 'resolver', 'transport', 'transport-native-unix-common'].map(
  (name) => `/usr/share/java/netty-${name}.jar`,
);
export const CLASS_PATH = [...JARS, ...NETTY].join(':');
/** What reading of a thread that has ended says, before it is opened and after. */
const GONE = new Set(['ENOENT', 'ESRCH']);
/** Ready in 1.4 s on an idle machine. */
const READY_MS = 60_000;
const LOG4J = `log4j.rootLogger=WARN, C
log4j.appender.C=org.apache.log4j.ConsoleAppender
log4j.appender.C.layout=org.apache.log4j.PatternLayout
log4j.appender.C.layout.ConversionPattern=%d{HH:mm:ss,SSS} %p %c{1} %m%n
`;
/** Small ticks, so that sessions may be short: a granted timeout is between 400 ms and 60 s. */
const DEFAULTS = {
  tickTime: 200,
  minSessionTimeout: 400,
  maxSessionTimeout: 60_000,
  initLimit: 100,
  syncLimit: 50,
  'admin.enableServer': false,
  '4lw.commands.whitelist': '*',
};

/** Lines of its zoo.cfg; a name that begins with -D is a property of its Java instead, one with -X a whole option. */
export type ZooCfg = Readonly<Record<string, string | number | boolean>>;

/** Where a server runs that we cannot reach by ourselves. */
export interface House {
  /** The words before a command that is to run there. */
  readonly enter: readonly string[];
  say(address: string, port: number, text: string): Promise<string>;
}

let found: boolean | undefined;
/**
 * False, and the test is skipped with a loud message, where there is no Java or no ZooKeeper. In CI (`CI` is set) that is a failure.
 * Takes what `it` and `before` hand to their functions; without it, only answers.
 */
export function requireZooKeeper(t?: { skip?(message: string): void }): boolean {
  found ??= JARS.every((jar) => existsSync(jar)) && hasJava();
  if (found) return true;
  const message = 'no ZooKeeper here: apt-get install -y --no-install-recommends libzookeeper-java default-jre-headless';
  if (process.env['CI']) throw new Error(message);
  console.error(`\n*** SKIPPED, ${message} ***\n`);
  t?.skip?.(message);
  return false;
}

function hasJava(): boolean {
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export class ZooKeeperServer {
  readonly host: string;
  #port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'zidecar-zk-'));
  readonly #cfg: ZooCfg;
  readonly #house: House | undefined;
  #child: ChildProcess | undefined;
  #said = '';

  private constructor(host: string, port: number, cfg: ZooCfg, house?: House) {
    this.host = host;
    this.#port = port;
    this.#cfg = cfg;
    this.#house = house;
  }

  /** A single server on a free port of 127.0.0.1, ready when the promise resolves. `cfg`: more lines for its zoo.cfg. */
  static async start(cfg: ZooCfg = {}): Promise<ZooKeeperServer> {
    const server = ZooKeeperServer.create('127.0.0.1', await freePort('127.0.0.1'), cfg);
    await server.start();
    return server;
  }

  /** Not started. `house`: another network than ours, in which it is to run. */
  static create(host: string, port: number, cfg: ZooCfg = {}, house?: House): ZooKeeperServer {
    return new ZooKeeperServer(host, port, cfg, house);
  }

  get port(): number {
    return this.#port;
  }

  /** What ZIDECAR_ZOOKEEPER takes. */
  get connect(): string {
    return `${this.host}:${this.#port}`;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Starts it where it was, with the data it had; resolves when it serves. */
  async start(): Promise<void> {
    this.launch();
    await this.ready();
  }

  /** Starts it and does not wait. A server of an ensemble serves only when a majority is there. */
  launch(): void {
    mkdirSync(this.#data, { recursive: true });
    const { id, ...cfg }: ZooCfg = {
      ...DEFAULTS,
      ...this.#cfg,
      dataDir: this.#data,
      clientPortAddress: this.host,
      clientPort: this.#port,
    };
    if (id !== undefined) writeFileSync(join(this.#data, 'myid'), String(id));
    writeFileSync(join(this.#folder, 'log4j.properties'), LOG4J);
    const lines = Object.entries(cfg).map(([name, value]) => (name.startsWith('-X') ? name : `${name}=${value}`));
    const properties = lines.filter((line) => line.startsWith('-'));
    writeFileSync(join(this.#folder, 'zoo.cfg'), lines.filter((line) => !line.startsWith('-')).join('\n'));
    this.#said = '';
    const [program = 'java', ...before] = this.#house ? [...this.#house.enter, 'java'] : [];
    const child = withoutOurSockets(['ignore', 'pipe', 'pipe'], (stdio) =>
      spawn(
        program,
        [
          ...before,
          '-Xmx128m',
          '-XX:+UseSerialGC',
          '-XX:TieredStopAtLevel=1',
          '-XX:-UsePerfData', // a file in /tmp that a SIGKILL would leave there
          '-Dzookeeper.jmx.log4j.disable=true',
          ...properties,
          '-cp',
          `${this.#folder}:${process.env['ZOOKEEPER_CLASS_PATH'] ?? CLASS_PATH}`,
          'org.apache.zookeeper.server.quorum.QuorumPeerMain',
          join(this.#folder, 'zoo.cfg'),
        ],
        { stdio },
      ),
    );
    const hear = (chunk: Buffer): void => void (this.#said = (this.#said + chunk.toString()).slice(-4_000));
    child.stdout!.on('data', hear);
    child.stderr!.on('data', hear);
    dieWithUs(child);
    this.#child = child;
  }

  /** Resolves with its role when it serves: `ruok` would say so too early. */
  async ready(): Promise<string> {
    const end = performance.now() + READY_MS;
    for (;;) {
      const mode = await this.mode();
      if (mode !== undefined) return mode;
      if (this.#child!.exitCode !== null) throw new Error(`the ZooKeeper server ${this.connect} ended:\n${this.#said}`);
      if (performance.now() > end) throw new Error(`the ZooKeeper server ${this.connect} does not serve:\n${this.#said}`);
      await sleep(50);
    }
  }

  /** `standalone`, `leader`, `follower`; undefined while it does not serve. */
  async mode(): Promise<string | undefined> {
    return /^Mode: (\w+)/m.exec((await this.#answer('srvr').catch(() => '')) ?? '')?.[1];
  }

  /** One of the four-letter words: `srvr`, `mntr`, `cons`, `wchs`, `dump` … Again, where a server forgets it that is about to take its role. */
  async ask(word: string): Promise<string> {
    for (const end = performance.now() + READY_MS; ;) {
      const answer = await this.#answer(word);
      if (answer !== undefined) return answer;
      if (performance.now() > end) throw new Error(`no answer to ${word} from ${this.connect}`);
    }
  }

  /** Undefined: it has taken the connection, and says nothing. */
  #answer(word: string): Promise<string | undefined> {
    if (this.#house) return this.#house.say(this.host, this.#port, word);
    return new Promise((resolve, reject) => {
      const socket = connect(this.#port, this.host);
      let answer = '';
      socket.setTimeout(2_000, () => (resolve(undefined), socket.destroy()));
      socket.on('connect', () => socket.write(word));
      socket.on('data', (chunk) => (answer += chunk.toString()));
      socket.on('error', reject);
      socket.on('close', () => resolve(answer));
    });
  }

  /** SIGTERM, and waits until it has ended. The data stays. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** SIGKILL, and waits until it has ended. The data stays. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Its process stands still: connections stay open, and nobody answers. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  /** The same, and resolves when each of its threads does; until then it may still answer. */
  async standStill(): Promise<void> {
    this.freeze();
    const threads = `/proc/${this.pid}/task`;
    const stands = (thread: string): boolean => {
      try {
        return /\) T /.test(readFileSync(`${threads}/${thread}/stat`, 'utf8'));
      } catch (error) {
        if (!GONE.has((error as NodeJS.ErrnoException).code!)) throw error;
        return true; // it ended after it was listed
      }
    };
    while (!readdirSync(threads).every(stands)) await sleep(5);
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Forgets all its data. Only while it is stopped. */
  wipe(): void {
    rmSync(this.#data, { recursive: true, force: true });
  }

  /** Kills it and removes its folder. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = holding(once(child, 'exit'));
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }
}

/** Servers of one ensemble on 127.0.77.1 and up, all on the same port, ready when the promise resolves. */
export async function ensemble(size = 3, cfg: ZooCfg = {}): Promise<readonly ZooKeeperServer[]> {
  const hosts = Array.from({ length: size }, (_, index) => `127.0.77.${index + 1}`);
  const [clients, peers, elections] = [await commonPort(hosts), await commonPort(hosts), await commonPort(hosts)];
  const members = hosts.map((host, index) => [`server.${index + 1}`, `${host}:${peers}:${elections}`] as const);
  const servers = hosts.map((host, index) => {
    return ZooKeeperServer.create(host, clients, { ...cfg, ...(Object.fromEntries(members) as ZooCfg), id: index + 1 });
  });
  for (const server of servers) server.launch();
  await Promise.all(servers.map((server) => server.ready()));
  return servers;
}

/** Free on each of these addresses. */
async function commonPort(hosts: readonly string[]): Promise<number> {
  for (;;) {
    const port = await freePort(hosts[0]);
    const others = await Promise.all(hosts.slice(1).map((host) => isFree(host, port)));
    if (others.every(Boolean)) return port;
  }
}

/** The leader of an ensemble that serves. */
export async function leaderOf(servers: readonly ZooKeeperServer[]): Promise<ZooKeeperServer> {
  for (;;) {
    for (const server of servers) if ((await server.mode()) === 'leader') return server;
    await sleep(50);
  }
}
