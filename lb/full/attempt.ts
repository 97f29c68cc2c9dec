/**
 * One send of one request to one endpoint, over undici. It knows what left us (nothing, some, all) and translates what went wrong into
 * the words of the failure table; it knows nothing of retries, circuits or the app.
 *
 *     connect ──▶ dispatched, head written ──▶ body written ──▶ head of the answer ──▶ body ──▶ end
 *        nothing              some                  all               (Answer)          cut: the body is destroyed
 *
 * Back pressure goes through both ways: the request's body is a stream that undici reads at the endpoint's pace, and a full answer body
 * makes undici's parser stop reading the socket.
 */
import { mostInformational } from '../bounds.js';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { CallError } from '../errors.js';
import { hasFraming, hasNoBody } from '../framing.js';
import { trimmed } from '../headers.js';
import type { Clock } from '../ports.js';
import type { Refused } from '../refusal.js';
import { alarm } from '../alarm.js';
import { answerFault, type Answer, type Failed, type Inform, type Sent } from './answer.js';
import type { Connection } from './pools.js';
import type { Stop } from './stop.js';

export interface Outgoing {
  readonly method: string;
  /** In origin form, or `*`. */
  readonly target: string;
  /** Flat raw pairs without Transfer-Encoding; Content-Length only if the body has exactly that. */
  readonly fields: () => readonly string[];
  /** Without Content-Length among the fields it goes out chunked. */
  readonly body?: Readable | undefined;
}

export interface AttemptTerms {
  readonly clock: Clock;
  /** From the last byte of the request to the head of its answer. */
  readonly responseTimeoutMs: number | undefined;
  /** Its reason becomes the failure. After the head of the answer it is without effect. */
  readonly stop: Stop;
  readonly inform: Inform;
  /** Told whenever the body of the answer moves on, or begins to be waited for. */
  readonly moved: () => void;
}

export const attempt = (connection: Connection, request: Outgoing, terms: AttemptTerms): Promise<Answer | Failed> =>
  new Promise((resolve) => new Attempt(connection, request, terms, resolve).send());

class Attempt {
  readonly #connection: Connection;
  readonly #request: Outgoing;
  readonly #terms: AttemptTerms;
  readonly #resolve: (result: Answer | Failed) => void;
  #sent: Sent = 'nothing';
  #bodySentAt: number | undefined;
  #informational = 0;
  #body: AnswerBody | undefined;
  #bodiless = false;
  #trailers: readonly string[] = [];
  #abort: (error: CallError) => void;
  #stopAlarm: () => void = () => undefined;
  #hearNoMore: () => void = () => undefined;

  constructor(connection: Connection, request: Outgoing, terms: AttemptTerms, resolve: (result: Answer | Failed) => void) {
    this.#connection = connection;
    this.#request = request;
    this.#terms = terms;
    this.#resolve = resolve;
    this.#abort = (error) => {
      this.#fail(error);
      connection.close();
    };
  }

  send(): void {
    const { stop } = this.#terms;
    if (stop.reason !== undefined) return this.#stopped();
    this.#hearNoMore = stop.heard(this.#stopped);
    const { method, target, fields, body = null } = this.#request;
    const path = target === '*' ? '/' : target; // undici takes no `*`: see `expectAnswer`
    this.#connection.open((failure) => {
      if (failure !== undefined) return this.#abort(failure);
      this.#connection.dispatch({ method, path, headers: fields() as string[], body }, this.#handler);
    });
  }

  readonly #stopped = (): void => this.#abort(this.#terms.stop.reason!);

  readonly #handler: Dispatcher.DispatchHandler = {
    onRequestStart: (controller) => {
      this.#abort = (error) => {
        controller.abort(error);
        this.#connection.close(); // undici would connect again, for nobody
      };
      const { body, target } = this.#request;
      this.#connection.expectAnswer(target);
      if (body === undefined) return this.#sentAll();
      this.#sent = 'some';
      body.once('end', () => {
        this.#bodySentAt = this.#terms.clock.now();
        this.#sentAll();
      });
    },

    onResponseStart: (controller, status) => {
      const fields = rawPairs(controller.rawHeaders);
      const reason = this.#connection.reason();
      if (status >= 100 && status < 200 && status !== 101) {
        if (++this.#informational > mostInformational) this.#abort(this.#bad('it sends no end of 1xx heads'));
        else this.#terms.inform(status, reason, fields);
        return;
      }
      const { old } = this.#connection;
      const fault = status === 101 ? 'it changes the protocol, which nobody asked for' : answerFault(status, reason, fields, old);
      if (fault === undefined) this.#answer(status, reason, fields, controller);
      else this.#abort(this.#bad(fault));
    },

    onResponseData: (_, chunk) => {
      this.#connection.bodyCame(chunk.length);
      this.#body!.arrived(chunk);
    },

    onResponseEnd: (controller) => {
      this.#trailers = rawPairs(controller.rawTrailers);
      if (!hasFraming(this.#trailers)) return this.#body!.whole();
      this.#fail(this.#bad('there is a field of framing among its trailers'));
      this.#connection.close();
    },

    onResponseError: (_, error) => this.#fail(error),
  };

  #sentAll(): void {
    this.#sent = 'all';
    if (this.#body) return; // the answer was there first
    const { clock, responseTimeoutMs } = this.#terms;
    const late = `no answer from ${this.#connection.address} in ${responseTimeoutMs ?? 0} ms`;
    this.#stopAlarm = alarm(clock, responseTimeoutMs, () => this.#abort(new CallError('response_timeout', late)));
  }

  #answer(status: number, reason: string, fields: readonly string[], controller: Dispatcher.DispatchController): void {
    this.#settle();
    this.#bodiless = hasNoBody(this.#request.method, status);
    const giveUp = (): void => this.#abort(new CallError('client_gone', 'the answer is not wanted any more'));
    const body = new AnswerBody(controller, giveUp, this.#terms.moved);
    this.#body = body;
    const [sent, bodySentAt] = [this.#sent, this.#bodySentAt];
    const [waiting, trailers] = [() => body.waiting, () => this.#trailers];
    this.#resolve({ kind: 'answer', sent, bodySentAt, status, reason, fields, body, waiting, trailers });
  }

  #fail(error: Error): void {
    this.#settle();
    if (this.#body === undefined) {
      const failure = this.#explained(error);
      const kept = this.#connection.reused && failure.code === 'reset';
      const { code, message } = failure;
      return this.#resolve({ kind: 'failed', code, message, sent: this.#sent, bodySentAt: this.#bodySentAt, kept });
    }
    // undici counts the bytes of a 304 against its Content-Length and finds them missing
    if (this.#bodiless && codeOf(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') this.#body.whole();
    else this.#body.cut(new CallError('cut', `${this.#connection.address} cut its answer: ${error.message}`, { cause: error }));
  }

  #settle(): void {
    this.#stopAlarm();
    this.#hearNoMore();
  }

  #bad(why: string): CallError {
    return new CallError('bad_answer', `${this.#connection.address} sent an answer that cannot be passed on: ${why}`);
  }

  #explained(error: Error): Refused {
    if (error instanceof CallError) return error;
    const code = codeOf(error);
    // these two of undici are answers that make no sense
    if (code === 'UND_ERR_SOCKET' && /^bad (response|upgrade)$/.test(error.message)) return this.#bad(error.message);
    if (code === 'UND_ERR_SOCKET')
      return { code: 'reset', message: `${this.#connection.address} broke the connection: ${error.message}` };
    if (error.name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH')
      return this.#bad(error.message);
    return { code: 'local', message: `a fault of ours on the way to ${this.#connection.address}: ${error.message}` };
  }
}

const codeOf = (error: Error): unknown => (error as NodeJS.ErrnoException).code;

/** As undici has them: buffers, in the order of the wire, with the blanks behind values. */
const rawPairs = (raw: Dispatcher.DispatchController['rawHeaders']): readonly string[] =>
  Array.isArray(raw) ? raw.map((part) => trimmed(typeof part === 'string' ? part : part.toString('latin1'))) : [];

/** The answer's body, which undici pushes at us and the app pulls. */
class AnswerBody extends Readable {
  readonly #tap: Dispatcher.DispatchController;
  readonly #giveUp: () => void;
  readonly #moved: () => void;
  #over = false;

  constructor(tap: Dispatcher.DispatchController, giveUp: () => void, moved: () => void) {
    super({ highWaterMark: 64 * 1024 });
    this.#tap = tap;
    this.#giveUp = giveUp;
    this.#moved = moved;
    this.on('error', () => undefined); // it can be cut before anybody listens; who comes later looks at `errored`
  }

  get waiting(): boolean {
    return !this.#tap.paused && !this.#over;
  }

  arrived(chunk: Buffer): void {
    this.#moved();
    if (!this.push(chunk)) this.#tap.pause();
  }

  whole(): void {
    this.#over = true;
    this.push(null);
  }

  cut(error: CallError): void {
    this.#over = true;
    this.destroy(error);
  }

  override _read(): void {
    this.#moved();
    this.#tap.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#over) {
      this.#over = true;
      this.#giveUp();
    }
    done(error);
  }
}
