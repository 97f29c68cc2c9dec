/**
 * What an endpoint can do wrong, one row each: what it does with a connection, and what is right for the app then. `alone`: it is the only
 * one of its service. Beside a well one, a GET that may be sent again is answered by that.
 */
import { switching } from '../lb/full/house.js';
import type { Wire } from '../support/raw.js';

/** What it does with a connection. `app`: what the apps of its service have so far. */
export type Act = (wire: Wire, app: () => string) => unknown;

export interface Injection {
  readonly name: string;
  /** Undefined: nobody listens. */
  readonly peer: Act | undefined;
  /** `200 body` of an answer that is passed on, `cut`, or the code of a refusal: one of these. */
  readonly alone: readonly string[];
  /** It has begun to answer, or its answer is one: beside another endpoint it is the same as alone. */
  readonly stands?: boolean;
  readonly request?: string;
  /** Of its service, as the file has them. */
  readonly settings?: Readonly<Record<string, string>>;
}

const ask = (first = 'GET /', more = ''): string => `${first} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n${more}\r\n`;
const uploadBytes = 1_000_000;
const handshake = ask(
  'GET /',
  'Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n',
).replace('close', 'Upgrade');
const upload = ask('PUT /', `Content-Length: ${uploadBytes}\r\n`) + 'x'.repeat(uploadBytes);
const large = 'Content-Length: 100000\r\n';

/** Takes one request, and then does this. */
const then =
  (what: Act): Act =>
  async (wire, app) => {
    await wire.head();
    await what(wire, app);
  };
/** Takes each request, and answers it with these bytes. */
const answers = (bytes: string) => async (wire: Wire) => {
  for (;;) {
    await wire.message();
    wire.write(bytes);
  }
};
const gone = { FIN: (wire: Wire) => wire.end(), RST: (wire: Wire) => wire.reset() } as const;
export const arrived = (ms = 30): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** Writes, and goes when that has arrived. */
const dies = (bytes: string, how: keyof typeof gone): Act =>
  then(async (wire) => {
    wire.write(bytes);
    await arrived();
    gone[how](wire);
  });
/** The same at one go. */
const diesAtOnce = (bytes: string): Act => then((wire) => wire.write(bytes).reset());
/** The same, when the app has the end of it. */
const diesBehind = (bytes: string, how: keyof typeof gone): Act =>
  then(async (wire, app) => {
    wire.write(bytes);
    while (!app().includes(bytes.slice(-2)) && !wire.over) await arrived(5);
    gone[how](wire);
  });
const silent = (bytes: string) => then((wire) => wire.write(bytes));
const drips = (bytes: string, everyMs: number) => async (wire: Wire) => {
  for (;;) {
    await wire.message();
    for (const byte of bytes) {
      if (wire.over) return;
      wire.write(byte);
      await arrived(everyMs);
    }
  }
};
const floods = (head: string, part: string) =>
  then(async (wire) => {
    wire.write(head);
    while (!wire.over) {
      wire.write(part);
      await arrived(0);
    }
  });

const head = (more: string, status = '200 OK'): string => `HTTP/1.1 ${status}\r\n${more}\r\n`;
const whole = head('Content-Length: 2\r\n') + 'ok';
const chunks = head('Transfer-Encoding: chunked\r\n') + '2\r\nok\r\n';
const soon = { responseTimeout: '5s', bodyTimeout: '5s' };

const bad = (rows: Readonly<Record<string, string>>): Injection[] =>
  Object.entries(rows).map(([name, bytes]) => ({ name: `answers ${name}`, peer: answers(bytes), alone: ['bad_answer'] }));

const deaths = (['FIN', 'RST'] as const).flatMap((how): Injection[] => [
  { name: `ends each connection at once, ${how}`, peer: (wire) => gone[how](wire), alone: ['reset', 'connect_failed'] },
  { name: `dies before its head, ${how}`, peer: dies('', how), alone: ['reset'] },
  { name: `dies in its first line, ${how}`, peer: dies('HTTP/1.1 20', how), alone: ['reset', 'bad_answer'] },
  { name: `dies in its head, ${how}`, peer: dies('HTTP/1.1 200 OK\r\nContent-Le', how), alone: ['reset', 'bad_answer'] },
  { name: `dies behind a 103, ${how}`, peer: dies(head('', '103 Early Hints'), how), alone: ['reset'] },
  { name: `dies behind its head, ${how}`, peer: dies(head(large), how), alone: ['cut'], stands: true },
  { name: `dies in its body, ${how}`, peer: dies(head(large) + 'half', how), alone: ['cut'], stands: true },
  { name: `dies between chunks, ${how}`, peer: dies(chunks, how), alone: ['cut'], stands: true },
  { name: `dies in a chunk, ${how}`, peer: dies(`${chunks}5\r\nha`, how), alone: ['cut'], stands: true },
  { name: `dies before the last line of its chunks, ${how}`, peer: dies(`${chunks}0\r\n`, how), alone: ['cut'], stands: true },
  {
    name: `answers early to an upload and ends, ${how}`,
    peer: dies(head('Content-Length: 2\r\nConnection: close\r\n', '413 Too Large') + 'no', how),
    alone: how === 'FIN' ? ['413 no'] : ['413 no', 'reset', 'cut'],
    stands: true,
    request: upload,
  },
  { name: `dies in an upload, ${how}`, peer: dies('', how), alone: ['reset'], stands: true, request: upload },
  {
    name: `breaks a websocket, ${how}`,
    peer: diesBehind(`${switching()}half`, how),
    alone: [how === 'FIN' ? '101 half' : 'cut'],
    stands: true,
    request: handshake,
  },
]);

export const injections: readonly Injection[] = [
  { name: 'does not listen', peer: undefined, alone: ['connect_refused'] },
  ...deaths,
  { name: 'never answers', peer: silent(''), alone: ['response_timeout'], settings: soon },
  { name: 'stops in its head', peer: silent('HTTP/1.1 200 OK\r\nContent-Le'), alone: ['response_timeout'], settings: soon },
  {
    name: 'never ends its head, byte by byte',
    peer: drips(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(400)}`, 20),
    alone: ['response_timeout'],
    settings: soon,
  },
  { name: 'is slow with its head, but in time', peer: drips(whole, 5), alone: ['200 ok'], stands: true },
  { name: 'stops in its body', peer: silent(head(large) + 'half'), alone: ['cut'], stands: true, settings: soon },
  { name: 'stops between chunks', peer: silent(chunks), alone: ['cut'], stands: true, settings: soon },
  {
    name: 'takes nothing of an upload',
    peer: then((wire) => wire.socket.pause()),
    alone: ['request_timeout'],
    stands: true,
    request: upload,
    settings: { requestTimeout: '2s' },
  },
  {
    name: 'answers early to an upload and reads on',
    peer: async (wire) => {
      for (;;) {
        await wire.head();
        wire.write(head('Content-Length: 2\r\n', '413 Too Large') + 'no');
        await wire.bytes(uploadBytes);
      }
    },
    alone: ['413 no'],
    stands: true,
    request: upload,
  },
  { name: 'ends with its connection, FIN', peer: dies(`${head('')}ok`, 'FIN'), alone: ['200 ok'], stands: true },
  { name: 'ends with its connection, RST', peer: diesBehind(`${head('')}ok`, 'RST'), alone: ['cut'], stands: true },
  {
    name: 'ends with its connection, RST right behind its bytes',
    peer: diesAtOnce(`${head('')}ok`),
    alone: ['cut'],
    stands: true,
  },
  {
    name: 'breaks a websocket, RST right behind its bytes',
    peer: diesAtOnce(`${switching()}half`),
    alone: ['cut'],
    stands: true,
    request: handshake,
  },
  { name: 'closes its side behind a whole answer', peer: dies(whole, 'FIN'), alone: ['200 ok'], stands: true },
  { name: 'resets behind a whole answer', peer: dies(whole, 'RST'), alone: ['200 ok'], stands: true },
  {
    name: 'says that it closes, and stays',
    peer: answers(head('Content-Length: 2\r\nConnection: close\r\n') + 'ok'),
    alone: ['200 ok'],
    stands: true,
  },
  { name: 'says more than its length', peer: answers(`${whole} and more`), alone: ['200 ok'], stands: true },
  { name: 'answers twice', peer: answers(`${whole}${head('Content-Length: 5\r\n')}evil!`), alone: ['200 ok'], stands: true },
  {
    name: 'says 408 on its idle connection',
    peer: then(async (wire) => {
      wire.write(whole);
      await arrived(5);
      wire.write(head('Content-Length: 4\r\nConnection: close\r\n', '408 Request Timeout') + 'slow').end();
    }),
    alone: ['200 ok'],
    stands: true,
  },
  { name: 'answers HEAD with a body', peer: answers(whole), alone: ['200'], stands: true, request: ask('HEAD /') },
  {
    name: 'answers 204 with a body',
    peer: answers(head('Content-Length: 2\r\n', '204 No Content') + 'ok'),
    alone: ['204'],
    stands: true,
  },
  {
    name: 'answers 304 with a body',
    peer: answers(head('Content-Length: 2\r\n', '304 Not Modified') + 'ok'),
    alone: ['304'],
    stands: true,
  },
  { name: 'answers 500', peer: answers(head('Content-Length: 2\r\n', '500 Oops') + 'no'), alone: ['500 no'], stands: true },
  { name: 'answers 503', peer: answers(head('Content-Length: 2\r\n', '503 Busy') + 'no'), alone: ['503 no'], stands: true },
  { name: 'breaks off at a bad chunk', peer: silent(`${chunks}zz\r\n`), alone: ['cut'], stands: true },
  {
    name: 'sends a chunk that is longer than it says',
    peer: silent(`${chunks}1\r\nabc\r\n0\r\n\r\n`),
    alone: ['cut'],
    stands: true,
  },
  {
    name: 'floods with extensions of chunks',
    peer: floods(chunks, `1;${'x'.repeat(60_000)}\r\na\r\n`),
    alone: ['cut'],
    stands: true,
  },
  { name: 'floods with 1xx', peer: floods('', head('', '103 Early Hints')), alone: ['bad_answer'] },
  { name: 'floods with fields', peer: floods('HTTP/1.1 200 OK\r\n', `X: ${'x'.repeat(4_000)}\r\n`), alone: ['bad_answer'] },
  { name: 'floods with a first line', peer: floods('HTTP/1.1 200 ', 'x'.repeat(4_000)), alone: ['bad_answer'] },
  {
    name: 'floods with a field without an end',
    peer: floods('HTTP/1.1 200 OK\r\nX: ', 'x'.repeat(4_000)),
    alone: ['bad_answer'],
  },
  ...bad({
    'as a mail server': '220 mail.example ESMTP\r\n\r\n',
    'by TLS': '\x15\x03\x03\x00\x02\x02\x46\r\n\r\n',
    'without a head': '<html>well</html>\r\n\r\n',
    'with nulls': `${'\0'.repeat(200)}\r\n\r\n`,
    'HTTP/2': head('Content-Length: 2\r\n').replace('1.1', '2.0') + 'ok',
    'status 099': head('Content-Length: 2\r\n', '099 Odd') + 'ok',
    'status 1000': head('Content-Length: 2\r\n', '1000 Odd') + 'ok',
    '101, which nobody asked for': switching(),
    'two lengths': head('Content-Length: 2\r\nContent-Length: 3\r\n') + 'ok',
    'a negative length': head('Content-Length: -2\r\n') + 'ok',
    'a length beyond all numbers': head(`Content-Length: ${'9'.repeat(40)}\r\n`) + 'ok',
    'a coding that nobody knows': head('Transfer-Encoding: gzip, chunked\r\n') + '0\r\n\r\n',
    'a NUL in a field': head('X: a\0b\r\nContent-Length: 2\r\n') + 'ok',
    'a bare CR in a field': head('X: a\rb\r\nContent-Length: 2\r\n') + 'ok',
    'a blank before a colon': head('Content-Length : 2\r\n') + 'ok',
  }),
];
