/**
 * Plays the failures of the list (injections.ts) through a proxy that runs: what the app sees when the ill endpoint is alone, when it stands beside
 * a well one, and when it is well again. Whose words are right is the caller's to say, so that others can be played beside zidecar.
 */
import { answersIn } from '../lb/corpus/strict.js';
import { deadPort } from '../lb/full/house.js';
import { RawServer, Wire } from '../support/raw.js';
import { arrived, injections, type Act, type Injection } from './injections.js';

export const besides = 6;
const well = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell';
const plain = 'GET / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n';

/** An endpoint of a row, which is well from when it is told to. */
export class Ill {
  readonly server: RawServer;
  well = false;
  /** So many POSTs have come. */
  posts = 0;
  /** Connections of its apps. */
  readonly apps = new Set<Wire>();

  private constructor(server: RawServer) {
    this.server = server;
  }

  static async start(peer: Act): Promise<Ill> {
    const answer = async (wire: Wire): Promise<void> => {
      wire.socket.on('data', (bytes: Buffer) => (ill.posts += bytes.toString('latin1').split('POST / ').length - 1));
      if (!ill.well) {
        await peer(wire, () => Array.from(ill.apps, ({ unread }) => unread).join('\n'));
        return;
      }
      for (;;) {
        await wire.message();
        wire.write(well);
      }
    };
    const ill: Ill = new Ill(await RawServer.start((wire) => answer(wire).catch(() => undefined)));
    return ill;
  }
}

/** What the app sees: `200 body`, `cut`, `hang`, or the code of a refusal. */
async function seen({ at, hangMs }: Played, service: string, request: string, ill?: Ill): Promise<string> {
  const wire = await Wire.dial(at).catch(() => undefined);
  if (wire === undefined) return 'refused';
  ill?.apps.add(wire);
  wire.socket.on('error', () => undefined);
  wire.write(request.replace('HOST', service));
  const late = new Promise<'hang'>((resolve) => setTimeout(() => resolve('hang'), hangMs).unref());
  const upgrade = /\r\nupgrade:/i.test(request);
  const came = await Promise.race([upgrade ? tunnelled(wire) : wire.rest(), late]);
  ill?.apps.delete(wire);
  wire.socket.destroy();
  if (came === 'hang') return came;
  const { text, end } = came;
  if (text.startsWith('HTTP/1.1 101 ')) return end === 'ended' ? `101 ${text.split('\r\n\r\n')[1]!}` : 'cut';
  const { messages, fault } = answersIn(text, [request.split(' ')[0]!], end === 'ended');
  const final = messages.find(({ line }) => line.charAt(9) !== '1');
  if (fault !== undefined) return `no HTTP: ${fault}`;
  if (final === undefined) return 'cut';
  const refused = final.fields.find(([name]) => name.toLowerCase() === 'x-zidecar-error');
  return refused?.[1] ?? `${final.line.slice(9, 12)} ${final.body}`.trim();
}

/** The app ends its side when the other has. */
async function tunnelled(wire: Wire): ReturnType<Wire['rest']> {
  const first = await wire.message().catch(() => '');
  if (first !== '' && !first.startsWith('HTTP/1.1 101 ')) return { text: first, end: 'ended' };
  const { text, end } = await wire.rest();
  wire.end();
  return { text: first + text, end };
}

/** A row, with its endpoints, and the names of the services of which they are. */
export interface Scene {
  readonly row: Injection;
  readonly ill: Ill | undefined;
  readonly other: Ill | undefined;
  readonly alone: string;
  readonly beside: string;
}

export interface Stage {
  readonly scenes: readonly Scene[];
  /** The ports of the endpoints of each service. */
  readonly services: Readonly<Record<string, readonly number[]>>;
  stop(): Promise<void>;
}

/** Endpoints for all rows: one that is alone, one beside a well one. */
export async function stage(): Promise<Stage> {
  const good = await RawServer.start(async (wire) => {
    for (;;) {
      await wire.message();
      wire.write(well);
    }
  });
  const servers = [good];
  const services: Record<string, readonly number[]> = {};
  const scenes: Scene[] = [];
  for (const [index, row] of injections.entries()) {
    const ills = row.peer === undefined ? [] : [await Ill.start(row.peer), await Ill.start(row.peer)];
    servers.push(...ills.map(({ server }) => server));
    const ports = ills.length > 0 ? ills.map(({ server }) => server.port) : [await deadPort(), await deadPort()];
    const [alone, beside] = [`alone-${index}`, `beside-${index}`];
    services[alone] = [ports[0]!];
    services[beside] = [ports[1]!, good.port];
    scenes.push({ row, ill: ills[0], other: ills[1], alone, beside });
  }
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  return { scenes, services, stop };
}

/** Who is played, and how it is judged. */
export interface Played {
  readonly at: number;
  /** Nothing here takes as long, on the slowest of machines. */
  readonly hangMs: number;
  /** Is that what is right, in its words? */
  readonly hears: (got: string, right: readonly string[]) => boolean;
  /** It says so as long as it does not try an endpoint again. */
  readonly notYet: (got: string) => boolean;
}

/** What is wrong, in sentences. */
export async function play({ row, ill, other, alone, beside }: Scene, played: Played): Promise<string[]> {
  const wrong: string[] = [];
  const check = (what: string, got: string, right: readonly string[]): void => {
    if (!played.hears(got, right)) wrong.push(`${row.name}, ${what}: ${got}; right is ${right.join(' or ')}`);
  };
  /** When its trial has come. */
  const tried = async (service: string, asked: string): Promise<string> => {
    for (;;) {
      const got = await seen(played, service, asked, ill);
      if (!played.notYet(got)) return got;
      await arrived(100);
    }
  };
  const request = row.request ?? plain;
  check('alone', await seen(played, alone, request, ill), row.alone);
  for (let n = 0; n < besides; n++)
    check(
      'beside a well one',
      await seen(played, beside, request, other),
      row.stands === true ? [...row.alone, '200 well', '200'] : ['200 well'],
    );
  if (ill === undefined) return wrong;
  if (row.request === undefined) {
    const post = plain.replace('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 0\r\n\r\n');
    check('POST', await tried(alone, post), row.alone);
    if (ill.posts > 1) wrong.push(`${row.name}: a POST was sent ${ill.posts} times`);
  }
  ill.well = true;
  // by a connection that was kept, where its answer was whole
  const kept = row.stands === true ? row.alone.filter((right) => /^[2-5]/.test(right)) : [];
  check('the next call', await tried(alone, plain), ['200 well', ...kept]);
  return wrong;
}
