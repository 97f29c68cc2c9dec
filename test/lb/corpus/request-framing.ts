/** Where the body of a request ends: Content-Length and Transfer-Encoding, in all ways in which they were ever misread. */
import { carries, chunked, get, post, refuses, requests, type RequestCase } from './case.js';
import { brokenBodies, doubtfulBodies, wholeBodies } from './chunk-bodies.js';

const te = (value: string): string => post(`Transfer-Encoding:${value}\r\n`, '0\r\n\r\n');
const cl = (value: string, body = 'abc'): string => post(`Content-Length:${value}\r\n`, body);

/** Lines that one reader takes for `Transfer-Encoding: chunked` and another does not. */
const disguises: Readonly<Record<string, string>> = {
  plain: 'Transfer-Encoding: chunked',
  'in capitals': 'TRANSFER-ENCODING: CHUNKED',
  'without a space': 'Transfer-Encoding:chunked',
  'behind a tab': 'Transfer-Encoding:\tchunked',
  'before a space': 'Transfer-Encoding: chunked ',
  'with a space before the colon': 'Transfer-Encoding : chunked',
  'with a tab before the colon': 'Transfer-Encoding\t: chunked',
  'behind a coding': 'Transfer-Encoding: gzip, chunked',
  'before a coding': 'Transfer-Encoding: chunked, identity',
  twice: 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'and another field of it': 'Transfer-Encoding: chunked\r\nTransfer-Encoding: cow',
  'in quotes': 'Transfer-Encoding: "chunked"',
  'with a parameter': 'Transfer-Encoding: chunked;q=1',
  'with an x': 'Transfer-Encoding: xchunked',
  'behind a vertical tab': 'Transfer-Encoding: \x0bchunked',
  'behind a form feed': 'Transfer-Encoding: \fchunked',
  'behind a NUL': 'Transfer-Encoding: \0chunked',
  'behind a hard space': 'Transfer-Encoding: \xa0chunked',
  'with a long s': 'Transfer-Encoding: chunKed\xc5\xbf',
  folded: 'Transfer-Encoding:\r\n chunked',
  'folded behind another': 'X: y\r\n Transfer-Encoding: chunked',
  'behind a bare CR': 'X: y\rTransfer-Encoding: chunked',
  'behind a bare LF': 'X: y\nTransfer-Encoding: chunked',
  'before a bare CR': 'Transfer-Encoding: chunked\rX: y',
};

export const requestFraming: readonly RequestCase[] = [
  ...Object.entries(disguises).flatMap(([how, line]) =>
    requests('9112 6.1', refuses([400, 501]), {
      [`a chunked ${how}, before a length`]: post(`${line}\r\nContent-Length: 4\r\n`, '0\r\n\r\n'),
      [`a chunked ${how}, behind a length`]: post(`Content-Length: 4\r\n${line}\r\n`, '0\r\n\r\nGET /smuggled HTTP/1.1\r\nX: '),
    }),
  ),
  ...requests('9112 6.1', refuses([400, 501]), {
    'a coding before chunked': te(' gzip, chunked'),
    'a coding after chunked': te(' chunked, gzip'),
    'chunked twice': te(' chunked, chunked'),
    'chunked in two fields': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    'chunked and nothing': te(' chunked,'),
    'nothing and chunked': te(' ,chunked'),
    'an empty coding': te(''),
    identity: te(' identity'),
    gzip: te(' gzip'),
    trailers: te(' trailers'),
    'a coding in quotes': te(' "chunked"'),
    'a coding with a parameter': te(' chunked;a=b'),
    'a coding cut in two': te(' chun ked'),
    'a coding and a word': te(' chunked x'),
    'a coding behind a hard space': te(' \xa0chunked'),
    'a space before the colon of a coding': post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
    'a folded coding': te('\r\n chunked'),
    'a coding in HTTP/1.0': te(' chunked').replace('HTTP/1.1', 'HTTP/1.0'),
    'a coding in HTTP/1.0 that keeps its connection': post(
      'Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n',
      '0\r\n\r\n',
    ).replace('1.1', '1.0'),
  }),
  ...requests('9112 6.1', carries('POST /'), {
    'an empty body in chunks': te(' chunked'),
    'chunked in capitals': te(' CHUNKED'),
    'Chunked in both cases': te(' ChUnKeD'),
    'chunked behind a tab': te('\tchunked'),
    'chunked before a space': te('chunked '),
    'chunked before a tab': te(' chunked\t'),
    'a name of the field in capitals': te(' chunked').replace('Transfer-Encoding', 'TRANSFER-ENCODING'),
  }),
  ...requests('9112 7.1', carries('POST / abc'), prefixed('in chunks: ', wholeBodies, chunked)),
  ...requests('9112 7.1', { ...refuses(400), or: carries('POST / abc') }, prefixed('in chunks: ', doubtfulBodies, chunked)),
  ...requests('9112 7.1', refuses([400, 413, 431]), prefixed('in chunks: ', brokenBodies, chunked)),
  ...requests(
    '9112 7.1.2',
    { ...carries('POST / abc'), or: { ...carries('POST / abc'), goesOn: false } },
    { 'close among the trailers': chunked('3\r\nabc\r\n0\r\nConnection: close\r\n\r\n') },
  ),
  ...requests('9112 7.1', carries('GET / abc'), { 'GET in chunks': chunked(wholeBodies['one chunk']!).replace('POST', 'GET') }),
  ...requests('9112 7.1', carries('DELETE / abc'), {
    'DELETE in chunks': chunked(wholeBodies['one chunk']!).replace('POST', 'DELETE'),
  }),
  ...requests('9112 7.1', carries('HEAD / abc'), {
    'HEAD in chunks': chunked(wholeBodies['one chunk']!).replace('POST', 'HEAD'),
  }),
  ...requests('9112 6.3', carries('OPTIONS / abc'), {
    'OPTIONS in chunks': chunked(wholeBodies['one chunk']!).replace('POST', 'OPTIONS'),
  }),
  ...requests('9112 6.2', refuses(400), {
    'a list of equal lengths': cl(' 3, 3'),
    'a list of equal lengths without spaces': cl(' 3,3'),
    'a list of different lengths': cl(' 3, 4'),
    'two lengths': post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'),
    'two different lengths': post('Content-Length: 3\r\nContent-Length: 30\r\n', 'abc'),
    'two lengths apart, in different letters': post('Content-Length: 3\r\nA: b\r\nCONTENT-LENGTH: 3\r\n', 'abc'),
    'two lengths, one empty': post('Content-Length:\r\nContent-Length: 3\r\n', 'abc'),
    'two numbers': cl(' 3 3'),
    'a plus': cl(' +3'),
    'a minus': cl(' -3'),
    'a minus and zero': cl(' -0'),
    'an empty length': cl(''),
    'a blank length': cl(' \t '),
    'a hexadecimal length': cl(' 0x3'),
    'a length in letters': cl(' three'),
    'a length with a point': cl(' 3.0'),
    'a length with an exponent': cl(' 3e0'),
    'a length with an underscore': cl(' 3_0'),
    'a length in quotes': cl(' "3"'),
    'a length before a semicolon': cl(' 3;'),
    'a length before a comma': cl(' 3,'),
    'a length behind a comma': cl(' ,3'),
    'a length in Arabic digits': cl(' \xd9\xa3'),
    'a length before a vertical tab': cl(' 3\x0b'),
    'a length before a NUL': cl(' 3\0'),
    'a length before a hard space': cl(' 3\xa0'),
    'a length beyond 2^53': cl(' 9007199254740993'),
    'a length of 2^63 - 1': cl(' 9223372036854775807'),
    'a length of 2^64 and 3': cl(' 18446744073709551619'),
    'a length of 100 digits': cl(` ${'9'.repeat(100)}`),
    'a space before the colon of a length': post('Content-Length : 3\r\n', 'abc'),
    'a folded length': cl('\r\n 3'),
    'a length behind a bare CR': post('X: y\rContent-Length: 3\r\n', 'abc'),
    'a length behind a bare LF': post('X: y\nContent-Length: 3\r\n', 'abc'),
  }),
  ...requests('9112 6.2', carries('POST / abc'), {
    'a length': cl(' 3'),
    'a length without a space': cl('3'),
    'a length behind a tab': cl('\t3'),
    'a length before a space': cl(' 3 '),
    'a length with zeros before it': cl(' 003'),
    'a length in other letters': cl(' 3').replace('Content-Length', 'cONTENT-lENGTH'),
    'a length beside one with an underscore': post('Content-Length: 3\r\nContent_Length: 30\r\n', 'abc'),
  }),
  ...requests(
    '9112 6.2',
    { ...refuses(400), or: carries('POST / abc') },
    {
      'a length before a tab': cl(' 3\t'),
      'a length with twenty zeros before it': cl(` ${'0'.repeat(20)}3`),
    },
  ),
  ...requests('9112 6.3', carries('POST /'), { 'a length of nothing': cl(' 0', ''), 'no length at all': post('') }),
  ...requests('9112 6.3', carries('GET / abc'), { 'a GET with a body': get('Content-Length: 3\r\n') + 'abc' }),
  ...requests('9112 6.3', carries('HEAD / abc'), { 'a HEAD with a body': cl(' 3').replace('POST', 'HEAD') }),
  ...requests('9112 6.3', carries('DELETE / abc'), { 'a DELETE with a body': cl(' 3').replace('POST', 'DELETE') }),
  ...requests('9112 6.3', carries('OPTIONS / abc'), { 'an OPTIONS with a body': cl(' 3').replace('POST', 'OPTIONS') }),
  ...requests('9112 6.3', { ...refuses(400, 'POST / ab'), never: [/cGET/] }, { 'a byte more than its length': cl(' 2') }),
  ...requests('9112 6.3', refuses(400, 'POST /'), { 'a body without any framing': post('', 'abc') }),
  ...requests('9112 6.3', refuses(400, 'GET /'), { 'a body of a GET without any framing': `${get()}a=b&c=d` }),
  ...requests('9112 6.3', refuses(400, 'POST / abc'), {
    'bytes behind its last chunk': `${chunked(wholeBodies['one chunk']!)}xyz`,
  }),
  ...requests(
    '9112 6.3',
    { ...carries('POST /'), never: [/coding|length: 3/i] },
    {
      'a coding with an underscore': post('Transfer_Encoding: chunked\r\n'),
      'a length with an underscore': post('Content_Length: 3\r\n'),
    },
  ),
];

function prefixed(
  prefix: string,
  bodies: Readonly<Record<string, string>>,
  make: (body: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(bodies).map(([name, body]) => [prefix + name, make(body)]));
}
