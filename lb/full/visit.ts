/**
 * One connection of the app. Its exchanges run one after the other, also when they came pipelined: RFC 9112, 9.3.2 lets only safe ones
 * overlap, and answers keep their order. While one waits, nothing more is read from the connection: what waits is bounded by one read.
 */
import type { Socket } from 'node:net';
import { CallError } from '../errors.js';
import { endPolitely, sayGoodbye } from '../farewell.js';
import type { Entrance } from '../lane.js';
import type { Clock } from '../ports.js';
import { refusalAnswer, type RefusalAnswer, type Refused } from '../refusal.js';

/** What runs: it can be told that the rest of its request will not come. */
export interface Running {
  /** Its request was read to the end. */
  readonly complete: () => boolean;
  broken(why: CallError): void;
  /** The app takes bytes again. Told only once node has let go of the connection, for a later one. */
  drained?(): void;
  /** Ends what runs in order, as far as that can be done. False: it cannot. */
  finish?(): boolean;
  /** It reads the connection itself. */
  readonly alone?: boolean;
  /** Resolves when the last byte of the answer has left. */
  run(): Promise<void>;
}

const nothing = Buffer.alloc(0);

export class Visit {
  readonly socket: Socket;
  readonly entrance: Entrance;
  readonly #clock: Clock;
  readonly #waiting: Running[] = [];
  #running: Running | undefined;
  /** The last that came. */
  #last: Running | undefined;
  #ending = false;
  #takesNoMore = false;
  #farewell: RefusalAnswer | undefined;
  /** What came last makes no sense from some byte on. */
  #wrong: Refused | undefined;

  constructor(socket: Socket, entrance: Entrance, clock: Clock) {
    this.socket = socket;
    this.entrance = entrance;
    this.#clock = clock;
    // node has a connection read on behind each message and each answer
    const readOn = socket.resume.bind(socket);
    socket.resume = () => (this.#waiting.length > 0 ? socket : readOn());
  }

  /** Nothing more is taken from it. */
  get ending(): boolean {
    return this.#ending;
  }

  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** Runs now, or after those that came before. Never, if one of those is the last of its connection. */
  enter(next: Running): void {
    if (this.#ending) return;
    this.#last = next;
    if (this.#running === undefined) return this.#start(next);
    this.#waiting.push(next);
    this.socket.pause();
    // node may have asked a moment ago to read on, which is done in the next tick, and then it reads however the stream stands
    process.nextTick(() => this.#waiting.length > 0 && this.socket.emit('pause'));
  }

  /**
   * The same for one that gets the connection itself: node reads no more of it, and does not look after it. Answers that are still on
   * their way to earlier requests need somebody who hears of trouble, and that the app takes bytes again.
   */
  enterAlone(next: Running): void {
    const { socket } = this;
    if (this.#running === undefined) return this.enter(next);
    const broken = (): void => void socket.destroy();
    const drained = (): void => this.#running?.drained?.();
    socket.on('error', broken).on('drain', drained);
    this.enter({
      ...next,
      alone: true,
      run: () => {
        socket.off('error', broken).off('drain', drained);
        socket.setTimeout(0); // node's, for the pause after an answer
        socket.push(nothing); // what was stopped beneath the stream goes on only if the stream's last read has come to an end
        return next.run();
      },
    });
  }

  /** What runs is to end in order. False: nothing does that could. */
  finish(): boolean {
    return this.#running?.finish?.() ?? false;
  }

  /** What has come is served, and then the connection ends. */
  takeNoMore(): void {
    this.#takesNoMore = true;
  }

  /** Nothing more is taken from this connection. */
  end(): void {
    this.#ending = true;
    this.#waiting.length = 0;
  }

  /**
   * What came makes no sense. If the app waits for an answer to something before it, it gets that first. `stray`: it is nobody's call;
   * otherwise it is the body of the one that runs, or comes after the last.
   */
  wrong(refused: Refused): 'stray' | undefined {
    if (this.#ending) return undefined;
    const last = this.#last;
    if (last !== undefined && !last.complete()) {
      // it is in the body of that one, which runs, waits, or has been answered without its body
      this.#wrong = refused;
      if (this.#running === undefined) this.#endPolitely();
      else if (last === this.#running) this.#break(last);
      return undefined;
    }
    this.#farewell = refusalAnswer(refused, { close: true });
    if (this.#running === undefined) this.#goodbye();
    return 'stray';
  }

  #start(next: Running): void {
    this.#running = next;
    const over = next.run();
    if (this.#wrong !== undefined && !next.complete()) this.#break(next);
    void over.finally(() => {
      this.#running = undefined;
      if (!this.socket.writable) {
        this.end(); // that was the last answer
        this.socket.resume(); // the app's end is waited for
      } else if (this.#wrong !== undefined && !next.complete()) return this.#endPolitely(); // its answer was none to that
      const waiting = this.#waiting.shift();
      if (waiting === undefined) {
        if (this.#farewell) this.#goodbye();
        else if (this.#takesNoMore && this.socket.writable) this.#endPolitely();
        return;
      }
      if (this.#waiting.length === 0 && waiting.alone !== true) this.socket.resume();
      this.#start(waiting);
    });
  }

  /** Its body is broken, and with it everything behind. */
  #break(running: Running): void {
    this.end();
    running.broken(new CallError(this.#wrong!.code, this.#wrong!.message));
  }

  #endPolitely(): void {
    this.end();
    endPolitely(this.socket, this.#clock);
  }

  /** The last words of a connection, outside of any exchange. */
  #goodbye(): void {
    this.end();
    sayGoodbye(this.socket, this.#farewell!, this.#clock);
  }
}
