/**
 * One stay at one server: greets it, says who we are, has it confirm the session by an answer, tells it of the watches, and then asks and
 * listens until the connection ends. What makes the session (its id, its watches) is handed in, and outlives the stay.
 *
 *     connecting ──▶ greeted ──login──▶ known ──ping answered, watches told──▶ up ──▶ ended
 */
import { Connection } from './connection.js';
import type { Tls } from './connection.js';
import { ZooKeeperError, isCode } from './errors.js';
import type { Greeting } from './greeting.js';
import { ProtocolError, Reader, Writer } from './jute.js';
import type { TooLong } from './jute.js';
import { present } from './login.js';
import type { Login } from './login.js';
import { close, ping, saslToken } from './operations.js';
import type { Operation } from './operations.js';
import type { Clock } from './ports.js';
import { LONGEST_REQUEST, eventTypes, xid } from './protocol.js';
import { Pulse } from './pulse.js';
import { readHead } from './records.js';
import { Requests } from './requests.js';
import type { Bounds, OnAnswer } from './requests.js';
import type { Address } from './resolve.js';
import { Turns } from './turns.js';
import type { Pieces } from './turns.js';
import type { Call, WatchRegistry } from './watches.js';

export interface VisitParts {
  readonly clock: Clock;
  readonly greeting: Greeting;
  readonly watches: WatchRegistry;
  readonly login: Login;
  readonly bounds: Bounds;
  readonly longestAnswer: number;
  readonly call: Call;
  /** The last change whose events have surely come: from there on the server is asked what was missed. */
  readonly watchedTo: bigint;
  /** Nothing leaves with the greeting: a server has got the watches in vain already. */
  readonly greetsAlone: boolean;
  /** Longest wait until the connection is open, and until the greeting is answered. */
  readonly connectMs: number;
  readonly greetMs: number;
}

/** In this order; each at most once. */
export interface VisitEvents {
  /** The server holds our session from now on. */
  greeted(): void;
  /** It has answered, and knows all watches. */
  up(isReadOnly: boolean): void;
  /** It leaves a question unanswered, and is silent. Told again when it was heard meanwhile. */
  doubted(): void;
  /** `over`: no server will ever know the session again; `login` where they want another one of us. */
  ended(why: string, over: 'gone' | 'login' | undefined): void;
}

const MOST_TURNS = 16;
/** Packets of watches that are out: 128 KiB, so that few waits are for an answer. */
const PARTS_OUT = 8;
/** So many leave with the greeting. More are kept for a server that has proven to be one, since the others get them in vain. */
const FEW_WATCHES = 256;
/** Answered behind a long answer, and heard at once. The longest one takes 256 timeouts of eight pings at the most; those of more than 80 s have more. */
const MOST_PINGS = 2_048;

export class Visit {
  readonly label: string;
  readonly #parts: VisitParts;
  readonly #events: VisitEvents;
  readonly #connection: Connection;
  readonly #turns: Turns;
  readonly #requests: Requests;
  readonly #server: Address;
  /** There was no session before this stay. */
  readonly #isNew: boolean;
  #pulse: Pulse | undefined;
  #over: 'gone' | 'login' | undefined;
  #isFlushing = false;
  #isConfirmed = false;
  #isUp = false;
  /** The session is confirmed and its watches told, or will be: under way since the greeting. */
  #settled: Promise<unknown> | undefined;
  #wasSlow = false;
  #stopTimer: () => void;

  constructor(server: Address, tls: Tls | undefined, parts: VisitParts, events: VisitEvents) {
    this.label = server.label;
    this.#server = server;
    this.#isNew = !parts.greeting.isHeld;
    this.#parts = parts;
    this.#events = events;
    this.#turns = new Turns(parts.clock);
    this.#requests = new Requests(parts.bounds);
    this.#stopTimer = this.#limit(parts.connectMs, 'takes no connection');
    this.#connection = new Connection(server, tls, parts.longestAnswer, this.#turns, {
      opened: () => this.#greet(),
      heard: () => this.#pulse?.heard(parts.clock.now()),
      frame: (frame) => this.#read(new Reader(frame)),
      begun: (frame) => this.#gather(frame),
      ended: (why, tooLong) => this.#ended(why, tooLong),
    });
  }

  /** The server held our session. */
  get wasGreeted(): boolean {
    return this.#pulse !== undefined;
  }

  /** It got our question and our watches with the greeting, and answered none of it. */
  get wasToldInVain(): boolean {
    return this.#settled !== undefined && !this.wasGreeted;
  }

  /** When the server was last heard. */
  get heardAt(): number | undefined {
    return this.#pulse?.heardAt;
  }

  /** The server took longer than it may. */
  get wasSlow(): boolean {
    return this.#wasSlow;
  }

  ask<T>(operation: Operation<T>, onAnswer?: OnAnswer): Promise<T> {
    const answer = this.#requests.ask(operation, this.#parts.clock.now(), onAnswer);
    this.#flush();
    return answer;
  }

  /** Ends the session. Resolves when the server has said so, or the connection is over. */
  close(): Promise<void> {
    return this.ask(close()).then(
      () => this.end('has closed the session'),
      () => undefined,
    );
  }

  /** `why` follows the server's name. */
  end(why: string): void {
    this.#connection.end(why);
  }

  #greet(): void {
    this.#stopTimer();
    this.#stopTimer = this.#limit(this.#parts.greetMs, 'does not answer our greeting');
    const { greeting, watches, login, greetsAlone } = this.#parts;
    const writer = new Writer();
    const from = writer.open();
    greeting.write(writer);
    writer.close(from);
    this.#connection.write(writer.take());
    const isSecret = login.credentials.length > 0 || login.sasl !== undefined;
    if (!greeting.isHeld || greetsAlone || watches.size > FEW_WATCHES || isSecret) return;
    // at a reconnect each wait for an answer is a part of the outage; a server reads no more until it has found the session
    this.#settled = this.#settle();
    this.#settled.catch(() => undefined); // it is heard of when there is a greeting to answer for
  }

  #read(reader: Reader): Pieces | undefined {
    if (!this.#pulse) {
      this.#welcome(reader);
      return undefined;
    }
    const head = readHead(reader);
    if (head.xid === xid.event) {
      const type = eventTypes[reader.int()];
      reader.int();
      const path = reader.text();
      if (type === undefined || type === 'removed') return undefined;
      // whoever hears of it goes up all of the path
      if (!path.startsWith('/') || path.length > LONGEST_REQUEST) throw new ProtocolError('tells of a change of what is no path');
      this.#parts.watches.fire({ type, path }, this.#parts.call);
      return undefined;
    }
    const left = this.#requests.answer(head, reader, this.label);
    if (head.xid > 0 || head.xid === xid.setWatches) this.#pulse.answered(this.#pulse.heardAt);
    if (head.xid > 0) this.#parts.greeting.seen(head.zxid); // of an answer that fits: a wrong one would cost us the session everywhere
    return left;
  }

  /** An answer to a question, and nothing else, is worth waiting for. */
  #gather(frame: Buffer): void {
    if (this.#pulse && frame.length >= 4 && this.#requests.isNext(frame.readInt32BE(0)))
      this.#pulse.gathered(frame.length, this.#pulse.heardAt);
  }

  #welcome(reader: Reader): void {
    const { greeting, clock } = this.#parts;
    const welcome = greeting.read(reader);
    this.#stopTimer();
    if (welcome.kind === 'over') {
      this.#over = 'gone';
      return this.end(`says: ${welcome.why}`);
    }
    this.#pulse = new Pulse(greeting.timeoutMs, clock.now());
    this.#beat();
    this.#events.greeted();
    void this.#prepare(welcome.isReadOnly);
  }

  async #prepare(isReadOnly: boolean): Promise<void> {
    try {
      for (const credentials of this.#parts.login.credentials) await this.#special(xid.auth, present(credentials));
      await this.#converse();
      await (this.#settled ?? this.#settle());
      this.#isUp = true;
      this.#events.up(isReadOnly);
    } catch (error) {
      const wantsLogin = isCode(error, 'SASL_REQUIRED');
      // a session that another server has confirmed may still be good there
      if (isCode(error, 'AUTH_FAILED') || (wantsLogin && this.#isNew)) this.#over = 'login';
      else if (isCode(error, 'SESSION_EXPIRED')) this.#over = 'gone';
      if (wantsLogin) this.end('demands a login, and none of ours will do: SASL_REQUIRED (-124)');
      else this.end(error instanceof ZooKeeperError ? `refuses ${error.message}` : (error as Error).message);
    }
  }

  #settle(): Promise<unknown> {
    return Promise.all([this.#confirm(), this.#tellWatches()]);
  }

  async #confirm(): Promise<void> {
    await this.#special(xid.ping, ping);
    this.#isConfirmed = true;
  }

  async #tellWatches(): Promise<void> {
    const { watches, watchedTo, call } = this.#parts;
    const parts = watches.parts(watchedTo);
    const tell = async (): Promise<void> => {
      for (const part of parts) await this.#special(xid.setWatches, part);
    };
    await Promise.all(Array.from({ length: PARTS_OUT }, tell)).catch((error: unknown) => {
      if (isCode(error, 'UNIMPLEMENTED')) watches.loseLasting(call); // by servers before 3.6: the next is told of the others
      throw error;
    });
  }

  async #converse(): Promise<void> {
    const mechanism = this.#parts.login.sasl?.(this.#server.name ?? this.#server.host);
    let token: Uint8Array | undefined = await mechanism?.first();
    for (let turn = 0; mechanism && token !== undefined; turn++) {
      if (turn === MOST_TURNS) throw new ProtocolError('goes on with the SASL login for ever');
      token = await mechanism.next(await this.ask(saslToken(token)));
    }
  }

  #special(number: number, operation: Operation<undefined>): Promise<undefined> {
    const answer = this.#requests.askSpecial(number, operation, this.#parts.clock.now());
    this.#flush();
    return answer;
  }

  /** What is asked within one turn of the event loop leaves in one piece. */
  #flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      const bytes = this.#requests.take();
      if (!bytes) return;
      this.#pulse?.sent(this.#parts.clock.now());
      this.#connection.write(bytes);
    });
  }

  #beat(dueAt = Infinity): void {
    const pulse = this.#pulse!;
    const now = this.#parts.clock.now();
    // our process stood still: what came meanwhile is still to be read
    if (now - dueAt > pulse.trustMs / 2) return this.#beatIn(0);
    const beat = pulse.next(now, this.#requests.oldest, this.#isUp);
    if (beat.do === 'doubt') this.#events.doubted();
    if (beat.do === 'leave') return this.end(beat.why);
    if (beat.do === 'ping' && this.#isConfirmed && this.#requests.outWith(xid.ping) < MOST_PINGS)
      this.#special(xid.ping, ping).catch(() => undefined);
    this.#beatIn(Math.min(beat.do === 'wait' ? beat.ms : pulse.restMs, pulse.trustMs / 4));
  }

  #beatIn(ms: number): void {
    const dueAt = this.#parts.clock.now() + ms;
    this.#stopTimer = this.#parts.clock.after(ms, () => this.#beat(dueAt));
  }

  #limit(ms: number, why: string): () => void {
    return this.#parts.clock.after(ms, () => {
      this.#wasSlow = true;
      this.end(`${why} within ${Math.round(ms)} ms`);
    });
  }

  #ended(why: string, tooLong: TooLong | undefined): void {
    this.#stopTimer();
    const bound = tooLong && ({ of: 'bytes of an answer of ZooKeeper', limit: tooLong.limit } as const);
    this.#turns.run(this.#requests.fail('CONNECTION_LOSS', why, bound));
    this.#events.ended(why, this.#over);
  }
}
