/**
 * The fields of a head on their way through, as flat raw pairs [name, value, name, value, …]. One definition for both lanes and both
 * directions. Out goes what belongs to one connection only (RFC 9110, 7.6.1), what would be mistaken for ours, and what the app says
 * to us alone. In come Host, Via, the request's id, and `x-forwarded-…` where asked for. All else keeps its case, order and duplicates.
 *
 * Content-Length and Transfer-Encoding pass as they came: framing is the lane's, and nothing that a message says can remove them.
 */
import { durationOf, grpcTimeoutOf, least } from './deadline.js';
import { badRequest, shown, type Refused } from './refusal.js';
import { subsetAccepts, subsetOf, type Subset } from './subset.js';

export interface RequestRules {
  /** The Host to write. */
  readonly host: string;
  /** What was taken off the path: written as `x-forwarded-prefix`. */
  readonly prefix?: string | undefined;
  /** What the app spoke, for Via. */
  readonly version: '1.0' | '1.1';
  /** `zidecar-<id>`: who we are in Via. */
  readonly pseudonym: string;
  readonly newRequestId: () => string;
  /** The pod's address, appended to x-forwarded-for: never a loopback one, which peers would trust. Absent: left untouched. */
  readonly forwardedFor?: string | undefined;
  /** The connection becomes a websocket: Connection and Upgrade are written anew. */
  readonly upgrade?: boolean;
  /** The lane passes trailers on; else the field that announces them goes. */
  readonly trailers?: boolean;
}

export interface RequestFields {
  readonly fields: string[];
  readonly requestId: string;
  /** What the app asked for by x-zidecar-timeout or grpc-timeout: still among the fields, for each attempt to say what is left of it. */
  readonly timeoutMs: number | undefined;
  /** What the app asked for by x-zidecar-retries. */
  readonly retries: number | undefined;
  /** Which endpoints will do, by x-zidecar-subset. */
  readonly subset: Subset | undefined;
  /** The app says by Idempotency-Key that doing it twice does no harm. */
  readonly keyed: boolean;
}

export interface AnswerRules {
  /** What the endpoint spoke, for Via. */
  readonly version: '1.0' | '1.1';
  readonly pseudonym: string;
  readonly upgrade?: boolean;
  readonly trailers?: boolean;
}

/** Refused as `bad_request` (a field that cannot be sent on, a bad value for us) or as `loop` (it has been here before). */
export const requestFields = (raw: readonly string[], rules: RequestRules): RequestFields | Refused => {
  const wrong = unsendable(raw) ?? looping(raw, rules.pseudonym);
  if (wrong) return wrong;
  const given = ours(raw, 'x-zidecar-timeout', durationOf, 'one duration from 1ms to 24h, as 500ms or 2s');
  if (typeof given === 'object') return given;
  const timeoutMs = least(given, grpcTimeoutOf(valuesOf(raw, 'grpc-timeout')));
  const retries = ours(raw, 'x-zidecar-retries', countOf, 'one number from 0 to 10');
  if (typeof retries === 'object') return retries;
  const subset = ours(raw, 'x-zidecar-subset', subsetOf, subsetAccepts);
  if (subset !== undefined && 'code' in subset) return subset;

  const kept = requestIdOf(raw);
  const requestId = kept ?? rules.newRequestId();
  const dropped = named(raw, rules.trailers ?? false);
  if (kept === undefined) dropped.add('x-request-id');
  if (rules.prefix !== undefined) dropped.add('x-forwarded-prefix');

  const fields = without(raw, ofRequests, dropped, ['Host', rules.host]);
  if (rules.upgrade) fields.push('Connection', 'Upgrade', 'Upgrade', 'websocket');
  if (rules.forwardedFor !== undefined) appendTo(fields, 'x-forwarded-for', rules.forwardedFor);
  if (rules.prefix !== undefined) fields.push('x-forwarded-prefix', rules.prefix);
  if (kept === undefined) fields.push('x-request-id', requestId);
  fields.push('via', `${rules.version} ${rules.pseudonym}`);
  return { fields, requestId, keyed: isKeyed(raw), timeoutMs, retries, subset };
};

/** Refused as `bad_answer`: a field that cannot be passed on. */
export const answerFields = (raw: readonly string[], rules: AnswerRules): string[] | Refused => {
  const wrong = unsendable(raw);
  if (wrong) return { ...wrong, code: 'bad_answer' };
  const fields = without(raw, ofAnswers, named(raw, rules.trailers ?? false));
  if (rules.upgrade) fields.push('Connection', 'Upgrade', 'Upgrade', 'websocket');
  fields.push('via', `${rules.version} ${rules.pseudonym}`);
  return fields;
};

/** What of a message's trailers may be passed on: nothing that frames, routes or is ours; nothing that cannot be sent. */
export const trailerFields = (raw: readonly string[]): string[] => {
  if (unsendable(raw)) return [];
  const dropped = named(raw, false);
  for (let index = 0; index < raw.length; index += 2)
    if (isOurs(raw[index]!.toLowerCase())) dropped.add(raw[index]!.toLowerCase());
  return without(raw, ofTrailers, dropped);
};

const ofOneConnection = ['connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade'];
const ofRequests: ReadonlySet<string> = new Set([...ofOneConnection, 'host', 'expect', 'x-zidecar-retries', 'x-zidecar-subset']);
const ofAnswers: ReadonlySet<string> = new Set([...ofOneConnection, 'x-zidecar-error']);
const ofTrailers: ReadonlySet<string> = new Set([...ofOneConnection, 'host']);

/** What the message itself says to be of its connection only. */
const named = (raw: readonly string[], trailers: boolean): Set<string> => {
  const names = new Set<string>();
  for (const value of valuesOf(raw, 'connection')) for (const name of value.split(',')) names.add(trimmed(name).toLowerCase());
  if (names.size > 0) for (const name of ['host', 'content-length', 'transfer-encoding']) names.delete(name);
  if (!trailers) names.add('trailer');
  return names;
};

const without = (
  raw: readonly string[],
  always: ReadonlySet<string>,
  dropped: ReadonlySet<string>,
  left: string[] = [],
): string[] => {
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    if (!always.has(name) && !dropped.has(name) && !shadowsOurs(name)) left.push(raw[index]!, raw[index + 1]!);
  }
  return left;
};

/** The values of a field of this name, in lower case, one for each time that it is there. */
export function valuesOf(raw: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) if (isNamed(raw[index]!, name)) values.push(raw[index + 1]!);
  return values;
}

/** Those of other names than these, which are in lower case. */
export const withoutNamed = (raw: readonly string[], names: ReadonlySet<string>): string[] =>
  raw.filter((_, index) => !names.has(raw[index - (index % 2)]!.toLowerCase()));

/** As they stand in a head. */
export function linesOf(fields: readonly string[]): string {
  let lines = '';
  for (let index = 0; index + 1 < fields.length; index += 2) lines += `${fields[index]!}: ${fields[index + 1]!}\r\n`;
  return lines;
}

/** A call asks for many a field: most are told apart by their length. */
export const isNamed = (spelled: string, name: string): boolean =>
  spelled.length === name.length && (spelled === name || spelled.toLowerCase() === name);

/** Without the blanks around it: space and tab, and nothing else that JavaScript takes for blank. Without a search that can take long. */
export function trimmed(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (from < to && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}
const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** Servers that make `X_FORWARDED_FOR` of both spellings would take the app's word for ours. */
const shadowsOurs = (name: string): boolean => name.includes('_') && isOurs(name.replaceAll('_', '-'));
const isOurs = (name: string): boolean =>
  name.startsWith('x-forwarded-') || name.startsWith('x-zidecar-') || framingAndIdentity.has(name);
const framingAndIdentity: ReadonlySet<string> = new Set(['x-request-id', 'content-length', 'transfer-encoding']);

const unsendable = (raw: readonly string[]): Refused | undefined => {
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return badRequest(`${shown(name)} is no name of a field`);
    if (/[\r\n\0]/.test(raw[index + 1] ?? '\0')) return badRequest(`the value of ${shown(name)} has a CR, LF or NUL in it`);
  }
  return undefined;
};

const looping = (raw: readonly string[], pseudonym: string): Refused | undefined => {
  const seen = valuesOf(raw, 'via').some((value) =>
    value.split(',').some((hop) => trimmed(hop).split(/[ \t]+/)[1] === pseudonym),
  );
  if (!seen) return undefined;
  return {
    code: 'loop',
    message: `the call has passed ${pseudonym} already: does an endpoint call its own service through a sidecar?`,
  };
};

/** A value that the app gives us: undefined when it gives none, a refusal when it cannot be read. */
const ours = <Value>(
  raw: readonly string[],
  name: string,
  parse: (value: string) => Value | undefined,
  accepted: string,
): Value | Refused | undefined => {
  const values = valuesOf(raw, name);
  if (values.length === 0) return undefined;
  return (
    (values.length === 1 ? parse(values[0]!) : undefined) ?? badRequest(`${name}: ${shown(values.join(', '))} is not ${accepted}`)
  );
};

export const countOf = (text: string): number | undefined => (/^([0-9]|10)$/.test(text) ? Number(text) : undefined);

const isKeyed = (raw: readonly string[]): boolean => {
  const keys = valuesOf(raw, 'idempotency-key');
  return keys.length === 1 && keys[0] !== '';
};

/** The app's own, if it is one token of up to 128 visible characters. */
export const requestIdOf = (raw: readonly string[]): string | undefined => {
  const given = valuesOf(raw, 'x-request-id');
  return given.length === 1 && /^[\x21-\x7e]{1,128}$/.test(given[0]!) ? given[0] : undefined;
};

/** Into the last field of that name, since many readers look at one only; a field of its own if there is none. */
const appendTo = (fields: string[], name: string, value: string): void => {
  for (let index = fields.length - 2; index >= 0; index -= 2) {
    if (fields[index]!.toLowerCase() !== name) continue;
    fields[index + 1] = `${fields[index + 1]!}, ${value}`;
    return;
  }
  fields.push(name, value);
};
