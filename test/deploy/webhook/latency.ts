/**
 * How long a pod waits for the webhook: `npm run bench:webhook` prints the table of deploy/README.md. The built program, questions over TLS,
 * from the first byte sent to the last byte of the answer; beside it the processor time of the webhook, which a busy machine changes less.
 */
import { Agent } from 'node:https';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { JsonMap } from '../../../deploy/inject/json.js';
import { cpuMs } from '../../bench/proc.js';
import { podOf, question } from './question.js';
import { ask, certificates, replica, type Certificates, type Replica } from './replica.js';

const variables = (count: number): readonly JsonMap[] =>
  Array.from({ length: count }, (_, index) => ({ name: `SETTING_${index}`, value: 'x'.repeat(40) }));
const containers = (count: number, each: number): readonly JsonMap[] =>
  Array.from({ length: count }, (_, index) => ({ name: `c${index}`, image: `registry/c:${index}`, env: variables(each) }));

export const pods: Readonly<Record<string, string>> = {
  'one container': JSON.stringify(question()),
  '20 containers of 60 variables': JSON.stringify(question(podOf({}, { containers: containers(20, 60) }))),
  'the largest that etcd keeps': JSON.stringify(question(podOf({}, { containers: containers(100, 195) }))),
};

export interface Measured {
  /** In ms, the shortest first. */
  readonly times: readonly number[];
  readonly answers: ReadonlySet<string>;
}

/** So many questions on each of so many connections, one after the other; `kept`: the connection lives from one to the next. */
export async function measure(
  { port }: Replica,
  { ca }: Certificates,
  body: string,
  { questions, connections, kept }: { questions: number; connections: number; kept: boolean },
): Promise<Measured> {
  const times: number[] = [];
  const answers = new Set<string>();
  const one = async (): Promise<void> => {
    const agent = new Agent({ keepAlive: kept, maxSockets: 1, maxCachedSessions: 0 });
    for (let turn = 0; turn < questions; turn++) {
      const began = performance.now();
      const { status, text } = await ask(port, ca, body, agent);
      times.push(performance.now() - began);
      answers.add(status === 200 ? text : `${status} ${text}`);
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: connections }, one));
  return { times: times.sort((a, b) => a - b), answers };
}

/** Of sorted times. */
const quantile = (times: readonly number[], q: number): number =>
  times[Math.min(times.length - 1, Math.floor(q * times.length))]!;

/** Enough for a p99 of the small ones, and not of the largest. */
const questionsOf = (body: string): number => (body.length < 10_000 ? 800 : body.length < 1e6 ? 200 : 48);

async function table(): Promise<void> {
  const files = certificates();
  console.log(`Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)} before\n`);
  console.log(
    '| pod | bytes | connection | at a time | p50 | p99 | longest | of a core, each |\n|---|---:|---|---:|---:|---:|---:|---:|',
  );
  for (const [name, body] of Object.entries(pods)) {
    for (const [kept, connections] of [
      [true, 1],
      [true, 8],
      [false, 1],
    ] as const) {
      const webhook = await replica(files);
      const before = cpuMs(webhook.pid);
      const questions = questionsOf(body) / connections;
      const { times, answers } = await measure(webhook, files, body, { questions, connections, kept });
      if (answers.size !== 1) throw new Error([...answers].join('\n').slice(0, 2_000));
      const row = [quantile(times, 0.5), quantile(times, 0.99), times.at(-1)!, (cpuMs(webhook.pid) - before) / times.length];
      const shown = row.map((ms) => `${ms.toFixed(1)} ms`).join(' | ');
      console.log(`| ${name} | ${body.length} | ${kept ? 'kept' : 'new'} | ${connections} | ${shown} |`);
      void webhook.end();
    }
  }
  files.remove();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await table();
  process.exit(); // replicas that are told to end take their five seconds
}
