/**
 * The fields of a head, as flat raw pairs [name, value, name, value, …], on their way through. One definition for both lanes.
 * Taken out: what belongs to one connection only, what would be mistaken for ours, and what the app says to us. Put in: Host, Via,
 * the request's id, and `x-forwarded-…` where asked for. Everything else keeps its case, order and duplicates.
 * Content-Length and Transfer-Encoding pass: framing is the lane's.
 */
import type { Refused } from './refusal.js';

export interface RequestRules {
  /** The Host to write. */
  readonly host: string;
  readonly prefix?: string | undefined;
  /** Of the side that speaks, for Via. */
  readonly version: '1.0' | '1.1';
  /** `zidecar-<id>`: who we are in Via. */
  readonly pseudonym: string;
  readonly newRequestId: () => string;
  /** The pod's address, appended to x-forwarded-for. Absent, or a loopback address: those fields pass untouched. */
  readonly forwardedFor?: string | undefined;
  /** This request goes to `websocket`, so that Connection and Upgrade are written anew. */
  readonly upgrade?: boolean;
  /** The lane passes trailers on: else the field Trailer goes. */
  readonly trailers?: boolean;
}

export interface RequestFields {
  readonly fields: string[];
  readonly requestId: string;
  /** What the app asked for in x-zidecar-timeout and x-zidecar-retries. */
  readonly timeoutMs?: number;
  readonly retries?: number;
}

export interface AnswerRules {
  readonly version: '1.0' | '1.1';
  readonly pseudonym: string;
  readonly upgrade?: boolean;
  readonly trailers?: boolean;
}

/** A refusal is `bad_request` (a field that cannot be sent on, a bad value for us) or `loop`. */
export const requestFields = (raw: readonly string[], rules: RequestRules): RequestFields | Refused => {
  throw new Error(`not yet: ${raw.length} ${rules.host}`);
};

/** A refusal is `bad_answer`: a field that cannot be passed on. */
export const answerFields = (raw: readonly string[], rules: AnswerRules): string[] | Refused => {
  throw new Error(`not yet: ${raw.length} ${rules.version}`);
};

/** What of an exchange's trailers may be passed on: never framing, routing or anything of ours. */
export const trailerFields = (raw: readonly string[]): string[] => {
  throw new Error(`not yet: ${raw.length}`);
};
