/**
 * Finds the demo a registry, or gets it one: $ZIDECAR_ZOOKEEPER; else Java with ZooKeeper's jar; else both by apt, when root; else the
 * embedded tree in a folder, which plays the same scenes. Whatever it is, it can be taken away for a while and brought back.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { zookeeper, type HostPort } from '../../agent/config/addresses.js';
import type { Emit } from '../../agent/events.js';
import { openZooKeeper } from '../../agent/registry/zookeeper.js';
import { clock, random } from '../../agent/system.js';
import { ZooKeeperServer } from '../support/zookeeper.js';

export interface DemoRegistry {
  /** For a person. */
  readonly title: string;
  /** For ZIDECAR_ZOOKEEPER. */
  readonly zookeeper: string;
  /** Who is taken away and brought back, and how either is told. */
  readonly who: string;
  readonly loss: string;
  readonly return: string;
  takeAway(): Promise<void>;
  bringBack(): Promise<void>;
  /** Leaves nothing behind. */
  end(): Promise<void>;
}

type Progress = (text: string) => void;
type Say = (text: string) => void;

const JAR = '/usr/share/java/zookeeper.jar';
const PACKAGES = ['libzookeeper-java', 'default-jre-headless'];
/** Where the project's packages are found, wherever the demo was started. */
const project = fileURLToPath(new URL('../../..', import.meta.url));
const COMPILER = ['python3', 'make', 'g++'];

export async function findRegistry(progress: Progress, say: Say): Promise<DemoRegistry> {
  const given = process.env['ZIDECAR_ZOOKEEPER'];
  if (given !== undefined && given !== '')
    return given.startsWith('dir:') ? embedded(given.slice('dir:'.length)) : behindForwarder(given, progress);
  let [speaks, java] = [await canSpeak(), hasJava()];
  if (!speaks || !java) {
    await install(missing(speaks, java), !speaks, progress, say);
    [speaks, java] = [await canSpeak(), hasJava()];
  }
  if (speaks && java) return ownServer(progress);
  const real = 'ZIDECAR_ZOOKEEPER=127.0.0.1:2181 npm run demo';
  say(`No ${java ? 'client for ZooKeeper' : 'ZooKeeper'} here, so the demo plays on the embedded tree: the same nodes, as files
in a folder. For the real one, any of these, and then the demo again:
  sudo apt-get install -y --no-install-recommends \\
    ${missing(speaks, java).join(' ')}${speaks ? '' : ' && npm rebuild zookeeper'}
  docker run --rm -d -p 127.0.0.1:2181:2181 zookeeper:3.9  # then
    ${real}
  Docker Compose, as compose.yaml, with docker compose up -d and the same line:
    services: { zookeeper: { image: "zookeeper:3.9", ports: ["2181:2181"] } }${speaks ? '' : '\nThe last two need the client too.'}
`);
  return embedded();
}

const missing = (speaks: boolean, java: boolean): readonly string[] => [...(java ? [] : PACKAGES), ...(speaks ? [] : COMPILER)];
const hasJava = (): boolean =>
  existsSync(JAR) && ['/usr/bin/java', ...path().map((folder) => join(folder, 'java'))].some((file) => existsSync(file));
const path = (): string[] => (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '');

/** Whether the native client was built; tried in a process of its own, because it cannot be unloaded. */
const canSpeak = (): Promise<boolean> =>
  new Promise((done) => {
    const child = spawn(process.execPath, ['-e', "import('zookeeper').then(() => {}, () => process.exit(1))"], {
      stdio: 'ignore',
      cwd: project,
      detached: true, // a Ctrl-C would look like a client that is missing
    });
    child.once('error', () => done(false));
    child.once('exit', (code) => done(code === 0));
  });

/** As root on a Debian machine, gets what is missing. Gives up where it cannot, and says why. */
async function install(packages: readonly string[], build: boolean, progress: Progress, say: Say): Promise<void> {
  if (process.getuid?.() !== 0 || !path().some((folder) => existsSync(join(folder, 'apt-get')))) return;
  const steps: [string, string, string[]][] = [
    ['asking apt for its newest lists', 'apt-get', ['update', '-qq']],
    [`installing ${packages.join(' ')}`, 'apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages]],
  ];
  if (build) steps.push(['building the ZooKeeper client', 'npm', ['rebuild', 'zookeeper']]);
  for (const [what, command, args] of steps) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'], cwd: project });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
    const code = await withProgress(what, progress, child);
    if (code === 0) continue;
    const why = said.trim().split('\n').at(-1) ?? '';
    return say(`${command} ${args.join(' ')}\n  ended with ${code}${why === '' ? '' : `: ${why}`}`);
  }
}

async function withProgress(what: string, progress: Progress, child: ChildProcess): Promise<number> {
  const started = Date.now();
  const tell = (): void => progress(`${what} … ${Math.round((Date.now() - started) / 1_000)} s`);
  tell();
  const telling = setInterval(tell, 500);
  const code = await new Promise<number>((done) => {
    child.once('error', () => done(127));
    child.once('close', (status) => done(status ?? 1));
  });
  clearInterval(telling);
  return code;
}

async function ownServer(progress: Progress): Promise<DemoRegistry> {
  progress('starting a ZooKeeper of its own …');
  const server = await ZooKeeperServer.start();
  return {
    title: `a real ZooKeeper, private to this demo, at ${server.connect}`,
    zookeeper: server.connect,
    who: 'ZooKeeper',
    loss: 'stopped',
    return: 'started again',
    takeAway: () => server.stop(),
    bringBack: () => server.start(),
    end: () => server.remove(),
  };
}

/**
 * Somebody's own ZooKeeper is not ours to stop: a forwarder stands before it, and is what goes away. Nor are its services ours to join: all is
 * under a node of this demo's own, which is removed at the end.
 */
async function behindForwarder(given: string, progress: Progress): Promise<DemoRegistry> {
  const reading = zookeeper.read(given);
  if ('problem' in reading) throw new Error(`ZIDECAR_ZOOKEEPER=${given}: ${reading.problem}; accepted: ${zookeeper.accepts}`);
  if (reading.value.kind !== 'zookeeper') return embedded(reading.value.path);
  progress(`asking your ZooKeeper at ${given} …`);
  const { host, port } = await whoAnswers(reading.value.servers, given);
  const own = `${reading.value.chroot}/zidecar-demo-${randomBytes(4).toString('hex')}`;
  const open = new Set<Socket>();
  const forward = (client: Socket): void => {
    const server = connect(port, host);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      open.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => (open.delete(socket), other.destroy()));
    }
  };
  let listener = createServer(forward);
  const listen = (wanted: number): Promise<number> =>
    new Promise((resolve, reject) => {
      listener = createServer(forward).once('error', reject);
      listener.listen(wanted, '127.0.0.1', () => resolve((listener.address() as AddressInfo).port));
    });
  const taken = await listen(0);
  const cut = (): Promise<void> =>
    new Promise((done) => {
      listener.close(() => done());
      for (const socket of open) socket.destroy();
    });
  return {
    title: `your ZooKeeper at ${given}`,
    zookeeper: `127.0.0.1:${taken}${own}`,
    who: 'ZooKeeper',
    loss: 'cut off',
    return: 'reachable again',
    takeAway: cut,
    bringBack: () => listen(taken).then(() => undefined),
    end: async () => {
      await removeAll(`127.0.0.1:${taken}`, own);
      await cut();
    },
  };
}

/** The first of the servers that lets us have a session. Throws with what each of them said instead. */
async function whoAnswers(servers: readonly HostPort[], given: string): Promise<HostPort> {
  const whys: string[] = [];
  for (const server of servers) {
    let why = 'no session within 5 s';
    const emit: Emit = (fact) => {
      if (fact.kind === 'session_trouble') why = fact.why;
    };
    const options = { servers: [server], chroot: '', readOnly: true, sessionTimeoutMs: 4_000, clock, random };
    const tree = openZooKeeper({ ...options, emit });
    for (let tries = 0; tries < 50 && tree.session.state !== 'connected'; tries++) await sleep(100);
    const answers = tree.session.state === 'connected';
    await tree.close();
    if (answers) return server;
    whys.push(`  ${server.host}:${server.port}: ${why}`);
  }
  throw new Error(`the ZooKeeper that ZIDECAR_ZOOKEEPER=${given} names does not answer:\n${whys.join('\n')}`);
}

/** Removes a node and what is below it. Gives up after some seconds: the registry may be gone for good. */
async function removeAll(server: string, path: string): Promise<void> {
  const [host = '', port = ''] = server.split(':');
  const options = { servers: [{ host, port: Number(port) }], chroot: '', readOnly: true, sessionTimeoutMs: 4_000, clock, random };
  const tree = openZooKeeper({ ...options, emit: () => undefined });
  const remove = async (node: string): Promise<void> => {
    for (const name of (await tree.children(node))?.names ?? []) await remove(`${node}/${name}`);
    await tree.remove(node);
  };
  for (let tries = 0; tries < 50 && tree.session.state !== 'connected'; tries++) await sleep(100);
  await remove(path).catch(() => undefined);
  await tree.close();
}

/** In a folder of its own below `parent`, which must be there: what else lies in it is not ours to move away. */
async function embedded(parent = tmpdir()): Promise<DemoRegistry> {
  if (!existsSync(parent))
    throw new Error(`there is no folder ${parent}: create it (mkdir -p ${parent}), and then the demo again`);
  const folder = mkdtempSync(join(resolve(parent), 'registry-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const tree = join(folder, 'tree');
  await mkdir(tree);
  return {
    title: `the embedded tree in ${tree}`,
    zookeeper: `dir:${tree}`,
    who: 'the folder',
    loss: 'taken away',
    return: 'put back',
    takeAway: () => rename(tree, `${tree}.away`),
    bringBack: async () => {
      await rm(tree, { recursive: true, force: true });
      await rename(`${tree}.away`, tree);
    },
    end: () => Promise.resolve(remove()),
  };
}
