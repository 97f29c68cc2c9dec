/** What is asked of every proxy: a row for each workload. `npm run bench -- --list` shows them. */
import { settings } from './contenders/settings.js';
import type { Load } from './load.js';

export interface Workload {
  readonly id: string;
  readonly title: string;
  /** calls: a load, round after round. memory: what is resident, idle and with connections. pick: what choosing an endpoint takes. */
  readonly kind: 'calls' | 'memory' | 'pick';
  readonly load: Load;
  /** Those that are compared; each is in contenders/contenders.ts. */
  readonly contenders: readonly string[];
  /** Endpoints of each service, 4 unless it says otherwise, and services. */
  readonly endpoints?: number;
  readonly services?: number;
  /** One endpoint breaks off every tenth GET: calls must be repeated. */
  readonly breaks?: boolean;
  /** Not part of a run that names no workload. */
  readonly onlyByName?: true;
  /** Part of the short form, with these. */
  readonly quick?: readonly string[];
}

const KIB = 1024;
const MIB = 1024 * KIB;
const get = (bytes: number): string => `GET:/${bytes}:0:${bytes}`;
const send = (bytes: number, method = 'POST'): string => `${method}:/:${bytes}:-1`;
const small = (connections: number): Load => ({ connections, calls: [get(KIB)] });

const ours = ['zidecar', 'zidecar-node24', 'zidecar-full'];
const fast = ['forwarder', 'haproxy', 'nginx', ...ours];
const everybody = [...fast, 'undici', 'http-proxy'];
const large = ['haproxy-64k', 'haproxy-splice', ...everybody];
const whoScales = ['haproxy', 'zidecar'];

const calls = (id: string, title: string, load: Load, contenders: readonly string[], more: Partial<Workload> = {}): Workload => ({
  ...{ id, title, kind: 'calls', load, contenders },
  ...more,
});

/** Three kinds of calls in ten, of which the first eight are the small ones. */
const mixed: Load = { connections: 32, calls: [...Array<string>(8).fill(get(KIB)), get(64 * KIB), send(8 * KIB, 'PUT')] };
const echo: Load = { connections: 32, calls: ['GET:/:0:0'], websocket: 256 };

export const workloads: readonly Workload[] = [
  calls('1k-1', '1 KB answers, 1 connection', small(1), fast),
  calls('1k-32', '1 KB answers, 32 connections', small(32), everybody, { quick: everybody }),
  calls('1k-256', '1 KB answers, 256 connections', small(256), everybody),
  calls('1k-1000', '1 KB answers, 1,000 connections', small(1_000), fast),
  calls('64k', '64 KB answers, 32 connections', { connections: 32, calls: [get(64 * KIB)] }, ['haproxy-64k', ...fast]),
  calls('10m', '10 MB answers, 8 connections', { connections: 8, calls: [get(10 * MIB)] }, large),
  calls(
    'post-16k',
    '16 KB uploads, 32 connections',
    { connections: 32, calls: [send(16 * KIB)] },
    ['haproxy-64k', ...everybody],
    {
      quick: ['forwarder', 'haproxy', 'haproxy-64k', 'nginx', 'zidecar', 'zidecar-node24'],
    },
  ),
  calls('post-10m', '10 MB uploads, 8 connections', { connections: 8, calls: [send(10 * MIB)] }, large),
  calls('websocket', 'WebSocket messages of 256 bytes and back, 32 connections', echo, [...fast, 'http-proxy']),
  calls('retries', 'mixed calls, one endpoint of three breaks off every tenth GET', mixed, ['haproxy', 'nginx', ...ours], {
    endpoints: 3,
    breaks: true,
  }),
  calls('close', 'a connection for each call, 1 KB answers, 32 at a time', { ...small(32), close: true }, fast),
  ...[1_000, 4_000].map((rate) =>
    calls(
      `rate-${rate}`,
      `${rate} calls a second, 1 KB answers`,
      { ...small(32), rate },
      ['direct', 'haproxy', 'nginx', ...ours, 'undici'],
      {
        ...(rate === 4_000 && { quick: ['direct', 'haproxy', 'nginx', 'zidecar', 'zidecar-node24'] }),
      },
    ),
  ),
  calls('settings', 'what settings cost: 1 KB answers, 32 connections', small(32), ['zidecar', ...settings.map(({ id }) => id)], {
    onlyByName: true,
  }),
  { id: 'memory', title: 'resident memory', kind: 'memory', load: small(1_000), contenders: everybody },
  { id: 'pick', title: 'choosing an endpoint', kind: 'pick', load: small(1), contenders: [] },
  ...[3, 500, 5_000].map((endpoints) =>
    calls(`endpoints-${endpoints}`, `1 KB answers, ${endpoints} endpoints`, small(32), whoScales, { endpoints }),
  ),
  ...[1, 100, 1_000].map((services) =>
    calls(
      `services-${services}`,
      `1 KB answers, ${services} services of 3 endpoints`,
      { ...small(32), hosts: services },
      whoScales,
      {
        endpoints: 3,
        services,
      },
    ),
  ),
];
