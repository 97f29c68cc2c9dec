/** Where an answer ends, what comes behind it, and how it looks when it does not end. */
import { answers, get, isBad, isCut, passes, post, type AnswerCase } from './case.js';
import { brokenBodies, doubtfulBodies, wholeBodies } from './chunk-bodies.js';

const answer = (fields: string, body = 'abc'): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;
const cl = (value: string): string => answer(`Content-Length:${value}\r\n`);
const te = (value: string): string => answer(`Transfer-Encoding:${value}\r\n`, '3\r\nabc\r\n0\r\n\r\n');
const chunks = (body: string): string => answer('Transfer-Encoding: chunked\r\n', body);
const ok = answer('Content-Length: 3\r\n');
const evil = answer('Content-Length: 4\r\n', 'evil');
const head = { request: get().replace('GET', 'HEAD') };
const old = { request: 'GET / HTTP/1.0\r\nHost: orders\r\n\r\n' };
const end = { then: 'end' } as const;
const reset = { then: 'reset' } as const;
const each = (bodies: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(bodies).map(([name, body]) => [`in chunks: ${name}`, chunks(body)]));

export const answerFraming: readonly AnswerCase[] = [
  ...answers('9112 6.3', isBad, {
    'a length and a coding': answer('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    'a coding and a length': answer('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    'a coding, a length and close': answer(
      'Connection: close\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n',
      '3\r\nabc\r\n0\r\n\r\n',
    ),
    'a coding before chunked': te(' gzip, chunked'),
    'a coding after chunked': te(' chunked, gzip'),
    'chunked twice': te(' chunked, chunked'),
    'chunked in two fields': answer('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    'an empty coding': te(''),
    identity: te(' identity'),
    gzip: te(' gzip'),
    'almost chunked': te(' xchunked'),
    'a coding with a parameter': te(' chunked;a=b'),
    'a coding behind a vertical tab': te(' \x0bchunked'),
    'a coding behind a hard space': te(' \xa0chunked'),
    'a space before the colon of a coding': answer('Transfer-Encoding : chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    'a folded coding': te('\r\n chunked'),
    'a coding behind a bare CR': answer('X: y\rTransfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    'a coding behind a bare LF': answer('X: y\nTransfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    'a coding in HTTP/1.0': te(' chunked').replace('1.1', '1.0'),
    'two equal lengths': answer('Content-Length: 3\r\nContent-Length: 3\r\n'),
    'two different lengths': answer('Content-Length: 3\r\nContent-Length: 5\r\n'),
    'a list of lengths': cl(' 3, 3'),
    'a plus': cl(' +3'),
    'a minus': cl(' -3'),
    'an empty length': cl(''),
    'a hexadecimal length': cl(' 0x3'),
    'a length in letters': cl(' three'),
    'a length with a point': cl(' 3.0'),
    'a length before a semicolon': cl(' 3;'),
    'two numbers': cl(' 3 3'),
    'a length before a NUL': cl(' 3\0'),
    'a length of 2^63 - 1': cl(' 9223372036854775807'),
    'a length of 2^64 and 3': cl(' 18446744073709551619'),
    'a length of 100 digits': cl(` ${'9'.repeat(100)}`),
    'a space before the colon of a length': answer('Content-Length : 3\r\n'),
    'a folded length': cl('\r\n 3'),
  }),
  ...answers('9112 6.3', passes('abc'), {
    'a length': ok,
    'a length between blanks': cl('\t 3 '),
    'a length with zeros before it': cl(' 003'),
    'a coding in capitals': te('\tCHUNKED '),
  }),
  ...answers(
    '9112 6.3',
    { ...isBad, or: passes('abc') },
    { 'a length before a tab': cl(' 3\t'), 'a length with twenty zeros before it': cl(` ${'0'.repeat(20)}3`) },
  ),
  ...answers('9112 6.3', passes(''), {
    'a length of nothing': answer('Content-Length: 0\r\n', ''),
    'no chunk but the last': chunks('0\r\n\r\n'),
  }),
  ...answers('9112 7.1', { ...passes('abc'), never: [/evil/] }, each(wholeBodies)),
  ...answers('9112 7.1', { ...isCut('abc'), or: passes('abc') }, each(doubtfulBodies)),
  ...answers('9112 7.1', isCut('abc'), each(brokenBodies)),

  ...answers(
    '9112 6.3',
    passes('abc'),
    {
      'the end of its connection': answer(''),
      'the end of a connection of HTTP/1.0': answer('').replace('1.1', '1.0'),
      'the end of a connection that was to close': answer('Connection: close\r\n'),
    },
    end,
  ),
  ...answers('9112 6.3', passes(''), { 'the end of its connection, and nothing before it': answer('', '') }, end),
  ...answers(
    '9112 6.3',
    passes('abc'),
    { 'the end of its connection, for HTTP/1.0': answer(''), 'chunks for HTTP/1.0': te(' chunked') },
    { ...old, ...end },
  ),
  ...answers('9112 6.3', passes('', 204), {
    'a 204': 'HTTP/1.1 204 None\r\n\r\n',
    'a 204 with a length of nothing': 'HTTP/1.1 204 None\r\nContent-Length: 0\r\n\r\n',
  }),
  ...answers(
    '9110 8.6',
    { ...passes('', 204), never: [/204 None\r\n[^]*content-length: 3|transfer-encoding/i] },
    {
      'a 204 with a length': 'HTTP/1.1 204 None\r\nContent-Length: 3\r\n\r\n',
      'a 204 with a coding': 'HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n',
    },
  ),
  ...answers(
    '9110 8.6',
    { ...passes('', 304), there: [/\r\ncontent-length: 3\r\n/i] },
    { 'a 304 with a length': 'HTTP/1.1 304 Same\r\nContent-Length: 3\r\n\r\n' },
  ),
  ...answers('9110 15.4.5', passes('', 304), {
    'a 304': 'HTTP/1.1 304 Same\r\n\r\n',
    'a 304 with a coding': 'HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n',
  }),
  ...answers(
    '9110 9.3.2',
    { ...passes(''), there: [/\r\ncontent-length: 3\r\n/i] },
    { 'HEAD with a length': answer('Content-Length: 3\r\n', '') },
    head,
  ),
  ...answers(
    '9110 9.3.2',
    passes(''),
    { 'HEAD with a coding': answer('Transfer-Encoding: chunked\r\n', ''), 'HEAD without framing': answer('', '') },
    head,
  ),
  ...answers('9110 9.3.2', passes('', 404), { 'HEAD with a 404': 'HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\n' }, head),

  ...answers(
    '9112 6.3',
    { ...passes('abc'), discarded: true, never: [/evil/] },
    {
      'a second answer behind it': ok + evil,
      'a second answer behind its last chunk': te(' chunked') + evil,
      'a byte behind it': `${ok}x`,
      'a NUL behind it': `${ok}\0`,
      'more than its length': answer('Content-Length: 3\r\n', 'abcevil'),
      'a 100 behind it': `${ok}HTTP/1.1 100 Continue\r\n\r\n`,
      'a byte behind its last chunk': `${te(' chunked')}x`,
      'a second last chunk': `${te(' chunked')}0\r\n\r\n`,
    },
  ),
  ...answers(
    '9112 6.3',
    { ...passes('abc'), discarded: true, harmless: passes('abc') },
    { 'an empty line behind it': `${ok}\r\n` },
  ),
  ...answers(
    '9112 6.3',
    { ...passes('', 204), discarded: true, never: [/evil/] },
    {
      'a body behind a 204': 'HTTP/1.1 204 None\r\nContent-Length: 4\r\n\r\nevil',
      'chunks behind a 204': 'HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n',
      'an answer behind a 204': `HTTP/1.1 204 None\r\n\r\n${evil}`,
    },
  ),
  ...answers(
    '9112 6.3',
    { ...passes('', 304), discarded: true, never: [/evil/] },
    {
      'a body behind a 304': 'HTTP/1.1 304 Same\r\nContent-Length: 4\r\n\r\nevil',
      'an answer behind a 304': `HTTP/1.1 304 Same\r\n\r\n${evil}`,
    },
  ),
  ...answers(
    '9112 6.3',
    { ...passes(''), discarded: true, never: [/evil/] },
    {
      'a body behind the answer to HEAD': answer('Content-Length: 4\r\n', 'evil'),
      'chunks behind the answer to HEAD': chunks('4\r\nevil\r\n0\r\n\r\n'),
      'an answer behind the answer to HEAD': answer('Content-Length: 0\r\n', evil),
    },
    head,
  ),
  ...answers(
    '9112 6.3',
    { ...passes(''), discarded: true, never: [/evil/] },
    { 'an answer behind an empty one': answer('Content-Length: 0\r\n', evil) },
  ),

  ...answers('9112 8', { ...isCut(''), status: 200 }, {}, end),
  ...['end', 'reset'].flatMap((how) =>
    [
      ...answers('9112 8', isCut('abc'), {
        [`cut short of its length by ${how}`]: answer('Content-Length: 10\r\n'),
        [`cut short of its length by ${how}, of a connection that was to close`]: answer(
          'Connection: close\r\nContent-Length: 10\r\n',
        ),
        [`cut short of its length by ${how}, of HTTP/1.0`]: answer('Content-Length: 10\r\n').replace('1.1', '1.0'),
        [`cut in a chunk by ${how}`]: chunks('a\r\nabc'),
        [`cut in the size of a chunk by ${how}`]: chunks('3\r\nabc\r\n1'),
        [`cut in a chunk of 2^64 - 1 bytes by ${how}`]: chunks('3\r\nabc\r\nffffffffffffffff\r\nabc'),
        [`cut behind a chunk by ${how}`]: chunks('3\r\nabc\r\n'),
        [`cut in the end of a chunk by ${how}`]: chunks('3\r\nabc\r'),
        [`cut in its last chunk by ${how}`]: chunks('3\r\nabc\r\n0\r\n'),
        [`cut in its last line by ${how}`]: chunks('3\r\nabc\r\n0\r\n\r'),
        [`cut in its trailers by ${how}`]: chunks('3\r\nabc\r\n0\r\nA: b\r\n'),
        [`cut behind a chunk by ${how}, of a connection that was to close`]: answer(
          'Connection: close\r\nTransfer-Encoding: chunked\r\n',
          '3\r\nabc\r\n',
        ),
        [`cut in a chunk extension by ${how}`]: chunks('3\r\nabc\r\n3;a'),
      }),
      ...answers('9112 8', isBad, {
        [`cut in its first line by ${how}`]: 'HTTP/1.1 20',
        [`cut behind its first line by ${how}`]: 'HTTP/1.1 200 OK\r\n',
        [`cut in a field by ${how}`]: 'HTTP/1.1 200 OK\r\nContent-Le',
        [`cut before its empty line by ${how}`]: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n',
        [`cut in its empty line by ${how}`]: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r',
        [`cut behind a 100 by ${how}`]: 'HTTP/1.1 100 Continue\r\n\r\n',
        [`no answer but an ${how}`]: '',
      }),
    ].map((row) => ({ ...row, then: how as 'end' | 'reset' })),
  ),
  ...answers('9112 8', { ...isBad, informed: [103] }, { 'cut behind a 103': 'HTTP/1.1 103 Early Hints\r\n\r\n' }, end),
  ...answers('9112 8', isCut('abc'), { 'a reset where only the end of the connection ends it': answer('') }, reset),
  ...answers(
    '9112 8',
    isCut('abc'),
    { 'a reset where only the end of the connection ends it, for HTTP/1.0': answer('') },
    { ...old, ...reset },
  ),
  ...answers(
    '9112 8',
    isCut('abc'),
    {
      'cut short of its length for HTTP/1.0': answer('Content-Length: 10\r\n'),
      'cut behind a chunk for HTTP/1.0': chunks('3\r\nabc\r\n'),
    },
    { ...old, ...end },
  ),

  ...answers(
    '9112 7.5',
    { ...passes('no', 413), discarded: true },
    { 'before the whole body has come': 'HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno' },
    { request: post('Content-Length: 10\r\n', 'hello'), rest: 'world' },
  ),
  ...answers(
    '9112 7.5',
    { ...passes('no', 413), discarded: true },
    { 'before the whole body has come in chunks': 'HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno' },
    { request: post('Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n'), rest: '0\r\n\r\n' },
  ),
  ...answers(
    '9112 7.5',
    { ...passes('no', 401), discarded: true },
    { 'before the whole body has come, and close': 'HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno' },
    { request: post('Content-Length: 10\r\n', 'hello'), rest: 'world', ...end },
  ),
];
