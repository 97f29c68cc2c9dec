/**
 * `node dist/test/flows/injection-beside.js [NAME…]`: the failures of the list (injections.ts) through zidecar, HAProxy and http-proxy, and which of
 * them each takes as is right; prints the table that test/README.md shows, and every row that somebody gets wrong.
 *
 * In its own words everybody may refuse: a 500, 502, 503 or 504 of its own is right where zidecar has a code, or cuts. HAProxy repeats what it may (redispatch, and
 * `retry-on` for all that zidecar repeats by default); all waits of both others are of 2 s, or longer than any that is to be waited for.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { markdown } from '../bench/table.js';
import { dieWithUs } from '../support/die-with-us.js';
import { freePort } from '../support/ports.js';
import { eventually } from '../support/program.js';
import { Wire } from '../support/raw.js';
import { haproxyAt } from './haproxy.js';
import { play, stage, type Played, type Scene, type Stage } from './injection-play.js';
import { sidecarFor } from './injection-sidecar.js';

/** It runs. */
interface Running {
  readonly played: (scene: Scene) => Played;
  /** How often it had to be started again. */
  readonly restarts: () => number;
  readonly stop: () => Promise<void>;
}

const inTheirWords = (got: string, right: readonly string[]): boolean =>
  right.includes(got) || (right.some((word) => /^[a-z]/.test(word)) && /^50[0234] ?(<|$)/.test(got));

async function zidecar(built: Stage, lane: 'fast' | 'full'): Promise<Running> {
  const { played, stop, sidecar } = await sidecarFor(built, lane);
  return { played: () => played, stop, restarts: () => (sidecar.other === '' ? 0 : 1) };
}

/** A program that is started again whenever it dies. */
async function kept(command: readonly string[], at: number, after: () => Promise<void>): Promise<Running> {
  const [program = '', ...args] = command;
  let [restarts, over] = [0, false];
  const start = (): ReturnType<typeof spawn> => {
    const child = spawn(program, args, {
      stdio: 'ignore',
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
    });
    dieWithUs(child, () => child.kill('SIGKILL'));
    child.once('exit', () => {
      if (over) return;
      restarts++;
      running = start();
    });
    return child;
  };
  let running = start();
  await eventually(async () => {
    const wire = await Wire.dial(at).catch(() => undefined);
    wire?.socket.destroy();
    return wire !== undefined;
  });
  const stop = async (): Promise<void> => {
    over = true;
    const gone = once(running, 'exit');
    running.kill('SIGKILL');
    await Promise.all([gone, after()]);
  };
  const played = { at, hangMs: 8_000, hears: inTheirWords, notYet: () => false };
  return { played: () => played, restarts: () => restarts, stop };
}

async function haproxy({ services }: Stage): Promise<Running> {
  const at = await freePort();
  const backends = Object.entries(services).map(([service, ports]) =>
    [`backend ${service}`, ...ports.map((port) => `  server s${port} 127.0.0.1:${port}`)].join('\n'),
  );
  const frontend = '  http-request disable-l7-retry if METH_POST\n  use_backend %[req.hdr(host)]\n';
  const timeouts = { connect: '2s', client: '10s', server: '2s' };
  const { command, clean } = await haproxyAt(at, timeouts, frontend + backends.join('\n'));
  return kept(command, at, clean);
}

/** A process for each row, since some rows end it. */
async function httpProxy({ services, scenes }: Stage): Promise<Running> {
  const script = fileURLToPath(new URL('./injections-http-proxy.js', import.meta.url));
  const running = new Map<Scene, Running>();
  for (const scene of scenes) {
    const { alone, beside } = scene;
    const at = await freePort();
    const of = JSON.stringify({ [alone]: services[alone], [beside]: services[beside] });
    running.set(scene, await kept([process.execPath, script, String(at), of], at, () => Promise.resolve()));
  }
  const all = [...running.values()];
  return {
    played: (scene) => running.get(scene)!.played(scene),
    restarts: () => all.reduce((sum, { restarts }) => sum + restarts(), 0),
    stop: async () => {
      await Promise.all(all.map(({ stop }) => stop()));
    },
  };
}

const contenders: Readonly<Record<string, (built: Stage) => Promise<Running>>> = {
  'zidecar, fast lane': (built) => zidecar(built, 'fast'),
  'zidecar, full lane': (built) => zidecar(built, 'full'),
  HAProxy: haproxy,
  'http-proxy': httpProxy,
};

const words = process.argv.slice(2);
const rows = [['of the failures', 'as is right', 'alone', 'beside a well one', 'POST', 'the call after it', 'died']];
for (const [name, start] of Object.entries(contenders)) {
  if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
  const built = await stage();
  const { played, restarts, stop } = await start(built);
  const wrong = await Promise.all(built.scenes.map((scene) => play(scene, played(scene))));
  await stop();
  await built.stop();
  const total = wrong.length;
  const without = (what: RegExp): string =>
    `${wrong.filter((sentences) => !sentences.some((sentence) => what.test(sentence))).length} of ${total}`;
  rows.push([
    ...[name, without(/^/), without(/, alone: /), without(/, beside a well one: /), without(/, POST: |: a POST /)],
    ...[without(/, the next call: /), `${restarts()} times`],
  ]);
  for (const sentence of new Set(wrong.flat())) console.log(`${name}: ${sentence}`);
}
console.log(`\n${markdown(rows)}`);
process.exit(0);
