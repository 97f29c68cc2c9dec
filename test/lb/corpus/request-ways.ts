/** For whom a request is, what belongs to one connection only, and the order of what comes over one: pipelining, HTTP/1.0, Expect, Upgrade. */
import { carries, chunked, declines, get, post, refuses, requests, type Carried, type RequestCase } from './case.js';

const to = (host: string, target = '/'): string => `GET ${target} HTTP/1.1\r\nHost:${host}\r\n\r\n`;
const svc = (target: string, host = ' localhost:6140'): string => to(host, target);
const old = (more = '', method = 'GET'): string => `${method} / HTTP/1.0\r\nHost: orders\r\n${more}\r\n`;
const last = (want: Carried): Carried => ({ ...want, goesOn: false });
const named = (want: Carried, host: string): Carried => ({
  ...want,
  there: [new RegExp(`\\r\\nhost: ${host}\\r\\n`, 'i')],
  never: [/evil/],
});
const hops: Carried = { ...carries('GET /'), never: [/evil/i] };

export const requestWays: readonly RequestCase[] = [
  ...requests('9112 3.2', refuses(400), {
    'no Host': 'GET / HTTP/1.1\r\n\r\n',
    'two Hosts': get('Host: orders\r\n'),
    'two different Hosts': get('Host: evil\r\n'),
    'two Hosts in other letters': get('A: b\r\nhOST: orders\r\n'),
    'an empty Host behind one': get('Host:\r\n'),
    'a Host with a space': to(' or ders'),
    'a list of Hosts': to(' orders, evil'),
    'a Host with a path': to(' orders/..'),
    'a Host with a query': to(' orders?a'),
    'a Host with a fragment': to(' orders#a'),
    'a Host with a user': to(' me@orders'),
    'a Host with a user and a port': to(' orders:80@evil'),
    'a Host with a backslash': to(' orders\\evil'),
    'a Host with a port in letters': to(' orders:http'),
    'a Host with a negative port': to(' orders:-1'),
    'a Host with two ports': to(' orders:80:80'),
    'a Host with a port of six digits': to(' orders:100000'),
    'a Host that is half an address of IPv6': to(' [::1'),
    'a Host with something behind an address of IPv6': to(' [::1]x'),
    'a Host in brackets': to(' [orders]'),
    'a Host that is a URL': to(' http://orders/'),
    'a Host beyond ASCII': to(' \xf6rders'),
    'a Host in quotes': to(' "orders"'),
    'a Host with a NUL': to(' ord\0ers'),
    'a Host with a tab': to(' ord\ters'),
  }),
  ...requests('9110 7.2', declines(404), {
    'an empty Host': to(''),
    'a blank Host': to('  '),
    'a Host that is nobody': to(' evil'),
    'a Host with an encoded letter': to(' %6frders'),
    'a list of Hosts without spaces': to(' orders,evil'),
    'a Host that is an address': to(' 127.0.0.1:22'),
    'a Host that is an address of IPv6': to(' [::1]:22'),
    'a Host that is a number': to(' 2130706433'),
    'a Host of dots': to(' ..'),
    'a Host of 300 letters': to(` ${'a'.repeat(300)}`),
    'a Host that says __proto__': to(' __proto__'),
    'a Host that says constructor': to(' constructor'),
  }),
  ...requests('9110 7.2', carries('GET /'), {
    'a Host without a space': to('orders'),
    'a Host between tabs': to('\torders\t'),
    'a Host with a port': to(' orders:80'),
    'a Host with an empty port': to(' orders:'),
    'a Host with a suffix': to(' orders.zk'),
    'a Host with a dot at its end': to(' orders.'),
    'a Host in other letters': get().replace('Host', 'hOsT'),
  }),
  ...requests('9112 3.2.2', named(carries('GET /a?b'), 'orders'), {
    'an absolute target with another Host': to(' evil', 'http://orders/a?b'),
    'an absolute target in capitals': to(' evil', 'HTTP://orders/a?b'),
    'an absolute target with an empty Host': to('', 'http://orders/a?b'),
  }),
  ...requests('9112 3.2.2', named(carries('GET /svc/evil2/a'), 'orders:80'), {
    'an absolute target with a port and a path of ours': to(' x', 'http://orders:80/svc/evil2/a'),
  }).map((each) => ({ ...each, want: { ...each.want, never: [/host: x/i] } })),
  ...requests('9112 3.2.2', named(carries('GET /'), 'orders'), {
    'an absolute target without a path': to(' evil', 'http://orders'),
  }),
  ...requests('9112 3.2.2', named(carries('GET /?a'), 'orders'), {
    'an absolute target with a query only': to(' evil', 'http://orders?a'),
  }),
  ...requests('9112 3.2.2', named(carries('GET /a'), 'orders'), {
    'an absolute target to our path': to(' evil', 'http://localhost/svc/orders/a'),
  }),
  ...requests('9112 3.2.2', refuses(400), {
    'an absolute target and no Host': 'GET http://orders/ HTTP/1.1\r\n\r\n',
    'an absolute target and two Hosts': get('Host: orders\r\n', 'http://orders/'),
    'an absolute target of https': to(' orders', 'https://orders/'),
    'an absolute target of ftp': to(' orders', 'ftp://orders/'),
    'an absolute target with a user': to(' orders', 'http://me@orders/'),
    'an absolute target without a name': to(' orders', 'http:///a'),
    'an absolute target with one slash': to(' orders', 'http:/orders/a'),
    'an absolute target with a fragment': to(' orders', 'http://orders/a#b'),
    'an absolute target with a space': to(' orders', 'http://or ders/a'),
    'an absolute target with a backslash': to(' orders', 'http://orders\\@evil/a'),
    'an absolute target with half an address of IPv6': to(' orders', 'http://[::1/a'),
  }),
  ...requests('9112 3.2.2', declines(404), {
    'an absolute target to nobody': to(' orders', 'http://evil/'),
    'an absolute target to an address': to(' orders', 'http://169.254.169.254/latest'),
    'an absolute target to an address of IPv6': to(' orders', 'http://[::1]:6190/'),
  }),
  ...requests('9112 3.2.3', refuses([400, 405, 501]), {
    CONNECT: 'CONNECT orders:80 HTTP/1.1\r\nHost: orders:80\r\n\r\n',
    'CONNECT to an address': 'CONNECT 10.0.0.1:22 HTTP/1.1\r\nHost: 10.0.0.1:22\r\n\r\n',
    'CONNECT without Host': 'CONNECT orders:80 HTTP/1.1\r\n\r\n',
    'CONNECT with a body': 'CONNECT orders:80 HTTP/1.1\r\nHost: orders\r\nContent-Length: 3\r\n\r\nabc',
    'CONNECT with a path': 'CONNECT / HTTP/1.1\r\nHost: orders\r\n\r\n',
    'CONNECT of HTTP/1.0': 'CONNECT orders:80 HTTP/1.0\r\n\r\n',
  }),
  ...requests('9110 9.3.8', { ...carries('TRACE /'), or: refuses([405, 501]) }, { TRACE: get().replace('GET', 'TRACE') }),
  ...requests('9112 3.2.4', carries('OPTIONS *'), { 'OPTIONS *': get('', '*').replace('GET', 'OPTIONS') }),
  ...requests('9112 3.2.4', carries('OPTIONS *'), {
    'OPTIONS of an absolute target without a path': get('', 'http://orders').replace('GET', 'OPTIONS'),
  }),
  ...requests('9112 3.2.4', carries('OPTIONS * abc'), {
    'OPTIONS * with a body': post('Content-Length: 3\r\n', 'abc').replace('POST /', 'OPTIONS *'),
    'OPTIONS * in chunks': chunked('3\r\nabc\r\n0\r\n\r\n').replace('POST /', 'OPTIONS *'),
  }),
  ...requests('9112 3.2.4', declines(404), { 'OPTIONS * to nobody': 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n' }),
  ...requests(
    '9110 7.6.2',
    { ...carries('OPTIONS /a'), there: [/\r\nA: b\r\nmax-FORWARDS: 4\r\n/], never: [/forwards: *5/i] },
    { 'OPTIONS that may go on five times': get('A: b\r\nmax-FORWARDS:  5 \r\n', '/a').replace('GET', 'OPTIONS') },
  ),
  ...requests(
    '9110 7.6.2',
    { ...carries('TRACE /'), there: [/\r\nMax-Forwards: 0\r\n/] },
    { 'TRACE that may go on once': get('Max-Forwards: 1\r\n').replace('GET', 'TRACE') },
  ),
  ...requests(
    '9110 7.6.2',
    { ...carries('OPTIONS *'), there: [/\r\nMax-Forwards: \d{6}\r\n/] },
    { 'OPTIONS * that may go on for ever': get(`Max-Forwards: ${'9'.repeat(400)}\r\n`, '*').replace('GET', 'OPTIONS') },
  ),
  ...requests('9110 7.6.2', declines(200), {
    'OPTIONS that may not go on': get('Max-Forwards: 0\r\n').replace('GET', 'OPTIONS'),
    'OPTIONS * that may not go on': get('Max-Forwards: 00\r\n', '*').replace('GET', 'OPTIONS'),
  }),
  ...requests('9110 7.6.2', refuses(400), {
    'a count of how far that is none': get('Max-Forwards: -1\r\n').replace('GET', 'OPTIONS'),
    'a count of how far that is empty': get('Max-Forwards:\r\n').replace('GET', 'TRACE'),
    'two counts of how far': get('Max-Forwards: 5\r\nmax-forwards: 5\r\n').replace('GET', 'OPTIONS'),
    'a list of counts of how far': get('Max-Forwards: 5, 5\r\n').replace('GET', 'OPTIONS'),
  }),
  ...requests(
    '9110 7.6.2',
    { ...carries('GET /'), there: [/\r\nMax-Forwards: 0\r\n/] },
    { 'a count of how far for GET': get('Max-Forwards: 0\r\n') },
  ),
  ...requests('9110 9', carries('PATCH / abc'), { PATCH: post('Content-Length: 3\r\n', 'abc').replace('POST', 'PATCH') }),
  ...requests('9110 9', carries('PURGE /'), { 'a method of caches': get().replace('GET', 'PURGE') }),
  ...requests('9110 9', carries('PROPFIND /'), { 'a method of WebDAV': get().replace('GET', 'PROPFIND') }),

  ...requests('routing', { ...named(carries('GET /a'), 'orders') }, { 'our path': svc('/svc/orders/a') }),
  ...requests('routing', carries('GET /'), {
    'our path without a path behind it': svc('/svc/orders'),
    'our path at an address': svc('/svc/orders/', ' 127.0.0.1:6140'),
    'our path at an address of IPv6': svc('/svc/orders/', ' [::1]'),
  }),
  ...requests('routing', carries('GET /?a/b'), { 'our path with a query': svc('/svc/orders?a/b') }),
  ...requests('routing', carries('GET //evil/a'), { 'our path with two slashes behind it': svc('/svc/orders//evil/a') }),
  ...requests('routing', carries('GET /../users/a'), { 'our path with a way out behind it': svc('/svc/orders/../users/a') }),
  ...requests('routing', carries('GET /svc/evil/a'), { 'our path in our path': svc('/svc/orders/svc/evil/a') }),
  ...requests('routing', carries('GET /svc/evil/a'), { 'our path at a peer': to(' orders', '/svc/evil/a') }),
  ...requests('routing', declines(404), {
    'our path with a way out': svc('/svc/../orders/a'),
    'our path with a dot': svc('/svc/./orders/a'),
    'our path without a name': svc('/svc//a'),
    'our path and nothing': svc('/svc/'),
    'our path without its slash': svc('/svc'),
    'our path behind two slashes': svc('//svc/orders/a'),
    'our path in other letters': svc('/SVC/orders/a'),
    'our path, encoded': svc('/%73vc/orders/a'),
    'our path with an encoded name': svc('/svc/%6frders/a'),
    'our path with an encoded slash': svc('/svc/orders%2fa'),
    'our path with a semicolon': svc('/svc/orders;a/b'),
    'our path with a user': svc('/svc/me@orders/a'),
    'our path with a port': svc('/svc/orders:80/a'),
    'our path with a name of 300 letters': svc(`/svc/${'a'.repeat(300)}/`),
    'our path with __proto__': svc('/svc/__proto__/'),
  }),

  ...requests('9110 7.6.1', hops, {
    'a field that Connection names': get('Connection: x-evil\r\nX-Evil: 1\r\n'),
    'fields that Connection names': get('Connection: x-evil, keep-alive,,x-evil2\r\nX-Evil: 1\r\nX-Evil2: 1\r\n'),
    'a field that comes before the Connection that names it': get('X-Evil: 1\r\nCONNECTION: X-EVIL\r\n'),
    'two fields of Connection': get('Connection: a\r\nConnection: x-evil\r\nX-Evil: 1\r\n'),
    'a field that Connection names between tabs': get('Connection:\tx-evil\t,\tb\r\nX-Evil: 1\r\n'),
    'Keep-Alive': get('Keep-Alive: evil\r\n'),
    'Proxy-Connection': get('Proxy-Connection: evil\r\n'),
    TE: get('TE: trailers, evil\r\nConnection: TE\r\n'),
    Trailer: get('Trailer: evil\r\n'),
    'an upgrade to what nobody knows': get('Connection: upgrade\r\nUpgrade: evil/1\r\n'),
    'an upgrade to h2c': get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: evil\r\n'),
    'an upgrade that Connection does not name': get('Upgrade: evil\r\n'),
    'an upgrade to a websocket among others': get('Connection: upgrade\r\nUpgrade: websocket, evil\r\n'),
  }),
  ...requests('9110 7.8', carries('POST / abc'), {
    'a POST that asks for a websocket': post('Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n', 'abc'),
    'a POST in chunks that asks for h2c': post(
      'Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n',
      '3\r\nabc\r\n0\r\n\r\n',
    ),
  }),
  ...requests('9110 7.8', refuses([400, 501]), {
    'a length and a coding that ask for h2c': post(
      'Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n',
      '0\r\n\r\n',
    ),
    'two Hosts that ask for a websocket': get('Host: evil\r\nConnection: upgrade\r\nUpgrade: websocket\r\n'),
  }),
  ...requests(
    '9110 7.6.1',
    { ...carries('POST / abc'), there: [/\r\nhost: orders\r\n/i] },
    {
      'Connection that names Host and Content-Length': post('Connection: Host, Content-Length\r\nContent-Length: 3\r\n', 'abc'),
      'Connection that names Transfer-Encoding': post(
        'Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n',
        '3\r\nabc\r\n0\r\n\r\n',
      ),
    },
  ),
  ...requests('9110 7.6.3', declines(508), {
    'a Via of ours': get('Via: 1.1 zidecar-test\r\n'),
    'a Via of ours among others': get('Via: 1.0 a, 1.1\tzidecar-test (x), 1.1 b\r\n'),
    'a Via of ours in a second field': get('Via: 1.1 a\r\nvia: HTTP/1.1 zidecar-test\r\n'),
  }),
  ...requests(
    '9110 7.6.3',
    { ...carries('GET /'), there: [/\r\nVia: 1\.0 a, 1\.1 b\r\n[^]*\r\nvia: 1\.1 zidecar-test\r\n/] },
    { 'a Via of others': get('Via: 1.0 a, 1.1 b\r\n') },
  ),
  ...requests('rules', hops, {
    'fields that pose as ours': get(
      'X_Forwarded_For: evil\r\nX_Forwarded-Proto: evil\r\nx-zidecar_timeout: evil\r\nX_Request_Id: evil\r\n',
    ),
    'a request id that is none': get('x-request-id: evil evil\r\n'),
    'two request ids': get('x-request-id: evil\r\nx-request-id: evil\r\n'),
  }),
  ...requests(
    'rules',
    { ...refuses(400), or: declines(400) },
    { 'a time that is none': get('x-zidecar-timeout: soon\r\n'), 'retries that are none': get('x-zidecar-retries: 11\r\n') },
  ),

  ...requests('9112 9.6', last(carries('GET /')), {
    close: get('Connection: close\r\n'),
    'close in capitals': get('Connection: CLOSE\r\n'),
    'close among others': get('Connection: x, close\r\n'),
    'close in a second field': get('Connection: x\r\nConnection: close\r\n'),
  }),
  ...requests('9112 9.3', last(carries('GET /')), {
    'HTTP/1.0': old(),
    'HTTP/1.0 that closes': old('Connection: close\r\n'),
    'HTTP/1.0 with an expectation': old('Expect: 100-continue\r\n'),
    'HTTP/1.0 with an absolute target and no Host': 'GET http://orders/ HTTP/1.0\r\n\r\n',
    'HTTP/1.0 that asks for a websocket': old('Connection: upgrade\r\nUpgrade: websocket\r\n'),
  }),
  ...requests('9112 9.3', carries('GET /'), { 'HTTP/1.0 that keeps its connection': old('Connection: keep-alive\r\n') }),
  ...requests('9112 9.3', last(carries('POST / abc')), {
    'HTTP/1.0 with a length': old('Content-Length: 3\r\n', 'POST') + 'abc',
  }),
  ...requests('9112 9.3', { ...refuses([400, 404]) }, { 'HTTP/1.0 without Host': 'GET / HTTP/1.0\r\n\r\n' }),

  ...requests(
    '9110 10.1.1',
    { ...carries('POST / abc'), told: [/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /], never: [/expect/i] },
    {
      'an expectation and its body': post('Expect: 100-continue\r\nContent-Length: 3\r\n', 'abc'),
      'an expectation in capitals': post('Expect: 100-CONTINUE\r\nContent-Length: 3\r\n', 'abc'),
      'an expectation and chunks': post('Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    },
  ),
  ...requests(
    '9110 10.1.1',
    { ...carries('GET /'), never: [/expect/i] },
    { 'an expectation without a body': get('Expect: 100-continue\r\n') },
  ),
  ...requests('9110 10.1.1', refuses([400, 417]), {
    'an expectation nobody knows': post('Expect: the-worst\r\nContent-Length: 0\r\n'),
    'two expectations': post('Expect: 100-continue, the-worst\r\nContent-Length: 0\r\n'),
  }),
  ...requests('9110 10.1.1', refuses(400), {
    'an expectation and a bad length': post('Expect: 100-continue\r\nContent-Length: +3\r\n', 'abc'),
  }),

  ...requests('9112 9.3.2', carries('GET /1', 'POST / abc', 'GET /2', 'POST / abc', 'GET /3'), {
    'requests of every kind in one packet':
      get('', '/1') + post('Content-Length: 3\r\n', 'abc') + get('', '/2') + chunked('3\r\nabc\r\n0\r\n\r\n') + get('', '/3'),
  }),
  ...requests('9112 9.3.2', carries(...Array.from({ length: 50 }, (_, n) => `GET /${n}`)), {
    '50 requests in one packet': Array.from({ length: 50 }, (_, n) => get('', `/${n}`)).join(''),
  }),
  ...requests('9112 9.3.2', carries('HEAD /', 'GET /1', 'HEAD /', 'GET /2'), {
    'HEAD between others': get().replace('GET', 'HEAD') + get('', '/1') + get().replace('GET', 'HEAD') + get('', '/2'),
  }),
  ...requests(
    '9112 9.3.2',
    { ...carries('GET /1', 'GET /2'), statuses: [[200], [404], [200]] },
    { 'a refusal between others': get('', '/1') + to(' evil') + get('', '/2') },
  ),
  ...requests('9112 9.3.2', refuses([400, 501], 'GET /1'), {
    'a bad length behind a request': get('', '/1') + post('Content-Length: 3, 4\r\n', 'abc') + get('', '/never'),
    'a bad coding behind a request':
      get('', '/1') + post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n') + get('', '/never'),
    'two framings behind a request':
      get('', '/1') + post('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', '0\r\n\r\n') + get('', '/never'),
    'garbage behind a request': `${get('', '/1')}\x16\x03\x01\r\n\r\n`,
    'a folded head behind a request': get('', '/1') + get('A: b\r\n c\r\n', '/never'),
    'two Hosts behind a request': get('', '/1') + get('Host: evil\r\n', '/never'),
    'a bad chunk behind a request': `${get('', '/1')}${chunked('3\r\nabc\r\nzz\r\n')}`,
  }),
  ...requests('9112 9.3', refuses([400, 404]), {
    'a refused upload whose body breaks': chunked('3\r\nabc\r\nzz\r\n').replace('Host: orders', 'Host: nobody'),
    'a refused upload whose body breaks in its end': chunked('3\r\nabc\r\n0\r\n\r,').replace('Host: orders', 'Host: nobody'),
  }),
  ...requests('9112 9.3.2', refuses([400, 501], 'POST / abc'), {
    'a bad length behind a body in chunks':
      chunked('3\r\nabc\r\n0\r\n\r\n') + post('Content-Length: 3, 4\r\n', 'abc') + get('', '/never'),
    'garbage behind a body with a length': `${post('Content-Length: 3\r\n', 'abc')}\0\0\r\n\r\n`,
  }),
  ...requests('9112 9.6', last(carries('GET /')), {
    'a request behind the last one': get('Connection: close\r\n') + get('', '/never'),
    'garbage behind the last one': `${get('Connection: close\r\n')}\0\r\n\r\n`,
  }),
];
