/**
 * What a case of the corpus is: bytes that somebody sends, and what is right then. The tables beside this file are made of these. What is
 * right is said from the outside: what the other side may see, which status the app gets, whether its connection goes on.
 */

/** What becomes of the bytes of an app. */
export interface Carried {
  /** What endpoints get, in this order: `POST /path body`. */
  readonly carried: readonly string[];
  /** The statuses that the app gets, in this order: of each, those that are right. */
  readonly statuses: readonly (readonly number[])[];
  /** What it asks next on the same connection is carried too. */
  readonly goesOn: boolean;
  /** What must be, and what must never be, in the bytes that endpoints get, and in those that the app gets. */
  readonly there?: readonly RegExp[];
  readonly never?: readonly RegExp[];
  readonly told?: readonly RegExp[];
  /** As right as this. */
  readonly or?: Carried;
  /** Not right, but nobody could come to harm by it. */
  readonly harmless?: Carried;
}

export interface RequestCase {
  readonly name: string;
  readonly rfc: string;
  readonly bytes: string;
  readonly want: Carried;
  /** What the app does behind its bytes. Default: it asks for `/next`, in the same packet. */
  readonly then?: 'next' | 'end' | 'reset';
}

/** What becomes of the bytes of an endpoint. */
export interface Passed {
  /** Heads of 1xx that the app gets before the answer. */
  readonly informed: readonly number[];
  /** The status of the answer that the app gets. */
  readonly status: number;
  /** Its body. `whole`: it ends there; else the app must see that it was cut, and gets no more than this. */
  readonly body: string;
  readonly whole: boolean;
  /** The connection to the endpoint carries no other call. */
  readonly discarded?: boolean;
  readonly there?: readonly RegExp[];
  readonly never?: readonly RegExp[];
  readonly or?: Passed;
  readonly harmless?: Passed;
}

export interface AnswerCase {
  readonly name: string;
  readonly rfc: string;
  readonly bytes: string;
  readonly want: Passed;
  /** What the app asks for. Default: `GET /` */
  readonly request: string;
  /** The request is not whole yet when the endpoint answers: the app sends this when it has the answer. */
  readonly rest?: string | undefined;
  /** What the endpoint does behind its bytes. */
  readonly then: 'stay' | 'end' | 'reset';
}

const host = 'Host: orders\r\n';
export const get = (more = '', target = '/'): string => `GET ${target} HTTP/1.1\r\n${host}${more}\r\n`;
export const post = (fields: string, body = ''): string => `POST / HTTP/1.1\r\n${host}${fields}\r\n${body}`;
export const chunked = (body: string): string => post('Transfer-Encoding: chunked\r\n', body);

/** All of these are carried, answered with 200, and the connection goes on. */
export const carries = (...requests: readonly string[]): Carried => ({
  carried: requests,
  statuses: requests.map(() => [200]),
  goesOn: true,
});
/** The first ones are carried; then there is a refusal with one of these statuses, and the connection ends. */
export const refuses = (status: number | readonly number[], ...before: readonly string[]): Carried => ({
  carried: before,
  statuses: [...before.map(() => [200]), typeof status === 'number' ? [status] : status],
  goesOn: false,
});
/** A refusal that leaves no doubt about where the next request begins. */
export const declines = (status: number): Carried => ({ carried: [], statuses: [[status]], goesOn: true });
/** Nothing is carried, and the connection ends without a word. */
export const closes: Carried = { carried: [], statuses: [], goesOn: false };

export const passes = (body = 'ok', status = 200): Passed => ({ informed: [], status, body, whole: true });
export const isBad: Passed = { informed: [], status: 502, body: '', whole: true, discarded: true };
export const isCut = (body: string, status = 200): Passed => ({ informed: [], status, body, whole: false, discarded: true });

/** Rows of one section of the RFC for which one thing is right. */
export const requests = (
  rfc: string,
  want: Carried,
  rows: Readonly<Record<string, string>>,
  then: RequestCase['then'] = 'next',
): RequestCase[] => Object.entries(rows).map(([name, bytes]) => ({ name, rfc, bytes, want, then }));

export const answers = (
  rfc: string,
  want: Passed,
  rows: Readonly<Record<string, string>>,
  { then = 'stay', request = get(), rest }: Partial<Pick<AnswerCase, 'then' | 'request' | 'rest'>> = {},
): AnswerCase[] => Object.entries(rows).map(([name, bytes]) => ({ name, rfc, bytes, want, then, request, rest }));
