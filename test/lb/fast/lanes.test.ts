/** Both lanes side by side: the same bytes of an app, the same bytes of an endpoint, and nobody could tell which lane it was. */
import { deepEqual, equal } from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { fc } from '../../support/fast-check.js';
import { RawServer, Wire } from '../../support/raw.js';
import { house, useLane, type House } from '../full/house.js';
import { mutated, plainAnswer, plainRequest } from '../messages.js';

/** Where the request of a message ends is what its sender says; a lane that sees it elsewhere shows in what comes out. */
interface Told {
  /** What the endpoint got, as often as it got something. */
  readonly got: readonly string[];
  /** What the app got: `cut` where it did not end. */
  readonly answers: readonly string[];
}

/** Lines without those that differ by rights: how a lane spells and orders Host, framing and the time that is left, and that it keeps its connections. */
const normal = (head: string): string => {
  const [line, ...fields] = head.split('\r\n').filter((text) => text !== '');
  const known =
    /^(host|content-length|transfer-encoding|via|x-request-id|x-forwarded-prefix|x-zidecar-timeout|grpc-timeout): *(.*)$/i;
  const mine = /^(connection|keep-alive|date):/i;
  const none = /^content-length: *0$/i; // undici says so where a method may have a body
  const told = fields
    .filter((field) => !mine.test(field) && !none.test(field))
    .map((field) => field.replace(/^([^:]*):[ \t]*(.*?)[ \t]*$/, '$1: $2'))
    .map((field) => field.replace(/^(x-zidecar-timeout|grpc-timeout): \d+(ms|m)$/i, '$1: left'));
  const ours = told.filter((field) => known.test(field)).map((field) => field.toLowerCase().replace(/[0-9a-f]{32}/, 'id'));
  return [line, ...told.filter((field) => !known.test(field)), ...ours.sort()].join('\n');
};
const dechunked = (text: string): string => {
  let [rest, all] = [text, ''];
  for (;;) {
    const [line = '', size = ''] = /^([0-9a-f]+)\r\n/i.exec(rest) ?? [];
    const count = Number.parseInt(size, 16);
    if (!(count > 0)) return rest === `${line}\r\n` || /^.*\r\n(.+\r\n)+\r\n$/.test(rest) ? all : 'CUT'; // how much comes before a cut is chance
    all += rest.slice(line.length, line.length + count);
    rest = rest.slice(line.length + count + 2);
  }
};

describe('both lanes', () => {
  let script: (wire: Wire) => unknown = () => undefined;
  let endpoint: RawServer;
  const houses: House[] = [];
  const cleanups: (() => unknown)[] = [];

  before(async () => {
    endpoint = await RawServer.start((wire) => script(wire));
    for (const lane of ['full', 'fast'] as const) {
      useLane(lane);
      const context = { after: (clean: () => unknown) => cleanups.push(clean) } as unknown as TestContext;
      houses.push(await house(context, { orders: [endpoint] }, { settings: { retries: 0 } }));
    }
  });
  after(async () => {
    for (const clean of cleanups) await clean();
  });

  /** One connection of the app, on which these bytes come in two parts. */
  const told = async ({ app, upstreams }: House, request: string, split: number, answer: string): Promise<Told> => {
    const got: string[] = [];
    // bad answers open circuits, and a newcomer's is closed
    for (const list of [[], [endpoint.endpoint('a')]]) upstreams.get('orders')!.update(list);
    script = async (wire) => {
      for (;;) {
        const head = await wire.head();
        const [, length = '0'] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
        got.push(`${normal(head)}\n\n${await wire.bytes(Number(length))}`);
        wire.write(answer).end();
        await wire.gone();
      }
    };
    const wire = await app();
    wire.socket.on('error', () => undefined);
    wire.write(request.slice(0, split));
    if (split > 0) await new Promise((resolve) => setImmediate(resolve));
    wire.write(request.slice(split), 'GET /end HTTP/1.1\r\nHost: nobody\r\nConnection: close\r\n\r\n');
    const { text } = await wire.rest();
    return { got, answers: answersOf(text) };
  };

  const answersOf = (text: string): string[] => {
    const answers: string[] = [];
    let rest = text;
    for (let at = rest.indexOf('\r\n\r\n'); at >= 0; at = rest.indexOf('\r\n\r\n')) {
      const head = rest.slice(0, at + 2);
      const [, code = ''] = /\r\nx-zidecar-error: (\w+)/.exec(head) ?? [];
      const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
      rest = rest.slice(at + 4);
      // which words a refusal has, and what a lane says of a broken head, are their own
      if (code !== '') answers.push(code);
      else if (/\r\ntransfer-encoding/i.test(head))
        return [...answers, `${normal(head.replace(/\r\ntransfer-encoding:.*/i, ''))}\n${dechunked(rest)}`];
      else answers.push(`${normal(head)}\n${rest.slice(0, Number(length ?? 0))}`);
      if (code === '') return answers;
      rest = rest.slice(Number(length ?? 0));
    }
    return answers;
  };

  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

  it('send an endpoint the same requests, and refuse the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(plainRequest, mutated(plainRequest)), fc.nat(), async (request, place) => {
        const split = place % (request.length + 1);
        const [full, fast] = [await told(houses[0]!, request, split, ok), await told(houses[1]!, request, split, ok)];
        deepEqual(fast, full);
      }),
      { numRuns: 300 },
    );
  });

  it('pass the same answers on, and find the same ones bad', async () => {
    const request = 'GET / HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n\r\n';
    await fc.assert(
      fc.asyncProperty(fc.oneof(plainAnswer, mutated(plainAnswer)), async (answer) => {
        const [full, fast] = [await told(houses[0]!, request, 0, answer), await told(houses[1]!, request, 0, answer)];
        const cutHead = !answer.includes('\r\n\r\n');
        // of a head that is bad and comes to no end both are true: undici hears of its end first, the fast lane reads each line as it comes
        if (cutHead && fast.answers[0] === 'bad_answer' && full.answers[0] === 'reset') return;
        deepEqual(fast.answers, full.answers);
      }),
      { numRuns: 300 },
    );
  });

  it('were both asked', () => {
    equal(houses[0]!.proxy.carried().fast, 0);
    equal(houses[1]!.proxy.carried().fast > 300, true);
  });
});
