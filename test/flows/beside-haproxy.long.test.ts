/**
 * One of three peers gets into trouble at load, beside HAProxy: the same peers, the same calls, by turns, with what HAProxy has for it switched
 * on (redispatch, retries of what it may repeat, checks, marking down by errors). How many calls fail, and how long after its recovery the
 * peer is in use again; prints the table that lb/README.md shows.
 */
import { spawn } from 'node:child_process';
import { ok } from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { markdown } from '../bench/table.js';
import { call, Calling } from '../support/calls.js';
import { needsProgram } from '../support/needs.js';
import { freePort } from '../support/ports.js';
import { eventually } from '../support/program.js';
import { haproxyAt } from './haproxy.js';
import { listeningPeers, Peer, peersAndCaller, type Mood } from './peers.js';

interface Scene {
  readonly mood: Mood;
  /** Of one attempt; both are told. */
  readonly timeoutMs?: number;
  /** Nothing keeps it from calls, so nothing brings it back. */
  readonly staysIn?: true;
}

const scenes: readonly Scene[] = [
  { mood: 'dead' },
  { mood: 'hangs', timeoutMs: 300 },
  { mood: 'resets' },
  { mood: 'talks_nonsense' },
  { mood: 'fails' },
  { mood: 'slow', staysIn: true },
];

interface Caller {
  readonly at: string;
  readonly peers: readonly Peer[];
  readonly end: () => Promise<void>;
}

const checks = { ZIDECAR_CHECK: 'http:/health', ZIDECAR_CHECK_INTERVAL: '1s' };
const contenders = {
  HAProxy: (timeoutMs?: number): Promise<Caller> => haproxy(timeoutMs),
  zidecar: (timeoutMs?: number): Promise<Caller> => peersAndCaller(3, within(timeoutMs)),
  'zidecar, CHECK=http:/health': (timeoutMs?: number): Promise<Caller> => peersAndCaller(3, { ...within(timeoutMs), ...checks }),
} as const;
type Name = keyof typeof contenders;
const names = Object.keys(contenders) as Name[];

const within = (ms?: number): Record<string, string> => (ms === undefined ? {} : { ZIDECAR_RESPONSE_TIMEOUT: `${ms}ms` });

async function haproxy(timeoutMs = 60_000): Promise<Caller> {
  const [peers, port] = await Promise.all([listeningPeers(3), freePort()]);
  const servers = peers.map((peer) => `  server ${peer.name} 127.0.0.1:${peer.port}`).join('\n');
  const { command, clean } = await haproxyAt(
    port,
    { connect: '1s', client: '60s', server: `${timeoutMs}ms` },
    `  default_backend orders
backend orders
  option httpchk GET /health
  default-server check inter 1s rise 2 fall 3 observe layer7 error-limit 5 on-error mark-down
${servers}`,
  );
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: 'ignore' });
  const at = `127.0.0.1:${port}`;
  await eventually(async () => (await call(at, 'orders').catch(() => undefined))?.status === 200);
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    for (const peer of peers) peer.die();
    await clean();
  };
  return { at, peers, end };
}

/** Longer than this, nobody waits for it to be back. */
const longestMs = 5_000;

interface Played {
  readonly failed: number;
  readonly total: number;
  readonly backMs: number;
}

/** `paths`: so many keys, where calls go by one. */
async function play(mood: Mood, { peers, at, end }: Caller, paths = 1): Promise<Played> {
  const victim = peers[0]!;
  const calling = new Calling(at, 'orders', { workers: 8, pauseMs: 1, paths });
  await eventually(() => calling.total >= 300);
  victim.mood = mood;
  if (mood === 'dead') victim.die();
  const [before, began] = [calling.total, performance.now()];
  // long enough for several trials, checks and pauses
  await eventually(() => calling.total >= before + 1_200 && performance.now() - began > 4_000);
  victim.mood = 'well';
  if (mood === 'dead') await victim.listen();
  const [asked, since] = [victim.asked, performance.now()];
  // its trial, and one more
  await eventually(() => victim.asked > asked + 1 || performance.now() - since > longestMs);
  const backMs = victim.asked > asked + 1 ? performance.now() - since : Infinity;
  const { lost, total } = await calling.stop();
  await end();
  return { failed: lost.length, total, backMs };
}

/** One call after the other, none of which may be repeated where that is a POST. */
async function oneByOne(name: Name, mood: Mood, all: boolean, count: number, method: string): Promise<number> {
  const { peers, at, end } = await contenders[name]();
  for (const peer of all ? peers : peers.slice(0, 1)) peer.mood = mood;
  let failed = 0;
  for (let turn = 0; turn < count; turn++) {
    if ((await call(at, 'orders', { method })).status !== 200) failed++;
    if (all) await new Promise((resolve) => setTimeout(resolve, 1 + (turn % 3)));
  }
  await end();
  return failed;
}

const back = ({ backMs }: Played): string =>
  backMs === Infinity ? `> ${longestMs / 1_000} s` : `${(backMs / 1_000).toFixed(2)} s`;

describe('beside HAProxy, one of three peers', { skip: needsProgram('haproxy'), timeout: 600_000 }, () => {
  const rows: string[][] = [['one of three', ...names.flatMap((name) => [`${name}: failed`, 'back after'])]];
  after(() => console.log(`\n${markdown(rows)}\n`));

  for (const scene of scenes)
    it(`${scene.mood}: loses no more calls, and is in use again within a second`, async () => {
      const row = [scene.mood.replace('_', ' ')];
      const played = new Map<Name, Played>();
      for (const name of names) {
        const result = await play(scene.mood, await contenders[name](scene.timeoutMs));
        played.set(name, result);
        row.push(`${result.failed} of ${result.total}`, scene.staysIn ? '-' : back(result));
      }
      rows.push(row);
      const [rival, plain, checked] = names.map((name) => played.get(name)!);
      const shareOf = ({ failed, total }: { failed: number; total: number }): number => failed / total;
      // eight workers are on their way at any time, and each may fail once
      for (const ours of [plain!, checked!])
        ok(ours.failed <= 8 || shareOf(ours) <= shareOf(rival!), `${ours.failed} of ${ours.total}, HAProxy ${rival!.failed}`);
      for (const ours of scene.staysIn ? [] : [plain!, checked!]) ok(ours.backMs <= 1_000, `back after ${ours.backMs} ms`);
    });

  it('answers 500 to everything, or closes kept connections as calls come: no more fail, one by one', async () => {
    const [errors, races] = [[] as number[], [] as number[]];
    for (const name of names) {
      errors.push(await oneByOne(name, 'fails', false, 240, 'GET'));
      races.push(await oneByOne(name, 'closes', true, 300, 'POST'));
    }
    rows.push(['always 500, one by one', ...errors.flatMap((count) => [`${count} of 240`, '-'])]);
    rows.push(['all close kept connections, POSTs', ...races.flatMap((count) => [`${count} of 300`, '-'])]);
    ok(Math.max(...errors.slice(1)) <= 10 && Math.max(...races.slice(1)) <= 3, `${errors.join()} ${races.join()}`);
  });
});

describe('by a key, one of three peers', { timeout: 600_000 }, () => {
  const policies = ['ring_hash', 'maglev'] as const;
  const rows: string[][] = [['one of three', ...policies.flatMap((name) => [`${name}: failed`, 'back after'])]];
  after(() => console.log(`\n${markdown(rows)}\n`));

  for (const { mood, timeoutMs, staysIn } of scenes)
    if (staysIn !== true)
      it(`${mood}: is in use again within a second, as some of 30 keys lead to it`, async () => {
        const played: Played[] = [];
        for (const policy of policies) {
          const env = { ...within(timeoutMs), ZIDECAR_POLICY: policy, ZIDECAR_HASH_KEY: 'path' };
          played.push(await play(mood, await peersAndCaller(3, env), 30));
        }
        rows.push([mood.replace('_', ' '), ...played.flatMap((one) => [`${one.failed} of ${one.total}`, back(one)])]);
        // five in a row, and seven others may be on their way when the fifth is heard
        for (const { failed, backMs } of played) ok(failed <= 12 && backMs <= 1_000, `${failed} failed, back after ${backMs} ms`);
      });
});
