/**
 * Our side of the answer to one request of the app, over node's ServerResponse. It frames anew (a length where the endpoint gave one,
 * else chunks, else the end of the connection), keeps every other field as it is told, and cuts so that the app can see it.
 */
import type { ServerResponse } from 'node:http';
import { CallError } from '../errors.js';
import { codingNames, framingNames, hasNoBody } from '../framing.js';
import { linesOf, trailerFields, valuesOf, withoutNamed } from '../headers.js';
import type { RefusalAnswer } from '../refusal.js';
import { reset } from '../reset.js';
import type { Answer } from './answer.js';
import type { Asked } from './exchange.js';

export class Reply {
  readonly #response: ServerResponse;
  readonly #asked: Asked;
  readonly #isLast: () => boolean;
  #endsWithConnection = false;

  /** `isLast`: the connection takes no request after this one. */
  constructor(response: ServerResponse, asked: Asked, isLast: () => boolean) {
    this.#response = response;
    this.#asked = asked;
    this.#isLast = isLast;
  }

  /** The app does not take what we have for it. */
  get stalled(): boolean {
    return this.#response.writableNeedDrain;
  }

  onGone(listener: (why: CallError) => void): void {
    this.#response.once('close', () => {
      if (!this.#response.writableFinished) listener(gone());
    });
  }

  /** The connection has drained, and node does not hear of it any more. */
  drained(): void {
    this.#response.emit('drain');
  }

  /** Tells an app that waits for it to send its body. */
  goOn(): void {
    this.#response.writeContinue();
  }

  /** Passes a head of 1xx on. HTTP/1.0 knows none. */
  inform(status: number, reason: string, fields: readonly string[]): void {
    const { socket, headersSent } = this.#response;
    if (this.#asked.version !== '1.1' || headersSent || !socket) return;
    // like a trailer, such a head may frame and route nothing
    socket.write(`HTTP/1.1 ${status} ${reason}\r\n${linesOf(trailerFields(fields))}\r\n`, 'latin1');
  }

  refuse({ status, fields, body }: RefusalAnswer): Promise<void> {
    const response = this.#response;
    return new Promise((resolve) => {
      if (response.destroyed) return resolve();
      response.once('close', resolve);
      if (response.headersSent) return this.cut();
      const ends = this.#isLast() ? ['connection', 'close'] : [];
      response.writeHead(status, [...fields, ...(valuesOf(fields, 'connection').length > 0 ? [] : ends)]);
      response.end(body);
    });
  }

  relay(answer: Answer): Promise<'whole' | CallError> {
    const response = this.#response;
    const { status, body } = answer;
    return new Promise((resolve) => {
      const closed = (): void => {
        if (response.writableFinished) return resolve('whole');
        body.destroy();
        resolve(gone());
      };
      if (response.destroyed) return closed();
      response.once('finish', () => resolve('whole'));
      response.once('close', closed);
      const broken = (error: Error): void => {
        resolve(error instanceof CallError ? error : new CallError('cut', `the endpoint cut its answer: ${error.message}`));
        this.cut();
      };
      if (body.errored) return broken(body.errored);
      body.once('error', broken);
      const fields = this.#framed(answer);
      response.sendDate = false;
      response.writeHead(status, answer.reason, fields);
      if (hasNoBody(this.#asked.method, status)) {
        response.end();
        body.resume();
        return;
      }
      body.once('end', () => {
        if (response.chunkedEncoding) response.addTrailers(pairs(trailerFields(answer.trailers())));
        response.end();
      });
      body.pipe(response, { end: false }); // before the head: what of the body is here leaves with it, in one write
      response.write(nothing); // the head goes now, as it came: flushHeaders would make UTF-8 of it
    });
  }

  /** Breaks off, so that nobody takes what was sent for all there is. */
  cut(): void {
    const { socket } = this.#response;
    // where only the end of the connection ends the answer, an orderly end would be a lie
    if (this.#endsWithConnection && socket) reset(socket);
    socket?.destroy();
    this.#response.destroy();
  }

  #framed({ status, fields }: Answer): string[] {
    const kept = withoutNamed(fields, status === 204 ? framingNames : codingNames);
    this.#endsWithConnection = this.#asked.version === '1.0' && valuesOf(kept, 'content-length').length === 0;
    return this.#isLast() ? [...kept, 'Connection', 'close'] : kept;
  }
}

const nothing = Buffer.alloc(0);
const gone = (): CallError => new CallError('client_gone', 'the app went away');

const pairs = (flat: readonly string[]): [string, string][] =>
  flat.flatMap((name, index): [string, string][] => (index % 2 === 0 ? [[name, flat[index + 1]!]] : []));
