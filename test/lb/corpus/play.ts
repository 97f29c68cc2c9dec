/**
 * Plays messages through one lane, over real sockets: an app on one side, an endpoint on the other, the bytes of one of them in the pieces
 * that are asked for. What each side got is handed back as bytes; nothing is judged here. One stage serves one play after the other.
 */
import type { TestContext } from 'node:test';
import { RawServer, Wire } from '../../support/raw.js';
import { clock } from '../../support/running-clock.js';
import { eventually, house, useLane, type House } from '../full/house.js';
import type { AnswerCase, RequestCase } from './case.js';
import { answersIn, requestsIn, type Message } from './strict.js';

/** How a connection came to its end. `hang`: nobody did anything any more. */
export type End = 'ended' | 'broken' | 'hang';

/** What came over a connection, and how that ended. */
export interface Came {
  readonly text: string;
  readonly end: End;
}

export interface RequestPlayed {
  /** What came over each connection to the endpoint. */
  readonly endpoint: readonly string[];
  /** The whole requests among that, as `POST /path body`, in the order in which they came. */
  readonly seen: readonly string[];
  readonly app: Came;
}

export interface AnswerPlayed {
  /** What the app got, the answer to `/next` included; on a second connection if the first one had ended by then. */
  readonly app: readonly Came[];
  /** `/next` came to the endpoint over the connection of the answer. */
  readonly reused: boolean;
}

export const next = 'GET /next HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n\r\n';
const nextAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext';

/** What the endpoint answers: the request as it saw it. */
export function echoOf({ line, body }: Message): string {
  const [method = '', target = ''] = line.split(' ');
  return `${method} ${target} ${body}`.trim();
}

export class Stage {
  readonly house: House;
  readonly #endpoint: RawServer;
  readonly #cleanups: (() => unknown)[];
  #script: (wire: Wire) => void = () => undefined;

  readonly #hangMs: number;

  private constructor(stage: House, endpoint: RawServer, cleanups: (() => unknown)[], hangMs: number) {
    this.#hangMs = hangMs;
    this.house = stage;
    this.#endpoint = endpoint;
    this.#cleanups = cleanups;
  }

  /** `hangMs`: nothing takes as long, on the slowest of machines. */
  static async open(lane: 'full' | 'fast', hangMs = 8_000): Promise<Stage> {
    useLane(lane);
    const cleanups: (() => unknown)[] = [];
    const context = { after: (clean: () => unknown) => cleanups.push(clean) } as unknown as TestContext;
    let script: (wire: Wire) => void = () => undefined;
    const endpoint = await RawServer.start((wire) => script(wire));
    const stage = new Stage(
      await house(context, { orders: [endpoint] }, { settings: { retries: 0 } }),
      endpoint,
      cleanups,
      hangMs,
    );
    script = (wire) => stage.#script(wire);
    return stage;
  }

  async close(): Promise<void> {
    for (const clean of this.#cleanups) await clean();
  }

  /** `silence`: as `next`, and the app goes away when nothing has come for a while. */
  async request(pieces: readonly string[], then: RequestCase['then'] | 'silence'): Promise<RequestPlayed> {
    this.#anew();
    const came: Wire[] = [];
    const seen: string[] = [];
    this.#script = (wire) => {
      came.push(wire);
      let answered = 0;
      wire.socket.on('data', () => {
        const { messages, fault } = requestsIn(wire.unread);
        for (; answered < messages.length; answered++) {
          const echo = echoOf(messages[answered]!);
          seen.push(echo);
          wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${echo.length}\r\n\r\n${echo.startsWith('HEAD ') ? '' : echo}`);
        }
        if (fault !== undefined) wire.socket.destroy();
      });
    };
    const app = await this.#dial();
    await send(app, then === 'next' || then === 'silence' ? [...pieces.slice(0, -1), (pieces.at(-1) ?? '') + next] : pieces);
    if (then === 'silence') {
      while (!app.over && (await Promise.race([app.news(), silence()])) !== 'silent');
      app.end();
    }
    if (then === 'end') app.end();
    if (then === 'reset') app.reset();
    const told = await this.#ended(app);
    await Promise.race([eventually(() => this.house.proxy.quiet().calls === 0), this.#later('quiet')]);
    await turns(2);
    app.socket.destroy();
    return { endpoint: came.map((wire) => wire.unread), seen, app: told };
  }

  /** `rest`: what the app sends when it has the answer. */
  async answer(
    pieces: readonly string[],
    { request, rest = '', then }: Omit<AnswerCase, 'bytes' | 'name' | 'rfc' | 'want'>,
  ): Promise<AnswerPlayed> {
    this.#anew();
    let nth = 0;
    let nextOn = -1;
    let sent: () => void = () => undefined;
    const allSent = new Promise<void>((resolve) => (sent = resolve));
    let answering = false;
    this.#script = (wire) => {
      const mine = nth++;
      wire.socket.on('data', () => {
        if (wire.unread.includes('GET /next ')) {
          if (nextOn < 0) wire.write(nextAnswer);
          nextOn = mine;
        } else if (!answering && (rest === '' ? requestsIn(wire.unread).messages.length > 0 : wire.unread.includes('\r\n\r\n'))) {
          answering = true;
          void send(wire, pieces).then(() => {
            if (then === 'end') wire.end();
            if (then === 'reset') wire.reset();
            sent();
          });
        }
      });
    };
    const method = request.split(' ')[0]!;
    const app = (await this.#dial()).write(request);
    const answered = (): boolean =>
      answersIn(app.unread, [method], false).messages.some(({ line }) => line.charAt(9) !== '1') || app.over;
    const waited = async (): Promise<void> => {
      while (!answered()) await app.news();
    };
    const first = await Promise.race([waited(), this.#later('hang')]);
    await Promise.race([allSent, this.#later('hang')]);
    await turns(3);
    const told: Came[] = [];
    let last = app;
    if (first === 'hang') told.push({ text: app.unread, end: 'hang' });
    else if (app.over) told.push(await this.#ended(app));
    if (told.length > 0) last = await this.#dial();
    else if (rest !== '') app.write(rest);
    told.push(await this.#ended(last.write(next)));
    app.socket.destroy();
    last.socket.destroy();
    return { app: told, reused: nextOn === 0 };
  }

  /** Bad answers open circuits, and a newcomer's is closed; idle connections go with the one before. */
  #anew(): void {
    for (const list of [[], [this.#endpoint.endpoint('a')]]) this.house.upstreams.get('orders')!.update(list);
    for (const { socket } of this.#endpoint.wires.splice(0)) socket.destroy();
  }

  async #ended(wire: Wire): Promise<Came> {
    const rest = await Promise.race([wire.rest(), this.#later('hang')]);
    return typeof rest === 'string' ? { text: wire.unread, end: 'hang' } : rest;
  }

  #later<T extends string>(what: T): Promise<T> {
    return new Promise((resolve) => clock.after(this.#hangMs, () => resolve(what)));
  }

  async #dial(): Promise<Wire> {
    const wire = await this.house.app();
    wire.socket.on('error', () => undefined);
    return wire;
  }
}

/** Each piece arrives before the next one leaves: everything here is in one process. */
async function send(wire: Wire, pieces: readonly string[]): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (wire.over) return;
    if (index > 0) await turns(1);
    wire.write(piece);
  }
}

const silence = (): Promise<'silent'> => clock.sleep(200).then(() => 'silent');

export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
