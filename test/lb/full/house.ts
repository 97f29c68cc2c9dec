/** A proxy over real sockets with real upstreams, for tests of the full lane: raw apps on one side, raw endpoints on the other. */
import { defaultLimits, type Limits } from '../../../lb/limits.js';
import { defaultBreaker } from '../../../lb/breaker.js';
import type { TestContext } from 'node:test';
import { random, type Clock } from '../../../agent/system.js';
import type { Endpoint } from '../../../lb/endpoint.js';
import type { Outcome } from '../../../lb/outcome.js';
import type { LbFact } from '../../../lb/facts.js';
import { policies } from '../../../lb/policies.js';
import { Proxy, type ProxyListener, type ProxyOptions } from '../../../lb/proxy.js';
import { defaultCallSettings, type CallSettings } from '../../../lb/settings.js';
import { Upstream } from '../../../lb/upstream.js';
import { freePort } from '../../support/ports.js';
import { RawServer, Wire } from '../../support/raw.js';
import { clock as runningClock } from '../../support/running-clock.js';

export interface House {
  readonly proxy: Proxy;
  readonly at: string;
  readonly upstreams: Map<string, Upstream>;
  readonly facts: LbFact[];
  /** What the endpoints' attempts said about them. */
  readonly outcomes: Outcome[];
  /** A new connection of the app. */
  readonly app: () => Promise<Wire>;
  /** One request on a connection of its own; the whole answer, as long as it has a length. */
  readonly ask: (request: string) => Promise<string>;
}

/** Which lane the houses of this process have: the tests of plain exchanges run through both (test/lb/fast/). */
let lane: 'full' | 'fast' = 'full';
export const useLane = (which: 'full' | 'fast'): void => void (lane = which);
export const theLane = (): 'full' | 'fast' => lane;

export interface HouseOptions {
  readonly settings?: Partial<CallSettings>;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  readonly proxy?: Partial<ProxyOptions>;
  readonly listener?: Partial<Extract<ProxyListener, { kind: 'tcp' }>> | Extract<ProxyListener, { kind: 'unix' }>;
}

export async function house(
  t: TestContext,
  peers: Readonly<Record<string, readonly (RawServer | Endpoint)[] | undefined>>,
  { settings = {}, limits = {}, clock = runningClock, proxy: options = {}, listener = {} }: HouseOptions = {},
): Promise<House> {
  const facts: LbFact[] = [];
  const outcomes: Outcome[] = [];
  const seen = (_: unknown, outcome: Outcome): void => void outcomes.push(outcome);
  const emit = (fact: LbFact): void => void facts.push(fact);
  const upstreams = new Map<string, Upstream>();
  for (const [name, list] of Object.entries(peers)) {
    const upstream = new Upstream(name, {
      balancer: Object.assign(
        policies.round_robin(() => 0),
        { seen },
      ),
      clock,
      random,
      emit,
      breaker: { ...defaultBreaker, failures: 5, openMs: 60_000, maxOpenMs: 60_000, jitter: 0 },
      limits: { ...defaultLimits, ...limits },
      source: `/services/${name}`,
    });
    if (list) upstream.update(list.map((peer, index) => (peer instanceof RawServer ? peer.endpoint('abcdef'[index]!) : peer)));
    upstreams.set(name, upstream);
  }
  const tcp: ProxyListener = { kind: 'tcp', host: '127.0.0.1', port: 0, setting: 'ZIDECAR_OUTBOUND' };
  const proxy = new Proxy({
    ...{ clock, random, emit },
    lookup: (name) => upstreams.get(name) ?? { code: 'unknown_upstream', message: `nobody knows "${name}"` },
    options: {
      listeners: ['path' in listener ? listener : { ...tcp, ...listener }],
      settings: () => ({ ...defaultCallSettings, ...settings }),
      ...{ domain: 'zk', pseudonym: 'zidecar-test', maxFields: 100, maxHeadBytes: 32 * 1024 },
      ...{ headerTimeoutMs: 10_000, clientIdleTimeoutMs: 3_600_000, fastLane: lane === 'fast' },
      ...options,
    },
  });
  const [{ at } = { at: '' }] = await proxy.listen();
  t.after(async () => {
    await proxy.close();
    for (const list of Object.values(peers)) for (const peer of list ?? []) if (peer instanceof RawServer) await peer.stop();
  });
  const app = (): Promise<Wire> => Wire.dial(at.startsWith('unix:') ? at.slice('unix:'.length) : Number(at.split(':').at(-1)));
  const ask = async (request: string): Promise<string> => {
    const wire = await app();
    const answer = await wire.write(request).message();
    wire.socket.destroy();
    return answer;
  };
  return { proxy, at, upstreams, facts, outcomes, app, ask };
}

/** A port of the loopback where nobody listens, nor will. */
export const deadPort = (): Promise<number> => freePort();

export const dead = async (id: string): Promise<Endpoint> => ({
  id,
  host: '127.0.0.1',
  port: await deadPort(),
  weight: 1,
  meta: {},
});

/** Looks again until it holds. The test's own time limit is the only one. */
export async function eventually(look: () => boolean): Promise<void> {
  while (!look()) await runningClock.sleep(5);
}

/** The number, once it has stood still for many looks, between which this process, and what it tests, has had its turns. */
export async function standing(look: () => number): Promise<number> {
  let [before, same] = [-1, 0];
  await eventually(() => {
    same = look() === before ? same + 1 : 0;
    before = look();
    return same > 20;
  });
  return before;
}

export const get = (path = '/', more = ''): string => `GET ${path} HTTP/1.1\r\nHost: orders\r\n${more}\r\n`;
export const ok = (body = 'ok', more = ''): string => `HTTP/1.1 200 OK\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;

/** Of a websocket. */
export const handshake = (more = '', path = '/chat'): string =>
  `GET ${path} HTTP/1.1\r\nHost: orders\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n${more}\r\n`;
export const switching = (more = ''): string =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x=\r\n${more}\r\n`;
