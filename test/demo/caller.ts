/**
 * The caller of the demo: asks its own sidecar for `orders`, so many times a second, and prints once in a while, as one line of JSON, what
 * came of it. It knows no address but its sidecar's, and begins when that is ready, as an app in a pod would. Settings: OUTBOUND and HEALTH
 * (host:port), RATE (calls a second).
 */
import { Agent, get } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** What was seen since the start, by the instance that answered; `recent` holds the last seconds only. */
export interface Report {
  readonly total: number;
  readonly failed: number;
  readonly lastFailure?: string | undefined;
  /** `failed`: it answered, and the answer was an error or was cut. */
  readonly instances: Record<
    string,
    { readonly calls: number; readonly failed: number; readonly recent: number; readonly p99: number }
  >;
}

const { OUTBOUND = '127.0.0.1:6140', HEALTH = '127.0.0.1:6191', RATE = '800' } = process.env;
const [host = '', port = ''] = OUTBOUND.split(/:(?=\d+$)/);
const TICK_MS = 10;
const REPORT_MS = 250;
/** The share and the p99 are of the last two seconds, so that a change is seen to move. */
const RECENT_REPORTS = 8;
const MOST_IN_FLIGHT = 64;

const agent = new Agent({ keepAlive: true, maxSockets: MOST_IN_FLIGHT });
const calls = new Map<string, number>();
const failures = new Map<string, number>();
const recent = [new Map<string, number[]>()];
let [total, failed, inFlight] = [0, 0, 0];
let lastFailure: string | undefined;

const call = (): void => {
  const started = performance.now();
  let instance: string | undefined;
  let ended = false;
  const end = (failure?: string): void => {
    if (ended) return;
    ended = true;
    inFlight--;
    total++;
    if (failure !== undefined) {
      failed++;
      lastFailure = failure;
      if (instance !== undefined) failures.set(instance, (failures.get(instance) ?? 0) + 1);
    } else if (instance !== undefined) {
      calls.set(instance, (calls.get(instance) ?? 0) + 1);
      const times = recent[0]!.get(instance) ?? [];
      times.push(performance.now() - started);
      recent[0]!.set(instance, times);
    }
  };
  inFlight++;
  get({ host, port, agent, path: '/', headers: { host: 'orders' } }, (response) => {
    const { statusCode = 0, headers } = response;
    instance = headers['x-instance'] as string | undefined;
    response.resume();
    response.on('end', () => end(statusCode === 200 ? undefined : `${statusCode} ${String(headers['x-zidecar-error'] ?? '')}`));
    response.on('error', (error) => end(error.message));
  }).on('error', (error) => end(error.message));
};

const report = (): void => {
  const instances: Record<string, Report['instances'][string]> = {};
  for (const [name, count] of calls) {
    const times = recent.flatMap((slice) => slice.get(name) ?? []).sort((a, b) => a - b);
    const p99 = times[Math.floor(times.length * 0.99)] ?? 0;
    instances[name] = { calls: count, failed: failures.get(name) ?? 0, recent: times.length, p99 };
  }
  console.log(JSON.stringify({ demo: { total, failed, lastFailure, instances } satisfies Report }));
  recent.unshift(new Map<string, number[]>());
  recent.splice(RECENT_REPORTS);
};

/** As a startup probe would. */
const ready = async (): Promise<void> => {
  while ((await fetch(`http://${HEALTH}/ready`).catch(() => undefined))?.status !== 200) await sleep(50);
};

await ready();
let due = 0;
let last = performance.now();
const calling = setInterval(() => {
  const now = performance.now();
  due = Math.min(due + ((now - last) / 1_000) * Number(RATE), MOST_IN_FLIGHT);
  last = now;
  for (; due >= 1 && inFlight < MOST_IN_FLIGHT; due--) call();
}, TICK_MS);
const reporting = setInterval(report, REPORT_MS);

process.on('SIGTERM', () => {
  clearInterval(calling);
  const end = setInterval(() => {
    if (inFlight > 0) return;
    clearInterval(end);
    clearInterval(reporting);
    report();
    agent.destroy();
  }, TICK_MS);
});
