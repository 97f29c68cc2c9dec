import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import { answerFields, requestFields, trailerFields, type RequestFields, type RequestRules } from '../../lb/headers.js';

const rules: RequestRules = { host: 'orders', version: '1.1', pseudonym: 'zidecar-7f', newRequestId: () => 'made' };
/** `Name: value` lines to flat raw pairs, and back. */
const raw = (...lines: string[]): string[] =>
  lines.flatMap((line) => [line.split(': ')[0]!, line.split(': ').slice(1).join(': ')]);
const lines = (fields: readonly string[]): string[] =>
  fields.filter((_, index) => index % 2 === 0).map((name, index) => `${name}: ${fields[2 * index + 1]!}`);

const request = (given: readonly string[], more: Partial<RequestRules> = {}): RequestFields => {
  const result = requestFields(given, { ...rules, ...more });
  if ('code' in result) throw new Error(`${result.code}: ${result.message}`);
  return result;
};
/** What the endpoint gets beside Host, the id and Via, which every request gets. */
const sent = (given: readonly string[], more: Partial<RequestRules> = {}): string[] =>
  lines(request([...given, 'x-request-id', 'given'], more).fields).filter(
    (line) => !/^(Host|x-request-id|via: 1.1 zidecar)/.test(line),
  );
const refused = (...given: string[]): string => {
  const result = requestFields(given, rules);
  return 'code' in result ? `${result.code}: ${result.message}` : 'sent';
};
const answered = (...given: string[]): string[] => {
  const result = answerFields(raw(...given), { version: '1.1', pseudonym: 'zidecar-7f' });
  if (!Array.isArray(result)) throw new Error('refused');
  return lines(result).filter((line) => !line.startsWith('via'));
};

describe('fields of a request', () => {
  it('say which endpoints will do, and lose what says so', () => {
    const { subset, fields } = request(raw('x-zidecar-subset: zone=a, version=canary'));
    equal(subset?.text, 'version=canary,zone=a');
    ok(!fields.some((field) => /zidecar-subset/.test(field)));
    match(refused(...raw('x-zidecar-subset: canary')), /^bad_request: x-zidecar-subset: "canary" is not name=value/);
    match(refused(...raw('x-zidecar-subset: a=1', 'x-zidecar-subset: a=1')), /^bad_request/);
  });

  it('keep case, order and duplicates', () => {
    const given = ['Accept: a', 'x-B: 2', 'COOKIE: c', 'x-b: 1', 'Content-Length: 3', 'accept: \xe9 "q"', 'X-Empty: '];
    deepEqual(sent(raw(...given)), given);
  });

  it('carry the Host that the route says, once', () => {
    deepEqual(lines(request(raw('a: 1', 'hOst: x', 'Host: y')).fields).slice(0, 2), ['Host: orders', 'a: 1']);
  });

  it('lose what belongs to the connection, and what Connection names', () => {
    const given = [
      'Connection: close, X-Own',
      'connection: keep-alive',
      'x-own: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: x',
    ];
    deepEqual(sent(raw(...given, 'TE: trailers', 'Upgrade: h2c', 'Trailer: x', 'Expect: 100-continue', 'a: 1')), ['a: 1']);
  });

  it('keep Host and framing although Connection names them', () => {
    const given = raw('Connection: Host, Content-Length, transfer-encoding', 'Content-Length: 3', 'Transfer-Encoding: chunked');
    deepEqual(sent(given), ['Content-Length: 3', 'Transfer-Encoding: chunked']);
    equal(request(given).fields[1], 'orders');
  });

  it('keep Trailer where the lane passes trailers on', () => {
    deepEqual(sent(raw('Trailer: x'), { trailers: true }), ['Trailer: x']);
  });

  it('lose spellings with underscores that would be taken for ours, and no others', () => {
    const shadows = [
      'X_Forwarded_For: 1',
      'x-forwarded_host: 1',
      'X_REQUEST_ID: 1',
      'content_length: 1',
      'X_Zidecar_Timeout: 1s',
    ];
    deepEqual(sent(raw(...shadows, 'my_own: 1')), ['my_own: 1']);
  });

  it('get Via beside those they have', () => {
    const given = raw('Via: 1.0 fred, 1.1 zidecar-70');
    deepEqual(
      lines(request(given, { version: '1.0' }).fields).filter((line) => /^via/i.test(line)),
      ['Via: 1.0 fred, 1.1 zidecar-70', 'via: 1.0 zidecar-7f'],
    );
  });

  it('are refused when they have passed us before, even if Connection would hide it', () => {
    match(refused('Via', '1.0 fred,1.1\tzidecar-7f (x)', 'Connection', 'via'), /^loop: .*zidecar-7f/);
  });

  it('pass a request id that is sound, as it is and where it is', () => {
    const { fields, requestId } = request(raw('X-Request-ID: abc-1', 'a: 1'));
    deepEqual([requestId, lines(fields)], ['abc-1', ['Host: orders', 'X-Request-ID: abc-1', 'a: 1', 'via: 1.1 zidecar-7f']]);
  });

  for (const [what, ids] of Object.entries({
    none: [],
    two: ['a', 'b'],
    'an empty one': [''],
    'one of 129': ['a'.repeat(129)],
    'one with a space': ['a b'],
  })) {
    it(`get a request id for ${what}`, () => {
      const { fields, requestId } = request(ids.flatMap((id) => ['x-request-id', id]));
      deepEqual([requestId, lines(fields).filter((line) => line.startsWith('x-request'))], ['made', ['x-request-id: made']]);
    });
  }

  it('keep x-forwarded-… untouched by default', () => {
    const given = ['X-Forwarded-For: 1.2.3.4', 'x-forwarded-proto: https', 'X-Forwarded-Prefix: /a', 'Forwarded: for=x'];
    deepEqual(sent(raw(...given)), given);
  });

  it('get our address at the end of the last x-forwarded-for, or in one of its own', () => {
    const own = { forwardedFor: '10.1.2.3' };
    deepEqual(sent(raw('x-forwarded-for: 1', 'X-Forwarded-For: 2', 'a: 1'), own), [
      'x-forwarded-for: 1',
      'X-Forwarded-For: 2, 10.1.2.3',
      'a: 1',
    ]);
    deepEqual(sent(raw('a: 1'), own), ['a: 1', 'x-forwarded-for: 10.1.2.3']);
  });

  it('get the prefix that was taken off, in place of one that came', () => {
    deepEqual(sent(raw('X-Forwarded-Prefix: /evil'), { prefix: '/svc/orders' }), ['x-forwarded-prefix: /svc/orders']);
  });

  it('get Connection and Upgrade anew for a websocket', () => {
    const given = raw('Connection: Upgrade, x', 'Upgrade: websocket', 'x: 1', 'Sec-WebSocket-Key: k');
    deepEqual(sent(given, { upgrade: true }), ['Sec-WebSocket-Key: k', 'Connection: Upgrade', 'Upgrade: websocket']);
  });

  it('tell what the app asked of us, and lose what is for us alone', () => {
    const { timeoutMs, retries, fields } = request(raw('X-Zidecar-Timeout: 500ms', 'x-zidecar-retries: 0'));
    deepEqual(
      [timeoutMs, retries, fields.filter((field) => /zidecar-(timeout|retries)/i.test(field))],
      [500, 0, ['X-Zidecar-Timeout']],
    );
    equal(request(raw('x-zidecar-timeout: 2s')).timeoutMs, 2_000);
    equal(request(raw('x-zidecar-timeout: 1h')).timeoutMs, 3_600_000);
    const nothing = request([]);
    deepEqual([nothing.timeoutMs, nothing.retries, nothing.subset], [undefined, undefined, undefined]);
  });

  for (const value of ['', '5', '0s', '-1s', '1.5s', '2 s', '25h', '99999999h', '1d', 'off', '1S']) {
    it(`are refused for x-zidecar-timeout: ${value}`, () =>
      match(refused('x-zidecar-timeout', value), /^bad_request: x-zidecar-timeout: .*500ms or 2s/));
  }

  for (const value of ['', '11', '-1', '1.0', '01', 'x']) {
    it(`are refused for x-zidecar-retries: ${value}`, () =>
      match(refused('x-zidecar-retries', value), /^bad_request: x-zidecar-retries: .*0 to 10/));
  }

  it('are refused when the app asks twice', () => {
    match(refused('x-zidecar-retries', '1', 'X-Zidecar-Retries', '1'), /^bad_request/);
  });

  it('are refused when a name or a value could become another field', () => {
    for (const name of ['', 'a b', 'a:', 'a\r', '\xe9']) match(refused(name, '1'), /^bad_request/);
    for (const value of ['a\r\nb: 1', 'a\nb', 'a\rb', 'a\0']) match(refused('a', value), /^bad_request: the value of "a"/);
  });

  it('come out as they came but for what is listed here, whatever they are', () => {
    const name = fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/),
      fc.constantFrom('te', 'Host', '__proto__', 'constructor', 'Via', 'expect'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.stringMatching(/^[ -~\xa0-\xff]{0,20}$/)), { maxLength: 12 }), (pairs) => {
        const gone = /^(host|connection|keep-alive|proxy-connection|te|upgrade|trailer|expect|x-request-id)$/i;
        const kept = pairs.filter(([one]) => !gone.test(one)).map(([one, value]) => `${one}: ${value}`);
        deepEqual(sent(pairs.flat()), kept);
      }),
    );
  });
});

describe('fields of an answer', () => {
  it('keep case, order and duplicates', () => {
    const given = ['Set-Cookie: a', 'Content-Length: 3', 'set-cookie: b', 'Server: x'];
    deepEqual(answered(...given), given);
  });

  it('lose what belongs to the connection, and an x-zidecar-error that is not ours', () => {
    const given = [
      'Connection: x-own',
      'X-Own: 1',
      'Keep-Alive: timeout=5',
      'X-Zidecar-Error: loop',
      'x_zidecar_error: loop',
      'a: 1',
    ];
    deepEqual(answered(...given), ['a: 1']);
  });

  it('get Via', () => {
    deepEqual(answerFields([], { version: '1.0', pseudonym: 'zidecar-7f' }), ['via', '1.0 zidecar-7f']);
  });

  it('get Connection and Upgrade anew for a websocket', () => {
    const fields = answerFields(raw('Upgrade: websocket', 'Connection: Upgrade'), {
      version: '1.1',
      pseudonym: 'p',
      upgrade: true,
    });
    deepEqual(fields, ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'via', '1.1 p']);
  });

  it('are refused as a bad answer when one could become another field', () => {
    const result = answerFields(['a', 'b\nc: 1'], { version: '1.1', pseudonym: 'p' });
    ok(!Array.isArray(result) && result.code === 'bad_answer');
  });
});

describe('trailers', () => {
  it('lose what frames, routes or is ours', () => {
    const given = [
      'X-Sum: 1',
      'Host: x',
      'Content-Length: 3',
      'Transfer-Encoding: chunked',
      'x-zidecar-error: x',
      'X-Forwarded-For: 1',
      'x-sum: 2',
    ];
    deepEqual(lines(trailerFields(raw(...given))), ['X-Sum: 1', 'x-sum: 2']);
  });

  it('are dropped as a whole when one of them cannot be sent', () => {
    deepEqual(trailerFields(['a', '1', 'b', '\n']), []);
  });
});
