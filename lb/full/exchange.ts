/**
 * One call of the app as the loop (call.ts) sees it: what is asked for, a way to send it to an endpoint, and a way to answer. A plain
 * exchange and an upgrade are two of these; the loop does not know which it has.
 */
import type { IncomingMessage } from 'node:http';
import type { CallError } from '../errors.js';
import type { Endpoint } from '../endpoint.js';
import type { RefusalAnswer } from '../refusal.js';
import type { CallSettings } from '../settings.js';
import type { Upstream } from '../upstream.js';
import type { Answer, Failed } from './answer.js';
import type { Stop } from './stop.js';

/** The head of a request as it came. */
export interface Asked {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** Flat raw pairs. */
  readonly raw: readonly string[];
  /** To `websocket`. */
  readonly upgrade: boolean;
  /** Of the app; undefined for a unix socket. */
  readonly remoteAddress: string | undefined;
}

export const askedOf = (request: IncomingMessage, upgrade: boolean): Asked => {
  const { method = '', url: target = '', httpVersion: version, rawHeaders: raw, socket } = request;
  return { method, target, version, raw, upgrade, remoteAddress: socket.remoteAddress };
};

/** What goes to an endpoint, the same in every attempt. */
export interface Sending {
  readonly upstream: Upstream;
  readonly settings: CallSettings;
  /** In origin form. */
  readonly target: string;
  /** Flat raw pairs; the framing fields as they came. For the moment at which they are asked for: they tell what is left of the call's time. */
  readonly fields: () => readonly string[];
  readonly stop: Stop;
}

/** One attempt. Never rejects. */
export type Send = (endpoint: Endpoint, sending: Sending) => Promise<Answer | Failed>;

export interface Exchange {
  readonly asked: Asked;
  /** The whole request can be sent again. */
  readonly replayable: boolean;
  /** It still can when all of it has been sent. */
  readonly staysReplayable: boolean;
  /** Told once, with the reason, if the app goes away or its request breaks off before the answer is complete. */
  onGone(listener: (why: CallError) => void): void;
  /** The way to send it. What is needed for that is loaded by the first call of its kind: then it comes later, or rejects if it cannot be loaded. */
  sender(): Send | Promise<Send>;
  /** Passes an answer on, with these fields. Resolves when the last byte has left, or with why it could not. */
  relay(answer: Answer, fields: readonly string[]): Promise<'whole' | CallError>;
  /** Answers without an endpoint. Resolves when the last byte has left, or the app has gone. */
  refuse(answer: RefusalAnswer): Promise<void>;
  /** The call is over: nothing of it is held any longer. */
  end(): void;
}
