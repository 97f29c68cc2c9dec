/**
 * `zidecar webhook`: questions answered until somebody says stop. It listens once it has a certificate, asks for a newer one every minute,
 * and on SIGTERM says that it is not ready, answers on while the cluster hears of it, and ends.
 */
import { once } from 'node:events';
import type { Server } from 'node:net';
import { constants } from 'node:os';
import type { HostPort, Listener } from '../../agent/config/addresses.js';
import { printable } from '../../agent/printable.js';
import type { InjectOptions } from '../inject/inject.js';
import { expiry, type Certificates, type Pair } from './certificates.js';
import { warmUp } from './review.js';
import { monitoring, questions } from './server.js';
import { Tally } from './tally.js';

export interface Webhook {
  readonly listen: readonly Listener[];
  readonly monitor: readonly Listener[];
  readonly options: InjectOptions;
  readonly certificates: Certificates;
}

/** What it needs of the process and the world. */
export interface World {
  readonly clock: { now(): number; wall(): number; sleep(ms: number, signal?: AbortSignal): Promise<unknown> };
  readonly print: (line: string) => void;
  readonly exit: (code: number) => never;
}

const AGAIN_MS = 60_000;
const AFTER_TROUBLE_MS = 2_000;
/** Until every node has heard that we are not ready. */
const LEAVING_MS = 5_000;
const CANNOT_BIND = 64;

/** Resolves with the exit code. */
export async function runWebhook(webhook: Webhook, { clock, print, exit }: World): Promise<number> {
  const log = (level: 'info' | 'warn' | 'error', msg: string): void =>
    print(JSON.stringify({ level, time: new Date(clock.wall()).toISOString(), msg: printable(msg, 2000) }));
  const tally = new Tally();
  const stopping = new AbortController();
  let serving = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) exit(128 + constants.signals[signal]);
    log('info', `${signal}: not ready from now on; ends in ${LEAVING_MS / 1000} s`);
    stopping.abort();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);

  warmUp(webhook.options);
  const open: Server[] = [];
  try {
    for (const listener of webhook.monitor) {
      const server = monitoring(tally, () => serving && !stopping.signal.aborted);
      open.push(server);
      log('info', `health and metrics at ${await bind(server, listener)}`);
    }
    const servers = webhook.listen.map(() =>
      questions({ options: webhook.options, tally, now: () => clock.now(), log, leaving: () => stopping.signal.aborted }),
    );
    open.push(...servers);
    for (let used: Pair | undefined; !stopping.signal.aborted;) {
      const pair = await webhook
        .certificates()
        .catch((error: unknown) => log('warn', `no certificate: ${(error as Error).message}`));
      if (pair && pair.cert !== used?.cert) {
        for (const server of servers) server.setSecureContext({ ...pair, minVersion: 'TLSv1.2' });
        tally.certified(expiry(pair));
        log('info', `a certificate that holds until ${new Date(expiry(pair)).toISOString()}`);
        if (used === undefined) {
          for (const [index, listener] of webhook.listen.entries())
            log('info', `questions at ${await bind(servers[index]!, listener)}`);
        }
        used = pair;
        serving = true;
      }
      await clock.sleep(pair ? AGAIN_MS : AFTER_TROUBLE_MS, stopping.signal).catch(() => undefined);
    }
    if (serving) await clock.sleep(LEAVING_MS);
    return 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== 'listen') throw error;
    log('error', `cannot listen: ${(error as Error).message}`);
    return CANNOT_BIND;
  } finally {
    for (const server of open) server.close();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, stop);
  }
}

async function bind(server: Server, listener: Listener): Promise<string> {
  server.listen(listener.kind === 'unix' ? { path: listener.path } : { host: listener.host, port: listener.port });
  await once(server, 'listening');
  const at = server.address();
  return typeof at === 'object' && at !== null ? shown({ host: at.address, port: at.port }) : String(at);
}

const shown = ({ host, port }: HostPort): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
