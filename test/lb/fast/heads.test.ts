/** The scanner: what it finds in heads, at every split point; what it finds odd; and that it never sees what node's parser does not. */
import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import { AnswerHead } from '../../../lb/fast/answer-head.js';
import type { Head, Scanned } from '../../../lb/fast/head.js';
import { RequestHead } from '../../../lb/fast/request-head.js';
import { rawFields } from '../../../lb/fast/strings.js';
import { mutated, plainAnswer, plainRequest } from '../messages.js';
import { answerIn, requestsIn } from './llhttp.js';

const maxBytes = 32 * 1024;
const requestHead = (): RequestHead => new RequestHead(maxBytes, 100);
const answerHead = (): AnswerHead => new AnswerHead(maxBytes, Infinity);
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Scans what comes in two parts. */
const scan = (head: Head, text: string, split = text.length, start = 0): Scanned => {
  const bytes = latin1(' '.repeat(start) + text);
  head.begin(start);
  const first = head.scan(bytes, start + split);
  return first === 'more' ? head.scan(bytes, bytes.length) : first;
};
const atEverySplit = <H extends Head>(make: () => H, text: string, check: (head: H, scanned: Scanned) => void): void => {
  for (let split = 0; split <= text.length; split++) {
    const head = make();
    check(head, scan(head, text, split, split % 3));
  }
};

describe('the head of a request', () => {
  it('is found whole, with its parts, wherever it is split', () => {
    const text =
      'POST /a?b=%20 HTTP/1.1\r\nHost: \torders:80 \r\nX-Request-ID:abc\r\nConnection: Close\r\nContent-Length: 12\r\n\r\n';
    atEverySplit(requestHead, text, (head, scanned) => {
      equal(scanned, 'whole');
      const { method, targetStart, targetEnd, hostStart, hostEnd, requestIdStart, requestIdEnd, start } = head;
      const part = (from: number, to: number): string => text.slice(from - start, to - start);
      deepEqual(
        [method, part(targetStart, targetEnd), part(hostStart, hostEnd), part(requestIdStart, requestIdEnd)],
        ['POST', '/a?b=%20', 'orders:80', 'abc'],
      );
      deepEqual([head.length, head.close, head.needsRules, head.fields, head.end - start], [12, true, false, 4, text.length]);
      deepEqual(
        head.cuts.slice(0, 2 * head.cutCount).map((at) => at - start),
        [text.indexOf('Connection'), text.indexOf('Content-Length')],
      );
    });
  });

  it('finds what the app says to us, wherever its bytes are split, and asks the rules where it says so twice', () => {
    const said = ['X-Zidecar-Timeout:\t2s \r\n', 'x-zidecar-retries: 3\r\n', 'x-zidecar-subset: zone=a, v=1\r\n'];
    const text = `GET / HTTP/1.1\r\nHost: a\r\n${said.join('')}Accept: *\r\n\r\n`;
    atEverySplit(requestHead, text, (head, scanned) => {
      const { start, timeoutLine, timeoutStart, timeoutEnd, retriesStart, retriesEnd, subsetStart, subsetEnd } = head;
      const part = (from: number, to: number): string => text.slice(from - start, to - start);
      deepEqual(
        [
          part(timeoutLine, timeoutEnd),
          part(timeoutStart, timeoutEnd),
          part(retriesStart, retriesEnd),
          part(subsetStart, subsetEnd),
        ],
        ['X-Zidecar-Timeout:\t2s', '2s', '3', 'zone=a, v=1'],
      );
      deepEqual([scanned, head.needsRules, head.cutCount], ['whole', false, 3]);
    });
    for (const twice of said) {
      const head = requestHead();
      scan(head, `GET / HTTP/1.1\r\nHost: a\r\n${twice}${twice}\r\n`);
      equal(head.needsRules, true);
    }
  });

  const get = (fields: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
  const odd: Readonly<Record<string, string>> = {
    'a method that is none of the usual': 'PURGE / HTTP/1.1\r\n\r\n',
    'a method in lower case': 'get / HTTP/1.1\r\n\r\n',
    'two spaces': 'GET  / HTTP/1.1\r\n\r\n',
    'a tab for a space': 'GET\t/ HTTP/1.1\r\n\r\n',
    'an empty line before it': `\r\n${get('')}`,
    'HTTP/1.0': 'GET / HTTP/1.0\r\n\r\n',
    'a fragment': 'GET /a#b HTTP/1.1\r\n\r\n',
    'a target beyond ASCII': 'GET /\xe9 HTTP/1.1\r\n\r\n',
    'a bare LF after the first line': 'GET / HTTP/1.1\nHost: a\r\n\r\n',
    'a bare LF after a field': get('A: b\nC: d\r\n'),
    'a bare CR in a value': get('A: b\rc\r\n'),
    'a CR before CRLF': get('A: b\r\r\n'),
    'a NUL': get('A: b\0\r\n'),
    'a DEL': get('A: b\x7f\r\n'),
    'a space before the colon': get('A : b\r\n'),
    'no colon': get('Abc\r\n'),
    'no name': get(': b\r\n'),
    'a name beyond ASCII': get('\xe9: b\r\n'),
    'a folded value': get('A: b\r\n c\r\n'),
    'a CR for the empty line': `${get('').slice(0, -1)}x`,
    'a tab behind a length': get('Content-Length: 7\t\r\n'),
    'two Hosts': get('host: b\r\n'),
    'no value of Host': 'GET / HTTP/1.1\r\nHost: \r\n\r\n',
    'two lengths': get('Content-Length: 1\r\nContent-Length: 1\r\n'),
    'a list of lengths': get('Content-Length: 1, 1\r\n'),
    'a signed length': get('Content-Length: +1\r\n'),
    'an empty length': get('Content-Length:\r\n'),
    'a length of sixteen digits': get('Content-Length: 1000000000000000\r\n'),
    'a coding': get('Transfer-Encoding: chunked\r\n'),
    'an expectation': get('Expect: 100-continue\r\n'),
    'an upgrade': get('Connection: Upgrade\r\nUpgrade: websocket\r\n'),
  };
  for (const [what, text] of Object.entries(odd))
    it(`is odd, wherever it is split, with ${what}`, () =>
      atEverySplit(requestHead, text, (head, scanned) => (equal(scanned, 'odd'), notEqual(head.fault, ''))));

  it('meets a byte that may not stand there, or an underscore, wherever in a target, a name or a value', () => {
    const filled = (byte: string, at: number): string => `${'a'.repeat(at)}${byte}${'a'.repeat(9 - at)}`;
    for (let at = 0; at < 10; at++) {
      for (const byte of ['\0', '\x7f', '\t']) equal(scan(requestHead(), `GET /${filled(byte, at)} HTTP/1.1\r\n\r\n`), 'odd');
      for (const byte of ['\0', '\x7f', '\xe9', ' ']) equal(scan(requestHead(), get(`${filled(byte, at)}: b\r\n`)), 'odd');
      for (const byte of ['\0', '\x7f', '\n']) equal(scan(requestHead(), get(`A:${filled(byte, at)}\r\n`)), 'odd');
      const head = requestHead();
      equal(scan(head, get(`${filled('_', at)}: ${filled('_', at)}\r\n`)), 'whole');
      equal(head.needsRules, true);
    }
  });

  it('is odd with more bytes or more fields than there may be, and whole with just as many', () => {
    const fields = (count: number): string => 'A: b\r\n'.repeat(count);
    equal(scan(new RequestHead(maxBytes, 3), get(fields(2))), 'whole');
    equal(scan(new RequestHead(maxBytes, 3), get(fields(3))), 'odd');
    const text = get(fields(10));
    equal(scan(new RequestHead(text.length, 100), text), 'whole');
    equal(scan(new RequestHead(text.length - 1, 100), text), 'odd');
    const endless = new RequestHead(1000, 100);
    endless.begin(0);
    equal(endless.scan(latin1(`GET /${'a'.repeat(995)}`), 1000), 'odd');
  });

  it('that is the same in other letters is read alike, and its fields are known in any case', () => {
    for (const line of ['CONTENT-LENGTH: 3', 'content-length:3', 'Content-lengtH: \t3 ']) {
      const head = requestHead();
      equal(scan(head, get(`${line}\r\n`)), 'whole');
      equal(head.length, 3);
    }
    for (const line of ['Content-Length-: 3', 'ContentLength: 3', 'Content-Lengt: 3', 'Content\x0dLength: 3']) {
      const head = requestHead();
      scan(head, get(`${line}\r\n`));
      equal(head.length, -1);
    }
  });

  it('that is found whole is one that node finds too, and it ends in the same place', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(plainRequest, mutated(plainRequest)), fc.nat(), async (text, split) => {
        const head = requestHead();
        if (scan(head, text, split % (text.length + 1)) !== 'whole') return;
        const body = text.slice(head.end, head.end + Math.max(head.length, 0));
        if (body.length < head.length) return; // nobody can tell where it ends
        const next = head.close ? '' : 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';
        const { seen } = await requestsIn(text.slice(0, head.end) + body + next);
        const bytes = latin1(text);
        const target = text.slice(head.targetStart, head.targetEnd);
        deepEqual(seen[0], {
          line: `${head.method} ${target} HTTP/1.1`,
          raw: rawFields(bytes, text.indexOf('\r\n') + 2, head.end),
          body,
        });
        if (!head.close) equal(seen[1]?.line, 'GET /next HTTP/1.1');
      }),
      { numRuns: 1000 },
    );
  });

  it('that is well-formed and plain is never found odd', () => {
    fc.assert(
      fc.property(plainRequest, fc.nat(), (text, split) => {
        const head = requestHead();
        equal(scan(head, text, split % (text.length + 1)), 'whole', head.fault);
      }),
    );
  });
});

describe('the head of an answer', () => {
  it('is found whole, with what it says, wherever it is split', () => {
    const text =
      'HTTP/1.1 200 All is well\r\nKeep-Alive: timeout=7, max=3\r\nContent-Type: Text/Event-Stream; a\r\nTransfer-Encoding: Chunked\r\nUpgrade: h2c\r\n\r\n';
    atEverySplit(answerHead, text, (head, scanned) => {
      equal(scanned, 'whole', head.fault);
      const { status, chunked, keepAliveMs, eventStream, close } = head;
      deepEqual([status, chunked, keepAliveMs, eventStream, close], [200, true, 7000, true, false]);
      equal(head.cutCount, 2);
    });
  });

  it('may have no reason, and is of a connection that ends if it is of HTTP/1.0 or says so', () => {
    const closes = (text: string): boolean => {
      const head = answerHead();
      equal(scan(head, text), 'whole', head.fault);
      return head.close;
    };
    equal(closes('HTTP/1.1 200\r\n\r\n'), false);
    equal(closes('HTTP/1.1 200 \r\n\r\n'), false);
    equal(closes('HTTP/1.0 200 OK\r\n\r\n'), true);
    equal(closes('HTTP/1.1 200 OK\r\nConnection: x, close\r\n\r\n'), true);
    equal(closes('HTTP/1.1 200 OK\r\nConnection: closed\r\n\r\n'), false);
  });

  const odd: Readonly<Record<string, string>> = {
    'another protocol': 'ICY 200 OK\r\n\r\n',
    'HTTP/2': 'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.2': 'HTTP/1.2 200 OK\r\n\r\n',
    'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
    'a status of four': 'HTTP/1.1 2000 OK\r\n\r\n',
    'status 099': 'HTTP/1.1 099 OK\r\n\r\n',
    'status 600': 'HTTP/1.1 600 OK\r\n\r\n',
    'a bare LF': 'HTTP/1.1 200 OK\nA: b\r\n\r\n',
    'a NUL in the reason': 'HTTP/1.1 200 O\0K\r\n\r\n',
    'a tab behind its length': 'HTTP/1.1 200 OK\r\nContent-Length: 7 \t\r\n\r\n',
    'two framings': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'two framings the other way round': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n',
    'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n',
    'a coding beside chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
  };
  for (const [what, text] of Object.entries(odd))
    it(`is odd, wherever it is split, with ${what}`, () =>
      atEverySplit(answerHead, text, (head, scanned) => (equal(scanned, 'odd'), notEqual(head.fault, ''))));

  it('that is found whole is one that node finds too, with the same status and fields', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(plainAnswer, mutated(plainAnswer)), fc.nat(), async (text, split) => {
        const head = answerHead();
        if (scan(head, text, split % (text.length + 1)) !== 'whole' || head.status < 200) return;
        const seen = await answerIn(text.slice(0, head.end), 'HEAD');
        const raw = rawFields(latin1(text), text.indexOf('\r\n') + 2, head.end);
        deepEqual([seen?.line, seen?.raw], [String(head.status), raw]);
      }),
      { numRuns: 1000 },
    );
  });
});
