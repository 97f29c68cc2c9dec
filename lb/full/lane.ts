/**
 * The full lane: node's HTTP server in front, undici behind, http-proxy for websockets. The server listens nowhere: sockets are handed
 * to it. undici and http-proxy are large, and most pods never make a call that is not plain: the first such call loads them.
 * What the server is set to, and why:
 *
 * - fields are not counted by node, which drops those beyond its count without a word, but by us (request-fault.ts);
 * - Host is not checked by node, which answers without our body;
 * - the time for a whole request is nobody's (uploads may take long), the time for its head is, looked at every second.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { uploadLingerMs } from '../bounds.js';
import { endPolitely, sayGoodbye } from '../farewell.js';
import type { CallParts, Entrance, Lane, LaneOptions } from '../lane.js';
import { createServer } from '../node-http.js';
import { refusalAnswer } from '../refusal.js';
import { route } from '../route.js';
import { tellStray } from '../story.js';
import type { Upstream } from '../upstream.js';
import { longestTimerMs } from '../alarm.js';
import { carry } from './call.js';
import { clientError, isLate } from './client-error.js';
import type { Exchange } from './exchange.js';
import { isWebSocket, plainAgain } from './plain-again.js';
import { PlainExchange, type ExchangeTerms, type PoolsOf } from './plain-exchange.js';
import type { Pools } from './pools.js';
import { UpgradeExchange } from './upgrade-exchange.js';
import { inSlices, served } from './slices.js';
import { Visit } from './visit.js';

export class FullLane implements Lane {
  calls = 0;
  carried = 0;
  readonly #parts: CallParts;
  readonly #options: LaneOptions;
  readonly #server: Server;
  readonly #visits = new Map<Socket, Visit>();
  readonly #pools = new Map<Upstream, Pools>();
  /** Once the first plain call has loaded it. */
  #poolsLoaded: PoolsOf | undefined;
  #draining = false;
  #quiet: () => void = () => undefined;
  readonly #terms: ExchangeTerms;

  constructor(parts: CallParts, options: LaneOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#terms = {
      clock: parts.clock,
      loadPools: () => this.#poolsLoaded ?? this.#loadPools(),
      clientIdleTimeoutMs: options.clientIdleTimeoutMs,
      maxHeadBytes: options.maxHeadBytes,
      uploadLingerMs: options.uploadLingerMs ?? uploadLingerMs,
      isLast: () => this.#draining,
    };
    this.#server = createServer({
      maxHeaderSize: options.maxHeadBytes,
      headersTimeout: Math.min(options.headerTimeoutMs ?? 0, longestTimerMs),
      requestTimeout: 0,
      keepAliveTimeout: Math.min(options.clientIdleTimeoutMs ?? 0, longestTimerMs),
      connectionsCheckingInterval: Math.min(options.headerTimeoutMs ?? 1_000, 1_000),
      requireHostHeader: false,
      insecureHTTPParser: false,
    });
    this.#server.maxHeadersCount = 0;
    this.#server.on('request', (request, response) => this.#plain(request, response, false));
    this.#server.on('checkContinue', (request, response) => this.#plain(request, response, true));
    this.#server.on('checkExpectation', (request, response) => this.#plain(request, response, false));
    this.#server.on('upgrade', (request, _, unread) => this.#upgrade(request, unread));
    this.#server.on('connect', (request) => this.#connect(request));
    this.#server.on('clientError', (error, socket) => {
      if (!(socket instanceof Socket)) return;
      // where the process was held up, a head that seems late may be here by now: it is read first
      if (isLate(error)) setImmediate(() => this.#clientError(error, socket));
      else this.#clientError(error, socket);
    });
    this.#server.emit('listening'); // node begins to look after slow heads
  }

  get connections(): number {
    return this.#visits.size;
  }

  /** What its first calls would load, at once. */
  async load(): Promise<void> {
    await Promise.all([this.#loadPools(), import('./upgrade.js')]);
  }

  take(socket: Socket, entrance: Entrance): void {
    this.#visits.set(socket, new Visit(socket, entrance, this.#parts.clock));
    socket.once('close', () => {
      this.#visits.get(socket)?.end();
      this.#visits.delete(socket);
      this.#left();
    });
    // node would close behind the last answer at once, and so take it from an app that still sends
    socket.destroySoon = () => endPolitely(socket, this.#parts.clock);
    inSlices(socket);
    this.#serve(socket);
  }

  /** Node takes what has come so far in the next tick. Were it to have the socket read on before, it would not stop where that has to wait. */
  #serve(socket: Socket): void {
    served(socket, () => this.#server.emit('connection', socket));
    process.nextTick(() => socket.resume());
  }

  drain(): void {
    this.#draining = true;
    this.#server.closeIdleConnections();
    for (const socket of this.#visits.keys()) if (socket.bytesRead === 0) socket.end();
  }

  async close(): Promise<void> {
    const quiet = new Promise<void>((resolve) => (this.#quiet = resolve));
    this.#server.close(() => undefined);
    for (const [socket, visit] of this.#visits) if (!visit.finish()) socket.destroy();
    for (const pools of this.#pools.values()) pools.close();
    this.#left();
    await quiet;
  }

  #left(): void {
    if (this.#visits.size === 0 && this.calls === 0) this.#quiet();
  }

  #plain(request: IncomingMessage, response: ServerResponse, expects: boolean): void {
    const visit = this.#visits.get(request.socket);
    if (visit === undefined) return; // it was closed while its requests were still being read
    const exchange = new PlainExchange(request, response, expects, this.#terms);
    visit.enter({
      complete: () => request.complete,
      broken: (why) => exchange.broken(why),
      drained: () => exchange.drained(),
      run: () => this.#carry(exchange, visit.entrance),
    });
  }

  #upgrade(request: IncomingMessage, unread: Buffer): void {
    const { socket } = request;
    const visit = this.#visits.get(socket);
    if (visit === undefined) return void socket.destroy();
    let exchange: UpgradeExchange | undefined;
    visit.enterAlone({
      complete: () => true,
      broken: () => undefined,
      finish: () => exchange?.finish() ?? false,
      run: async () => {
        if (isWebSocket(request)) {
          exchange = new UpgradeExchange(request, socket, unread, this.#terms);
          return this.#carry(exchange, visit.entrance);
        }
        plainAgain(request, socket, unread);
        this.#serve(socket);
      },
    });
  }

  /** Never carried; the routing has the words for it. */
  #connect({ method = '', url: target = '', rawHeaders, socket }: IncomingMessage): void {
    const { own, domain, clock } = this.#parts;
    const refused = route({ method, target, hosts: [], version: '1.1' }, { own, domain });
    const visit = this.#visits.get(socket);
    if (!('code' in refused) || visit === undefined) return void socket.destroy();
    visit.enterAlone({
      complete: () => true,
      broken: () => undefined,
      run: async () => {
        tellStray(refused.code, this.#parts, { method, target, raw: rawHeaders });
        sayGoodbye(socket, refusalAnswer(refused, { close: true }), clock);
      },
    });
  }

  #clientError(error: Error, socket: Socket): void {
    const visit = this.#visits.get(socket);
    if (visit?.ending === true && !socket.writable) return; // it has had its last words, and has time to read them
    if (visit === undefined || !socket.writable) return void socket.destroy();
    const trouble = clientError(error, { unused: socket.bytesRead === 0, busy: visit.busy });
    if (trouble === 'nothing') return;
    if (trouble === 'last') return visit.takeNoMore();
    if (trouble === 'gone') return void socket.destroy();
    if (visit.wrong(trouble) === 'stray') tellStray(trouble.code, this.#parts);
  }

  async #carry(exchange: Exchange, entrance: Entrance): Promise<void> {
    this.calls++;
    this.carried++;
    try {
      await carry(exchange, entrance, this.#parts);
    } catch (error) {
      // a fault in here must not take the other calls with it; the app is told what it was
      await exchange.refuse(refusalAnswer({ code: 'local', message: `a fault of ours: ${String(error)}` }, { close: true }));
    } finally {
      exchange.end();
      this.calls--;
      this.#left();
    }
  }

  async #loadPools(): Promise<PoolsOf> {
    const { Pools } = await import('./pools.js');
    return (this.#poolsLoaded = (upstream) => this.#poolsOf(upstream, Pools));
  }

  /** Kept from the first connection until the last has gone. */
  #poolsOf(upstream: Upstream, make: typeof Pools): Pools {
    const known = this.#pools.get(upstream);
    if (known !== undefined) return known;
    const { maxHeadBytes } = this.#options;
    const { usage } = upstream;
    const pools: Pools = new make({ clock: this.#parts.clock, maxHeadBytes, usage }, () => {
      const stopListening = upstream.onGone((gone) => pools.drop(gone));
      const stopKeeping = usage.keeps(() => pools.closeIdle());
      this.#pools.set(upstream, pools);
      return () => {
        stopListening();
        stopKeeping();
        this.#pools.delete(upstream);
      };
    });
    return pools;
  }
}
