import { equal, notEqual } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hashKeyIn } from '../../lb/fast/hash-key.js';
import { RequestHead } from '../../lb/fast/request-head.js';
import { rawFields } from '../../lb/fast/strings.js';
import { hashKeyOf, type HashOn } from '../../lb/hash-key.js';
import { hashOf } from '../../lb/hashing.js';
import { fc } from '../support/fast-check.js';

const header: HashOn = { by: 'header', name: 'x-user', bytes: Buffer.from('x-user') };
const cookie: HashOn = { by: 'cookie', name: 'sid', bytes: Buffer.from('sid=') };
const source: HashOn = { by: 'source', own: 7 };

/** The key in both lanes, which must be one. */
const keyOf = (
  on: HashOn,
  lines: readonly string[],
  target = '/a?b',
  remoteAddress: string | undefined = '127.0.0.1',
): number | undefined => {
  const text = `GET ${target} HTTP/1.1\r\n${['Host: orders', ...lines].map((line) => `${line}\r\n`).join('')}\r\n`;
  const bytes = Buffer.from(`${text}GET /next HTTP/1.1\r\nx-user: next\r\n\r\n`, 'latin1');
  const head = new RequestHead(65_536, 100);
  head.begin(0);
  equal(head.scan(bytes, bytes.length), 'whole', head.fault);
  const fast = hashKeyIn(on, bytes, head, 0, { remoteAddress });
  const raw = rawFields(bytes, bytes.indexOf('\r\n') + 2, head.end);
  equal(fast, hashKeyOf(on, { target, raw, remoteAddress }), JSON.stringify(text));
  return fast;
};

describe('the key of a call', () => {
  it('is the value of a field, whatever the case of its name, and without the blanks around it', () => {
    equal(keyOf(header, ['Accept: *', 'X-User: \t ann ', 'x-user: bob']), hashOf('ann'));
    notEqual(keyOf(header, ['x-user: ann']), keyOf(header, ['x-user: bob']));
  });

  it('is none where the field is missing or empty, or another begins like it', () => {
    for (const line of ['a: b', 'x-user:', 'x-user: \t', 'x-users: ann', 'x-use: ann'])
      equal(keyOf(header, [line]), undefined, line);
  });

  it('is the value of a cookie, in any of its fields', () => {
    equal(keyOf(cookie, ['Cookie: a=1; sid=ann;b=2']), hashOf('ann'));
    equal(keyOf(cookie, ['cookie: sid=', 'cookie: xsid=no; sid=ann']), hashOf('ann'));
    for (const line of ['cookie: SID=ann', 'cookie: sid', 'cookie: a=sid=ann', 'set-cookie: sid=ann', 'x: sid=ann'])
      equal(keyOf(cookie, [line]), undefined, line);
  });

  it('is found at once behind a field of nothing but blanks', () => {
    const raw = ['cookie', `a${' '.repeat(2 ** 21)}b; sid=ann`];
    equal(hashKeyOf(cookie, { target: '/', raw, remoteAddress: undefined }), hashOf('ann'));
  });

  it('is the path without its query', () => {
    equal(keyOf({ by: 'path' }, [], '/a/b?c=1'), hashOf('/a/b'));
    equal(keyOf({ by: 'path' }, [], '/a/b'), hashOf('/a/b'));
  });

  it('is the address of the app, or the pod where the app is beside us, or came over a unix socket', () => {
    equal(keyOf(source, [], '/', '10.1.2.3'), hashOf('10.1.2.3'));
    for (const here of ['127.0.0.1', '::1', '::ffff:127.0.0.1', undefined]) {
      const raw: string[] = [];
      equal(hashKeyOf(source, { target: '/', raw, remoteAddress: here }), 7);
    }
  });

  it('is the same in both lanes, whatever the fields', () => {
    const part = fc.stringMatching(/^[ \t\u00a0;=a-c]{0,12}$/);
    const line = fc.oneof(
      fc.tuple(fc.constantFrom('x-user', 'X-USER', 'x-users', 'a'), part).map(([name, value]) => `${name}:${value}`),
      fc.tuple(fc.constantFrom('cookie', 'Cookie', 'cookies'), part, part).map(([name, a, b]) => `${name}:${a}sid=${b}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), fc.constantFrom(header, cookie), (lines, on) => {
        keyOf(on, lines);
      }),
    );
  });
});
