/**
 * A reader of HTTP/1.1 for tests, as strict as RFC 9112 lets one be and written for nothing but to be plain: what we send must have one
 * meaning for the strictest reader. It shares nothing with the readers in lb/, so that it can say who of them is wrong.
 */
export interface Message {
  /** The first line: `POST /a HTTP/1.1`, or `HTTP/1.1 200 OK`. */
  readonly line: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  /** It ended where its connection did. */
  readonly untilClose: boolean;
}

export interface Reading {
  readonly messages: readonly Message[];
  /** Bytes behind the last whole message: the beginning of another one. */
  readonly rest: string;
  /** Why the rest is no beginning of a message. */
  readonly fault?: string;
}

type Step = { readonly message: Message; readonly length: number } | 'more' | { readonly fault: string };

const requestLine = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e\x80-\xff]+ HTTP\/1\.[01]$/;
const statusLine = /^HTTP\/1\.1 [1-5]\d\d [\t -~\x80-\xff]*$/;
const fieldLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*$/;

export const requestsIn = (bytes: string): Reading => readAll(bytes, (rest) => step(rest, requestLine, () => 'request'));

/** `methods`: what was asked, in order. `ended`: the connection has ended in order, so that an answer may end with it. */
export function answersIn(bytes: string, methods: readonly string[], ended: boolean): Reading {
  let finals = 0;
  return readAll(bytes, (rest) => {
    const method = methods[finals] ?? 'GET';
    const next = step(rest, statusLine, (line) => {
      const status = Number(line.slice(9, 12));
      if (status < 200) return 'head';
      return method === 'HEAD' || status === 204 || status === 304 ? 'head' : ended ? 'ended' : 'open';
    });
    if (typeof next === 'object' && 'message' in next && Number(next.message.line.slice(9, 12)) >= 200) finals++;
    return next;
  });
}

function readAll(bytes: string, read: (rest: string) => Step): Reading {
  const messages: Message[] = [];
  for (let rest = bytes; ;) {
    if (rest === '') return { messages, rest };
    const next = read(rest);
    if (next === 'more') return { messages, rest };
    if ('fault' in next) return { messages, rest, fault: next.fault };
    messages.push(next.message);
    rest = rest.slice(next.length);
  }
}

/** `head`: nothing follows it. `open` and `ended`: an answer without framing goes on as long as its connection. */
type Kind = 'request' | 'head' | 'open' | 'ended';

function step(bytes: string, first: RegExp, kindOf: (line: string) => Kind): Step {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return /[\0]|\r(?!\n|$)|(?<!\r)\n/.test(bytes) ? { fault: 'a bare CR, LF or NUL in a head' } : 'more';
  const [line = '', ...lines] = bytes.slice(0, end).split('\r\n');
  if (!first.test(line)) return { fault: `the first line ${JSON.stringify(line)}` };
  const fields: [string, string][] = [];
  for (const text of lines) {
    const [, name, value] = fieldLine.exec(text) ?? [];
    if (name === undefined || value === undefined) return { fault: `the field ${JSON.stringify(text)}` };
    fields.push([name, value]);
  }
  const valuesOf = (name: string): string[] =>
    fields.filter((field) => field[0].toLowerCase() === name).map(([, value]) => value);
  const [lengths, codings] = [valuesOf('content-length'), valuesOf('transfer-encoding')];
  if (lengths.length + codings.length > 1) return { fault: 'more than one field of framing' };
  if (codings.some((coding) => coding.toLowerCase() !== 'chunked')) return { fault: `the coding ${codings.join()}` };
  if (lengths.some((length) => !/^\d{1,15}$/.test(length))) return { fault: `the length ${lengths.join()}` };
  const head = end + 4;
  const kind = kindOf(line);
  const done = (body: string, length: number, untilClose = false): Step => ({
    message: { line, fields, body, untilClose },
    length: head + length,
  });
  if (kind === 'head') return done('', 0);
  if (codings.length > 0) {
    const body = chunksIn(bytes.slice(head));
    return typeof body === 'object' && 'data' in body ? done(body.data, body.length) : body;
  }
  const length = Number(lengths[0] ?? 0);
  if (lengths.length > 0 || kind === 'request')
    return bytes.length < head + length ? 'more' : done(bytes.slice(head, head + length), length);
  return kind === 'ended' ? done(bytes.slice(head), bytes.length - head, true) : 'more';
}

function chunksIn(bytes: string): { readonly data: string; readonly length: number } | 'more' | { readonly fault: string } {
  let at = 0;
  let data = '';
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const line = lineEnd < 0 ? bytes.slice(at) : bytes.slice(at, lineEnd);
    if (!/^[0-9a-f]{0,13}\r?$/i.test(line)) return { fault: `the size of a chunk ${JSON.stringify(line.slice(0, 100))}` };
    if (lineEnd < 0) return 'more';
    if (line === '') return { fault: 'no size of a chunk' };
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) break;
    const close = bytes.slice(at + size, at + size + 2);
    if (!'\r\n'.startsWith(close)) return { fault: 'a chunk that is longer than its size' };
    if (close.length < 2) return 'more';
    data += bytes.slice(at, at + size);
    at += size + 2;
  }
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return 'more';
    const line = bytes.slice(at, lineEnd);
    at = lineEnd + 2;
    if (line === '') return { data, length: at };
    const [, name = ''] = fieldLine.exec(line) ?? [];
    if (name === '' || /^(content-length|transfer-encoding|host)$/i.test(name))
      return { fault: `the trailer ${JSON.stringify(line)}` };
  }
}
