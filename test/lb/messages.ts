/**
 * Messages for tests of the wire, as bytes: whole ones of every kind, and ones in which something was broken. One place for all who ask
 * whether two readers see the same message; a corpus and a fuzzer draw from it too.
 */
import { fc } from '../support/fast-check.js';

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const value = fc.stringMatching(/^[!-~\x80-\xff]([\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?$/);
const blank = fc.constantFrom('', ' ', '  ', '\t');

/** A field that means nothing to anybody here. */
const plainField = fc
  .tuple(token, blank, fc.oneof(value, fc.constant('')), blank)
  .filter(([name]) => !/^(content-length|transfer-encoding|connection|host|expect|upgrade|trailer)$/i.test(name))
  .map(([name, before, text, after]) => `${name}:${before}${text}${after}`);

/** Fields that some rule of ours looks at. */
const ruledField = fc.constantFrom(
  ...[
    'Connection: keep-alive',
    'connection: close',
    'Connection: x-a, x-b',
    'CONNECTION: Close, X-A',
    'Connection:',
    'Keep-Alive: timeout=5',
  ],
  ...[
    'Proxy-Connection: keep-alive',
    'TE: trailers',
    'Via: 1.0 other',
    'via: 1.1 a, 1.1 b',
    'x-request-id: abc',
    'X-Request-Id: not one',
  ],
  ...['x-request-id:', 'x_request_id: z', 'X-A: 1', 'x-b: 2', 'x-a: 3', 'X_Forwarded_For: 1.2.3.4', 'x-forwarded-for: 10.0.0.1'],
  ...[
    'x-forwarded-prefix: /p',
    'x-forwarded-proto: https',
    'x-zidecar-timeout: 5s',
    'grpc-timeout: 5S',
    'grpc-timeout: soon',
    'Idempotency-Key: k',
    'x-zidecar-retries: 0',
    'X-Zidecar-Retries: 99',
    'X-ZIDECAR-Timeout:\t1500ms ',
    'x-zidecar-timeout: soon',
    'x-zidecar-subset: version=v1',
    'X-Zidecar-Subset: v=1, v=2',
  ],
  ...['content_length: 4', 'Accept: */*', 'user_id: 5', 'x-zidecar-error: reset', 'Cookie: a=b; c=d', 'traceparent: 00-a-b-01'],
);

const fields = fc.array(fc.oneof({ weight: 2, arbitrary: plainField }, ruledField), { maxLength: 8 });
const body = fc.stringMatching(/^[ -~\r\n]{0,40}$/);
const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS');
const path = fc.stringMatching(/^\/[!"$-~]{0,20}$/).filter((text) => !text.includes('#'));

/** A request with a Host, whose body has a length, or none. */
export const plainRequest = fc
  .record({ method, path, fields, body, place: fc.nat(8), lengthPlace: fc.nat(9), framed: fc.boolean() })
  .map(({ method: verb, path: target, fields: lines, body: text, place, lengthPlace, framed }) => {
    const all = lines.toSpliced(place, 0, 'Host: orders');
    const framing = framed || text !== '' ? all.toSpliced(lengthPlace, 0, `Content-Length: ${text.length}`) : all;
    return `${verb} ${target} HTTP/1.1\r\n${framing.map((line) => `${line}\r\n`).join('')}\r\n${text}`;
  });

const chunk = fc
  .tuple(fc.stringMatching(/^[ -~]{1,30}$/), fc.constantFrom('', '', ';a', ';a=b', ';q="x y"'), fc.boolean())
  .map(([text, extension, upper]) => {
    const size = text.length.toString(16);
    return `${upper ? size.toUpperCase() : size}${extension}\r\n${text}\r\n`;
  });
const chunked = fc
  .tuple(fc.array(chunk, { maxLength: 5 }), fc.constantFrom('0\r\n\r\n', '00\r\n\r\n', '0;end\r\n\r\n', '0\r\nX-T: 1\r\n\r\n'))
  .map(([chunks, last]) => chunks.join('') + last);

/** A request whose body comes in chunks. */
export const chunkedRequest = fc
  .record({ path, fields, chunked, place: fc.nat(8) })
  .map(({ path: target, fields: lines, chunked: chunks, place }) => {
    const all = [...lines.toSpliced(place, 0, 'Transfer-Encoding: chunked'), 'Host: orders'];
    return `POST ${target} HTTP/1.1\r\n${all.map((line) => `${line}\r\n`).join('')}\r\n${chunks}`;
  });

const status = fc.constantFrom(
  '200 OK',
  '201 Created',
  '204 No Content',
  '206 Partial',
  '302 Found',
  '304 Not Modified',
  '404 Not Found',
  '500 ',
);

/** An answer in one of the framings. */
export const plainAnswer = fc
  .record({ status, fields, place: fc.nat(8), framing: fc.constantFrom('length', 'chunks', 'end'), body, chunked })
  .map(({ status: line, fields: lines, place, framing, body: text, chunked: chunks }) => {
    const frame = { length: [`Content-Length: ${text.length}`], chunks: ['Transfer-Encoding: chunked'], end: [] }[framing];
    const rest = framing === 'chunks' ? chunks : text;
    const none = /^(204|304)/.test(line);
    const all = lines.toSpliced(place, 0, ...frame);
    return `HTTP/1.1 ${line}\r\n${all.map((each) => `${each}\r\n`).join('')}\r\n${none ? '' : rest}`;
  });

const odd = fc.constantFrom(
  '\r',
  '\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  '\x7f',
  '\xff',
  '0',
  ';',
  '\r\n',
  '\r\n\r\n',
  'chunked',
  'Content-Length: 1\r\n',
);

/** The same with some bytes taken out, doubled, or put in. */
export const mutated = (message: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(message, fc.array(fc.tuple(fc.nat(400), fc.nat(3), fc.oneof(odd, fc.constant(''))), { minLength: 1, maxLength: 3 }))
    .map(([text, edits]) =>
      edits.reduce((edited, [place, count, put]) => {
        const at = place % (edited.length + 1);
        return edited.slice(0, at) + put + edited.slice(at + count);
      }, text),
    );
