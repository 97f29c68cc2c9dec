/**
 * `npm run demo`: three instances of an app and a caller, each beside a sidecar, that find each other in a registry; then what an operator
 * fears happens to them, one thing after the other, while calls go on. Read `play` for the scenes and fleet.ts for the commands.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Fleet, type EndpointView } from './fleet.js';
import { findRegistry, type DemoRegistry } from './registry.js';
import { clockText, Screen, Story, thousands, type Row } from './screen.js';

const weights: Readonly<Record<string, number>> = { 'orders-a': 5, 'orders-b': 1, 'orders-c': 1 };
const LOOK_MS = 250;
/** A scene takes this long, whatever the machine: what happens in it may be late, and the next one still begins. */
const SCENE_MS = 10_000;
const stay = process.argv.includes('--stay');

interface Seen {
  readonly endpoints: ReadonlyMap<string, EndpointView>;
  readonly session: string;
}

const screen = new Screen(process.stdout);
let registry: DemoRegistry | undefined;
let fleet: Fleet | undefined;

async function main(): Promise<void> {
  screen.say('zidecar demo: a caller -> its sidecar -> three instances of "orders"');
  registry = await findRegistry(
    (text) => screen.progress(text),
    (text) => screen.say(text),
  );
  screen.say(`registry: ${registry.title}`);
  fleet = new Fleet(registry.zookeeper);
  screen.progress('starting four apps with a sidecar each …');
  const starting = Object.entries(weights).map(([name, weight]) => fleet!.startInstance(name, weight));
  await until('three instances in the registry', Promise.all(starting));
  await fleet.startCaller();
  await until('the first calls', called(fleet));
  screen.say();

  const started = performance.now();
  const elapsed = (): number => performance.now() - started;
  const story = new Story(elapsed);
  const killed = new Set<string>();
  const watching = watch(fleet, story, killed, elapsed);
  await play(registry, fleet, story, killed);
  if (stay) await keepUp();
  await watching.end();
  screen.keep();
  summary(registry, fleet);
}

/** The scenes: under a minute after the first table. */
async function play(registry: DemoRegistry, fleet: Fleet, story: Story, killed: Set<string>): Promise<void> {
  const scene = async (who: string, what: string, happens: () => Promise<void>): Promise<void> => {
    story.scene(who, what);
    await Promise.all([Promise.race([happens(), sleep(SCENE_MS)]), sleep(SCENE_MS)]);
  };
  await scene('', 'calls by weight, 5 : 1 : 1', async () => undefined);
  await scene('orders-b', 'killed (SIGKILL)', async () => {
    killed.add('orders-b');
    fleet.kill('orders-b');
  });
  await scene('orders-b', 'started again', async () => {
    killed.delete('orders-b');
    await fleet.startInstance('orders-b', weights['orders-b']!);
  });
  await scene(registry.who, registry.loss, () => registry.takeAway());
  await scene(registry.who, registry.return, () => registry.bringBack());
}

/** Draws, and tells the story of what changed, from what the caller's own sidecar says on its admin port. */
function watch(fleet: Fleet, story: Story, killed: ReadonlySet<string>, elapsed: () => number): { end(): Promise<void> } {
  const over = new AbortController();
  let last = new Map<string, string>();
  let session = 'connected';
  const done = (async () => {
    while (!over.signal.aborted) {
      const seen = await look(fleet);
      if (seen) {
        const states = new Map(Object.keys(weights).map((name) => [name, stateOf(name, seen)]));
        for (const [name, state] of states) {
          const before = last.get(name);
          const what = before === undefined ? undefined : changed(before, state);
          if (what !== undefined) story.then(name, what);
        }
        if (seen.session !== session) story.then('session', seen.session);
        last = states;
        session = seen.session;
      }
      const { total, failed, lastFailure } = fleet.report;
      const why = failed > 0 ? ` (${lastFailure ?? ''})` : '';
      screen.draw(
        rows(fleet, last, killed),
        story,
        `${clockText(elapsed())} failed calls: ${thousands(failed)} of ${thousands(total)}${why}`,
        elapsed(),
      );
      if (fleet.failure !== undefined) throw new Error(fleet.failure);
      await sleep(LOOK_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  done.catch((error: unknown) => void stop(1, String(error)));
  return { end: () => (over.abort(), done) };
}

async function look(fleet: Fleet): Promise<Seen | undefined> {
  const [upstreams, session] = await Promise.all([
    fleet.ask<{ upstreams: { name: string; endpoints: EndpointView[] }[] }>('/upstreams'),
    fleet.ask<{ state: string }>('/session'),
  ]);
  const orders = upstreams?.upstreams.find(({ name }) => name === 'orders');
  return orders && session
    ? {
        endpoints: new Map(orders.endpoints.map((endpoint) => [endpoint.id, endpoint])),
        session: session.state === 'connecting' ? 'expired' : session.state, // it had one
      }
    : undefined;
}

const stateOf = (name: string, { endpoints }: Seen): string => {
  const endpoint = endpoints.get(name);
  if (endpoint === undefined) return 'unregistered';
  return endpoint.circuit === 'closed' ? 'well' : `circuit ${endpoint.circuit.replace('_', '-')}`;
};

/** For the story; undefined where nothing is to be told: a single trial of an open circuit is no news, but its outcome may be. */
const changed = (before: string, state: string): string | undefined => {
  const tried = 'circuit half-open';
  if (state === before || state === tried || (before === tried && state === 'circuit open')) return undefined;
  if (state === 'unregistered') return 'left the registry';
  if (before === 'unregistered') return 'registered: its share grows for 30 s (slow start)';
  return state === 'well' ? 'well again' : state;
};

function rows({ report }: Fleet, states: ReadonlyMap<string, string>, killed: ReadonlySet<string>): Row[] {
  const recent = Object.values(report.instances).reduce((sum, instance) => sum + instance.recent, 0);
  return Object.entries(weights).map(([name, weight]) => {
    const seen = report.instances[name] ?? { calls: 0, failed: 0, recent: 0, p99: 0 };
    const state = states.get(name) ?? '';
    return {
      instance: name,
      weight,
      share: recent === 0 ? 0 : (100 * seen.recent) / recent,
      calls: seen.calls,
      failed: seen.failed,
      p99: seen.recent === 0 ? undefined : seen.p99,
      state: killed.has(name) ? `killed, ${state === 'well' ? 'not noticed' : state}` : state,
    };
  });
}

function summary(registry: DemoRegistry, fleet: Fleet): void {
  const { total, failed } = fleet.report;
  screen.say(`
orders-b was killed and came back, so did ${registry.who}: ${thousands(failed)} of ${thousands(total)} calls failed.
`);
  const admin = fleet.admin === '127.0.0.1:6190' ? '' : ` --admin ${fleet.admin}`;
  const look: [string, string][] = [
    [`${command} why orders${admin}`, 'where calls go'],
    [`${command} services --zookeeper ${registry.zookeeper}`, 'who is registered'],
    [`curl http://${fleet.health}/metrics`, 'for Prometheus'],
    [`curl http://${fleet.admin}/upstreams`, 'the admin API'],
    [`curl -H 'Host: orders' http://${fleet.outbound}/`, 'a call of yours'],
  ];
  if (stay) return screen.say(`All of it stays up until Ctrl-C. In another terminal:\n${columns(look)}\n`);
  const own: [string, string][] = [
    [`${command} services --zookeeper zk1:2181`, 'what it holds'],
    ['ZIDECAR_ZOOKEEPER=zk1:2181 npm run demo', 'these scenes'],
  ];
  screen.say(`Try next, while npm run demo -- --stay keeps all of this up elsewhere:
${columns(look.filter(([line]) => !line.includes(registry.zookeeper)))}
On your own ZooKeeper, here zk1:2181:
${columns(own)}`);
}

/** Not npx, which would build the project again before it does anything. */
const command = `node ${relative(process.cwd(), fileURLToPath(new URL('../../agent/main.js', import.meta.url)))}`;
const columns = (rows: readonly (readonly [string, string])[]): string =>
  rows.map(([line, what]) => `  ${line.padEnd(59)} ${what}`).join('\n');

async function keepUp(): Promise<void> {
  if (!fleet || !registry) return;
  screen.keep();
  summary(registry, fleet);
  await new Promise(() => undefined);
}

async function called(fleet: Fleet): Promise<void> {
  while (fleet.report.total === 0) await sleep(100);
}

async function until(what: string, done: Promise<unknown>): Promise<void> {
  const started = performance.now();
  const over = done.then(() => true);
  while (!(await Promise.race([over, sleep(100).then(() => false)]))) {
    if (fleet?.failure !== undefined) throw new Error(fleet.failure);
    if (performance.now() - started > 60_000) throw new Error(`no ${what} within 60 s`);
    screen.progress(`waiting for ${what} … ${Math.round((performance.now() - started) / 1_000)} s`);
  }
}

let stopping = false;
/** Ends every process and removes every file, whatever happened before and however far it had come. */
async function stop(code: number, why?: string): Promise<void> {
  if (stopping) return;
  stopping = true;
  screen.keep();
  if (why !== undefined) screen.say(why);
  screen.close(); // what is ended now is no news
  await fleet?.end().catch(() => undefined);
  await registry?.end().catch(() => undefined);
  process.exit(code);
}

/** Where everything of the demo lies, its servers' files too. */
function useFolderOfItsOwn(): void {
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-demo-'));
  process.env['TMPDIR'] = folder;
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => void stop(code, '\nending all of it …'));
}
process.stdout.on('error', () => void stop(1)); // nobody looks any more: `npm run demo | head`
useFolderOfItsOwn();
process.on('exit', () => fleet?.killAll());
main().then(
  () => stop(fleet !== undefined && fleet.report.failed > 0 ? 1 : 0),
  (error: unknown) => stop(1, `\n${error instanceof Error ? error.message : String(error)}`),
);
