/**
 * The two clients side by side, as numbers: `npm run compare` (some minutes; a quiet machine, please). Each has a process of its own, opens
 * the tree as a sidecar does, and is asked for the same; the table is what README.md of the registry shows. `npm run compare -- --install`
 * also compiles the native package once more, to know for how long; `npm run compare -- wire` measures one of them.
 */
import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { withoutOurSockets } from '../../../../agent/inherited.js';
import { openZooKeeper } from '../../../../agent/registry/zookeeper.js';
import type { Server } from '../../../../agent/registry/wire/resolve.js';
import { clock, random } from '../../../../agent/system.js';
import { Cuttable } from '../../../support/cuttable.js';
import { dieWithUs, holding } from '../../../support/die-with-us.js';
import { each, memory } from '../../../support/memory.js';
import { ensemble, leaderOf, type ZooKeeperServer } from '../../../support/zookeeper.js';
import { connected, until } from '../tree-contract.js';
import { BadLine } from '../wire/bad-line.js';
import { opened } from '../wire/opened.js';

type Kind = 'native' | 'wire';
interface Figures {
  readonly reads: number;
  readonly writes: number;
  readonly readCpu: number;
  readonly writeCpu: number;
  readonly session: number;
  readonly watch: number;
  /** The part of it that V8 knows of. */
  readonly heap: number;
  readonly delay: number;
}

const TIMEOUT_MS = 6_000;
const READS = 10_000;
const WRITES = 1_000;
const AT_ONCE = 64;
/** The native client watches 512 KiB of paths at the most. */
const WATCHED = 15_000;
/** Before a fault. */
const FEW = 500;
/** Reconnects. */
const WARMING = 30;
const ROUNDS = { cut: 3, kill: 8, freeze: 1 };
const SELF = fileURLToPath(import.meta.url);

// the child: one tree, measured from inside

async function atOnce(count: number, run: (index: number) => Promise<unknown>): Promise<{ rate: number; cpu: number }> {
  let next = 0;
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) await run(next++);
    }),
  );
  const { user, system } = process.cpuUsage(cpu);
  return { rate: (count * 1_000) / (performance.now() - begun), cpu: (user + system) / count };
}

async function measured(kind: Kind, servers: readonly Server[], watched: number): Promise<void> {
  const before = memory();
  const options = { servers, chroot: '', sessionTimeoutMs: TIMEOUT_MS, clock, random, client: { kind } };
  const tree = openZooKeeper({ ...options, emit: () => undefined });
  await connected(tree);
  const session = memory().resident - before.resident;
  tree.onSession(({ state, id }) => process.send!({ state, id, at: Date.now() }));
  const delays = monitorEventLoopDelay({ resolution: 1 });
  const parent = `/${kind}-${process.pid}`;
  await tree.create(parent, new Uint8Array(100), 'persistent');
  const path = (index: number): string => `${parent}/${String(index).padStart(8, '0')}`;
  await atOnce(watched, (index) => tree.create(path(index), new Uint8Array(), 'ephemeral'));
  await atOnce(watched, (index) => tree.exists(path(index))); // so that later growth is what is kept, and not what was needed for a moment
  delays.enable();
  const read = await atOnce(READS, () => tree.read(parent));
  const write = await atOnce(WRITES, () => tree.write(parent, new Uint8Array(100), -1));
  delays.disable(); // collecting all garbage is ours
  const unwatched = memory();
  delays.enable();
  const nothing = (): void => undefined;
  await tree.children(parent, nothing);
  await atOnce(watched, (index) => tree.exists(path(index), nothing));
  delays.disable();
  const { resident: watch, heap } = each(unwatched, memory(), watched);
  const figures = { reads: read.rate, writes: write.rate, readCpu: read.cpu, writeCpu: write.cpu, session, watch, heap };
  process.send!({ figures: { ...figures, delay: delays.max / 1e6 } });
  delays.reset();
  delays.enable();
  process.on('message', () => {
    process.send!({ delay: delays.max / 1e6, id: tree.session.id });
    delays.reset();
  });
}

// the parent: servers, faults and the table

class Subject {
  readonly states: { readonly state: string; readonly at: number }[] = [];
  readonly #child: ChildProcess;
  #figures: Figures | undefined;

  constructor(kind: Kind, servers: readonly Server[], watched: number) {
    const args = ['measure', kind, JSON.stringify(servers.map(({ host, port }) => ({ host, port }))), String(watched)];
    this.#child = withoutOurSockets(['ignore', 'inherit', 'inherit', 'ipc'], (stdio) => fork(SELF, args, { stdio }));
    dieWithUs(this.#child);
    this.#child.on('message', (told: { figures?: Figures; state?: string; at?: number }) => {
      if (told.figures) this.#figures = told.figures;
      else if (told.state !== undefined) this.states.push({ state: told.state, at: told.at! });
    });
  }

  async figures(): Promise<Figures> {
    while (!this.#figures) await holding(once(this.#child, 'message'));
    return this.#figures;
  }

  /** Longest stop of its event loop since the last time, and its session. */
  async look(): Promise<{ readonly delay: number; readonly id: string }> {
    for (;;) {
      this.#child.send('look');
      const [told] = (await holding(once(this.#child, 'message'))) as [{ delay?: number; id: string }];
      if (told.delay !== undefined) return { delay: told.delay, id: told.id };
    }
  }

  /** Milliseconds from the fault until it is connected again. */
  async recovery(fault: () => unknown): Promise<number> {
    const { length } = this.states;
    const begun = Date.now();
    await fault();
    await until(() => this.states.slice(length).some(({ state }) => state === 'connected'), 'the connection');
    return this.states.slice(length).find(({ state }) => state === 'connected')!.at - begun;
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

async function column(kind: Kind): Promise<readonly string[]> {
  const servers = await ensemble(3);
  const line = await Cuttable.to(servers[0]!);
  const subject = new Subject(kind, [line], WATCHED);
  console.error(`${kind}: under load`);
  const { reads, writes, readCpu, writeCpu, session, watch, heap, delay } = await subject.figures();
  await subject.look();
  console.error(`${kind}: the connection is cut`);
  const cuts: number[] = [];
  for (let round = 0; round < ROUNDS.cut; round++) cuts.push(await subject.recovery(() => line.cut().then(() => line.heal())));
  const { delay: cutDelay } = await subject.look();
  subject.end();
  const faults: number[][] = [];
  for (const fault of ['kill', 'freeze'] as const) {
    console.error(`${kind}: ${fault}`);
    // with followers alone: how long the others take to have a new leader is not the client's affair
    const leader = await leaderOf(servers);
    const followers = servers.filter((server) => server !== leader);
    const one = new Subject(kind, followers, FEW);
    await one.figures();
    for (const server of followers) await warm(server);
    const took: number[] = [];
    for (let round = 0; round < ROUNDS[fault]; round++) {
      const at = await whereIs(followers, (await one.look()).id);
      took.push(await one.recovery(() => at[fault]()));
      await at.kill();
      await at.start();
      await warm(at);
    }
    faults.push(took);
    one.end();
  }
  await line.stop();
  await Promise.all(servers.map((server) => server.remove()));
  const ms = (all: readonly number[]): string => {
    const sorted = [...all].sort((one, other) => one - other).map(Math.round);
    const mean = Math.round(all.reduce((sum, one) => sum + one, 0) / all.length);
    return `${sorted[sorted.length >> 1]!}, ${mean} ms (${sorted[0]!} to ${sorted.at(-1)!})`;
  };
  return [
    `${Math.round(reads)} and ${Math.round(writes)}`,
    `${Math.round(readCpu)} and ${Math.round(writeCpu)} µs`,
    `${Math.round(session / 1024)} KiB`,
    `${Math.round(watch)} and ${Math.round(heap)} B`,
    `${delay.toFixed(0)} and ${cutDelay.toFixed(0)} ms`,
    ...[cuts, ...faults].map(ms),
    `${Math.round(sizeOf(kind === 'native' ? 'node_modules/zookeeper' : 'dist/agent/registry/wire') / 1024)} KiB`,
    kind === 'wire' ? 'none' : process.argv.includes('--install') ? compiled() : 'not measured',
  ];
}

/** A Java that was just started is slow at whatever it does for the first time, and the next fault sends everybody there. */
async function warm(server: ZooKeeperServer): Promise<void> {
  const line = await BadLine.to(server);
  const { client, up, down } = opened([line]);
  await up();
  await client.exists('/', () => undefined);
  for (let round = 1; round <= WARMING; round++) {
    line.cut();
    await down(round);
    line.heal();
    await up(round + 1);
  }
  await client.close();
  await line.stop();
}

/** The server that the session is at. */
async function whereIs(servers: readonly ZooKeeperServer[], id: string): Promise<ZooKeeperServer> {
  for (;;) {
    for (const server of servers) if ((await server.ask('cons').catch(() => '')).includes(`sid=0x${id},`)) return server;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function sizeOf(path: string): number {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

function compiled(): string {
  const begun = performance.now();
  execFileSync('npm', ['rebuild', 'zookeeper'], { stdio: 'ignore' });
  return `${Math.round((performance.now() - begun) / 1_000)} s`;
}

const rows = [
  'reads and writes a second, 64 at once',
  'CPU a read and a write',
  'resident memory of a session',
  'memory of a watched child, of 15,000: resident but for the young generation, and on the heap',
  'longest stop of the event loop: under load, over a reconnect with 15,000 watches',
  `connected again after a cut connection: the middle and the mean of ${ROUNDS.cut}`,
  `after its server was killed, of two followers: of ${ROUNDS.kill}`,
  `after its server froze, of two followers (session of 6 s): of ${ROUNDS.freeze}`,
  'size installed',
  'time to compile',
];

const [, , role, kind, servers, watched] = process.argv;
if (role === 'measure') await measured(kind as Kind, JSON.parse(servers!) as Server[], Number(watched));
else {
  const load = (): string => loadavg()[0]!.toFixed(0);
  const before = load();
  const kinds: readonly Kind[] = role === 'native' || role === 'wire' ? [role] : ['native', 'wire'];
  const columns: (readonly string[])[] = [];
  for (const kind of kinds) columns.push(await column(kind));
  console.log(`Node ${process.versions.node}, load ${before} before and ${load()} after\n`);
  console.log(`| | ${kinds.join(' | ')} |\n|---|${'---|'.repeat(kinds.length)}`);
  rows.forEach((row, index) => console.log(`| ${row} | ${columns.map((column) => column[index]!).join(' | ')} |`));
  process.exit();
}
