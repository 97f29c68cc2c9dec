/**
 * What the parts of a call in this lane need of each other, from the socket of the app down to one attempt. Declarations only: who fulfils
 * them is visit.ts, call.ts, leg.ts.
 */
import type { CallParts } from '../lane.js';
import type { Refused } from '../refusal.js';
import type { AnswerLines, Outlet } from './answer.js';
import type { Deadlines } from './deadlines.js';
import type { Inbox } from './inbox.js';
import type { Outbox } from './outbox.js';
import type { TurnClock } from './turn-clock.js';

/** The app's side, as far as an attempt moves its bytes. What has not left yet will have when `drained` is told. */
export interface App extends Outlet {
  /** Nothing of it is read until `resume`. */
  pause(): void;
  resume(): void;
}

/** The connection of the app. */
export interface Caller extends App {
  /** Undefined for a unix socket. */
  readonly remoteAddress: string | undefined;
  /** Breaks off, so that nobody takes what was sent for all there is. */
  cut(): void;
  /** The call is over. */
  over(rest: Rest): void;
}

/** What remains of a call for its connection. */
export interface Rest {
  readonly now: number;
  /** It was the last. */
  readonly close: boolean;
  /** So much of its body is still to come, for so long at most. */
  readonly toCome: number;
  readonly lingerMs: number | undefined;
}

/** Who is told what becomes of an attempt. */
export interface Outcomes {
  /** The final head is here, and is about to be passed on. True: it is the last answer of the app's connection. */
  isLast(): boolean;
  /** The final head is here. True: it is kept back, and nothing more is read, until `pass` or `end`. */
  keepsBack(status: number): boolean;
  answered(status: number, now: number): void;
  /** Nothing of an answer has gone to the app. The connection is closed. */
  failed(why: Refused): void;
  /** The answer has gone to its last byte. */
  whole(status: number, now: number): void;
  /** The answer has begun, and will not end. The connection is closed. */
  cut(code: 'cut' | 'body_timeout' | 'client_gone'): void;
}

export interface AttemptTerms {
  readonly clock: TurnClock;
  readonly deadlines: Deadlines;
  readonly lines: AnswerLines;
  readonly maxHeadBytes: number;
  readonly clientIdleTimeoutMs: number | undefined;
}

export interface CallTerms extends AttemptTerms {
  readonly parts: CallParts;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  /** Answers are the last of their connections. */
  readonly isLast: () => boolean;
  /** A call has begun, or ended. */
  readonly began: () => void;
  readonly ended: () => void;
}
