/** Plays one scenario with one setup: a fleet of callers, a fleet of servers, a script, and what became of the calls. */
import type { Endpoint } from '../../lb/endpoint.js';
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
  /** The part of all that the servers can carry that is asked of them. */
  readonly load: number;
  readonly lengthMs: number;
  /** Calls that begin then are counted. */
  readonly fromMs: number;
  readonly untilMs?: number;
  /** Zones, in turn; none where they do not matter. */
  readonly zones?: readonly string[];
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
  /** The most that one server held at one time, in means of all. */
  readonly mostHeld: number;
  readonly servers: readonly Server[];
  /** 99 of 100 calls took less, for each second. */
  readonly p99BySecond: readonly number[];
}

export function play(scenario: Scenario, setup: Setup, seed: number): Result {
  const world = new World(seed);
  const { workers, workMs, zones = [], untilMs = Infinity } = scenario;
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
  let [failures, attempts] = [0, 0];
  const everyMs = workMs / (scenario.servers * workers * scenario.load);
  const arrive = (): void => {
    const began = world.now();
    const caller = callers[Math.floor(world.random() * callers.length)]!;
    caller.call(({ ms, ok, attempts: sent }) => {
      (bySecond[Math.floor(began / 1_000)] ??= []).push(ms);
      if (began < scenario.fromMs || began >= untilMs) return;
      times.push(ms);
      attempts += sent;
      if (!ok) failures++;
    });
    world.after(world.exponential(everyMs), arrive);
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
    mostHeld: Math.max(...servers.map(({ mostHeld }) => mostHeld)),
    servers,
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
