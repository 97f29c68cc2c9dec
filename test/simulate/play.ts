/** Plays one scenario with one setup: a fleet of callers, a fleet of servers, a script, and what became of the calls. */
import type { Endpoint } from '../../lb/endpoint.js';
import { mix } from '../../lb/hashing.js';
import { Caller, type Setup } from './caller.js';
import { Server, type How } from './server.js';
import { World } from './world.js';

export interface Scenario {
  readonly name: string;
  /** What happens, for a person. */
  readonly what: string;
  readonly servers: number;
  readonly callers: number;
  /** Calls that each server can carry at one time, and the mean work of one. */
  readonly workers: number;
  readonly workMs: number;
  /** The part of all that the servers can carry that is asked of them; it may change. */
  readonly load: number | ((ms: number) => number);
  readonly lengthMs: number;
  /** Calls that begin then are counted. */
  readonly fromMs: number;
  readonly untilMs?: number;
  /** Zones, in turn; none where they do not matter. */
  readonly zones?: readonly string[];
  /** Calls are about so many things, few of which are asked for most. */
  readonly keys?: number;
  /** The first server is well again then. */
  readonly wellAtMs?: number;
  readonly script: (stage: Stage) => void;
}

export interface Stage {
  readonly servers: readonly Server[];
  readonly at: (ms: number, run: () => void) => void;
  readonly become: (servers: readonly Server[], how: Partial<How>) => void;
  /** One more, of whom all callers are told at once. */
  readonly join: () => Server;
  /** All callers are told that these have gone. */
  readonly leave: (servers: readonly Server[]) => void;
}

export interface Result {
  readonly calls: number;
  readonly failedPercent: number;
  /** Of all calls, failed ones too: what an app waited. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly attemptsPerCall: number;
  /** Of the calls, those that met a server to which their key was new; undefined where there are no keys. */
  readonly newPercent: number | undefined;
  /** From `wellAtMs` on until half of the callers had their second answer from it; Infinity: they did not. */
  readonly backMs: number | undefined;
  /** The most that one server held at one time, in means of all. */
  readonly mostHeld: number;
  readonly servers: readonly Server[];
  /** 99 of 100 calls took less, for each second. */
  readonly p99BySecond: readonly number[];
  /** Percent of the calls that began in each second. */
  readonly failedBySecond: readonly number[];
}

export function play(scenario: Scenario, setup: Setup, seed: number): Result {
  const world = new World(seed);
  const { workers, workMs, zones = [], untilMs = Infinity, keys, wellAtMs } = scenario;
  const servers: Server[] = [];
  const byId = new Map<string, Server>();
  const listed = new Set<Server>();
  const add = (since: number): Server => {
    const index = servers.length;
    const zone = zones.length > 0 ? { zone: zones[index % zones.length]! } : {};
    const id = `e${String(index).padStart(5, '0')}`;
    const endpoint: Endpoint = { id, host: '10.0.0.1', port: 1_024 + index, weight: 1, since, meta: {}, ...zone };
    const server = new Server(world, endpoint, { workMs }, workers);
    servers.push(server);
    byId.set(id, server);
    listed.add(server);
    return server;
  };
  for (let index = 0; index < scenario.servers; index++) add(world.wall() - 3_600_000);
  const callers = Array.from({ length: scenario.callers }, (_, index) => {
    const zone = zones.length > 0 && setup.zone !== undefined ? { zone: zones[index % zones.length]! } : {};
    return new Caller(world, { ...setup, ...zone }, byId);
  });
  const tell = (): void => {
    const list = Array.from(listed, ({ endpoint }) => endpoint);
    for (const caller of callers) caller.update(list);
  };
  tell();
  scenario.script({
    servers: [...servers],
    at: (ms, run) => void world.after(ms, run),
    become: (some, how) => some.forEach((server) => (server.how = { ...server.how, ...how })),
    join: () => {
      const server = add(world.wall());
      tell();
      return server;
    },
    leave: (some) => {
      for (const server of some) listed.delete(server);
      tell();
    },
  });

  const times: number[] = [];
  const bySecond: number[][] = [];
  const failedIn: number[] = [];
  let [failures, attempts, strange] = [0, 0, 0];
  const loadAt = typeof scenario.load === 'number' ? (): number => scenario.load as number : scenario.load;
  const everyMs = (): number => workMs / (scenario.servers * workers * loadAt(world.now()));
  const backAt: number[] = [];
  const since = new Map<Caller, number>();
  const arrive = (): void => {
    const began = world.now();
    const caller = callers[Math.floor(world.random() * callers.length)]!;
    const key = keys === undefined ? undefined : mix(Math.floor(keys ** world.random())); // 1 is asked for most
    const known = key === undefined ? undefined : new Set(servers.filter((server) => server.knows(key)));
    caller.call(key, ({ ms, ok, attempts: sent, by }) => {
      const server = by === undefined ? undefined : byId.get(by);
      if (wellAtMs !== undefined && ok && server === servers[0] && began >= wellAtMs) {
        const count = (since.get(caller) ?? 0) + 1;
        since.set(caller, count);
        if (count === 2) backAt.push(world.now() - wellAtMs);
      }
      const second = Math.floor(began / 1_000);
      (bySecond[second] ??= []).push(ms);
      if (!ok) failedIn[second] = (failedIn[second] ?? 0) + 1;
      if (began < scenario.fromMs || began >= untilMs) return;
      times.push(ms);
      attempts += sent;
      if (!ok) failures++;
      if (known !== undefined && server !== undefined && !known.has(server)) strange++;
    });
    world.after(world.exponential(everyMs()), arrive);
  };
  arrive();
  world.run(scenario.lengthMs);
  times.sort((a, b) => a - b);
  return {
    calls: times.length,
    failedPercent: (failures * 100) / times.length,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    p999: quantile(times, 0.999),
    attemptsPerCall: attempts / times.length,
    newPercent: keys === undefined ? undefined : (strange * 100) / times.length,
    backMs: wellAtMs === undefined ? undefined : (backAt[Math.ceil(callers.length / 2) - 1] ?? Infinity),
    mostHeld: Math.max(...servers.map(({ mostHeld }) => mostHeld)),
    servers,
    failedBySecond: Array.from(
      bySecond,
      (some: number[] | undefined, second) => ((failedIn[second] ?? 0) * 100) / (some?.length ?? 1),
    ),
    p99BySecond: Array.from(bySecond, (some: number[] | undefined = []) =>
      quantile(
        some.sort((a, b) => a - b),
        0.99,
      ),
    ),
  };
}

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
