/** What is asked of every proxy: a row for each workload. `npm run bench -- --list` shows them. */
import type { Load } from './load.js';

export interface Workload {
  readonly id: string;
  readonly title: string;
  readonly load: Load;
  /** Those that are compared; each is in contenders/contenders.ts. */
  readonly contenders: readonly string[];
  /** Endpoints behind the proxy; 4 unless it says otherwise. */
  readonly endpoints?: number;
  /** One endpoint breaks off every tenth GET: calls must be repeated. */
  readonly breaks?: boolean;
  /** Part of the short form. */
  readonly quick?: boolean;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const get = (bytes: number): string => `GET:/${bytes}:0:${bytes}`;
const post = (bytes: number): string => `POST:/:${bytes}:-1`;

export const everybody = ['forwarder', 'haproxy', 'nginx', 'http-proxy', 'undici', 'zidecar', 'zidecar-full', 'zidecar-node24'];

export const workloads: readonly Workload[] = [
  {
    id: '1k-32',
    title: '1 KB answers, 32 connections',
    load: { connections: 32, calls: [get(KIB)] },
    contenders: everybody,
    quick: true,
  },
  { id: '10m', title: '10 MB answers, 8 connections', load: { connections: 8, calls: [get(10 * MIB)] }, contenders: everybody },
  { id: 'post-16k', title: '16 KB uploads', load: { connections: 32, calls: [post(16 * KIB)] }, contenders: everybody },
];
