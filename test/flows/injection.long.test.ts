/**
 * Every failure of the list (injections.ts), through the built program and each of its lanes: the app hears of it at once and by the right
 * name, or not at all; nothing that broke looks whole; what may not be repeated is sent once; and the call that comes next is right.
 */
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { answersIn } from '../lb/corpus/strict.js';
import { deadPort } from '../lb/full/house.js';
import { eventually, Sidecar } from '../support/program.js';
import { RawServer, Wire } from '../support/raw.js';
import { arrived, injections, type Act } from './injections.js';

/** Nothing here takes as long, on the slowest of machines. */
const hangMs = 20_000;
const besides = 6;
const well = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell';
const plain = 'GET / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n';

/** An endpoint of a row, which is well from when it is told to. */
class Ill {
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
async function seen(at: number, service: string, request: string, ill?: Ill): Promise<string> {
  const wire = await Wire.dial(at);
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
  const came = await wire.rest();
  wire.end();
  return came;
}

for (const lane of ['fast', 'full'] as const)
  describe(`an endpoint that fails, in the ${lane} lane`, { timeout: 120_000 }, () => {
    it(`in one of ${injections.length} ways harms nobody but its own call, and that not without a word`, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'zidecar-injection-'));
      t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 }));
      const good = await RawServer.start(async (wire) => {
        for (;;) {
          await wire.message();
          wire.write(well);
        }
      });
      t.after(() => good.stop());
      const rows = await Promise.all(
        injections.map(async (row, index) => {
          const ills = await Promise.all(row.peer === undefined ? [] : [Ill.start(row.peer), Ill.start(row.peer)]);
          const ports = ills.length > 0 ? ills.map(({ server }) => server.port) : [await deadPort(), await deadPort()];
          for (const { server } of ills) t.after(() => server.stop());
          const services = { alone: [ports[0]!], beside: [ports[1]!, good.port] };
          for (const [kind, endpoints] of Object.entries(services)) {
            const at = join(folder, 'registry', 'services', `${kind}-${index}`);
            await mkdir(at, { recursive: true });
            for (const port of endpoints) await writeFile(join(at, String(port)), JSON.stringify({ address: '127.0.0.1', port }));
          }
          return { row, ill: ills[0], other: ills[1], alone: `alone-${index}`, beside: `beside-${index}` };
        }),
      );
      const file = join(folder, 'settings.yaml');
      const upstreams = rows.flatMap(({ row, alone, beside }) => [alone, beside].map((name) => [name, row.settings ?? {}]));
      await writeFile(file, JSON.stringify({ upstreams: Object.fromEntries(upstreams) as object }));
      const sidecar = Sidecar.start({
        ZIDECAR_ZOOKEEPER: `dir:${join(folder, 'registry')}`,
        ZIDECAR_CONFIG: file,
        ZIDECAR_FAST_LANE: lane === 'fast' ? 'on' : 'off',
      });
      t.after(() => sidecar.kill());
      const at = Number((await sidecar.at('outbound')).split(':').at(-1));
      await Promise.all(
        rows.flatMap(({ alone, beside }) => [
          sidecar.fact('endpoints_changed', { upstream: alone, total: 1 }),
          sidecar.fact('endpoints_changed', { upstream: beside, total: 2 }),
        ]),
      );

      const play = async ({ row, ill, other, alone, beside }: (typeof rows)[number]): Promise<string[]> => {
        const wrong: string[] = [];
        const check = (what: string, got: string, right: readonly string[]): void => {
          if (!right.includes(got)) wrong.push(`${row.name}, ${what}: ${got}; right is ${right.join(' or ')}`);
        };
        const request = row.request ?? plain;
        check('alone', await seen(at, alone, request, ill), row.alone);
        for (let n = 0; n < besides; n++)
          check(
            'beside a well one',
            await seen(at, beside, request, other),
            row.stands === true ? [...row.alone, '200 well', '200'] : ['200 well'],
          );
        if (ill === undefined) return wrong;
        if (row.request === undefined) {
          const post = plain.replace('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 0\r\n\r\n');
          check('POST', await seen(at, alone, post, ill), row.alone);
          if (ill.posts > 1) wrong.push(`${row.name}: a POST was sent ${ill.posts} times`);
        }
        ill.well = true;
        // by a connection that was kept, where its answer was whole
        const kept = row.stands === true ? row.alone.filter((right) => /^[2-5]/.test(right)) : [];
        let next = await seen(at, alone, plain);
        while (next === 'all_open') next = await arrived(100).then(() => seen(at, alone, plain)); // its trial is to come
        check('the next call', next, ['200 well', ...kept]);
        return wrong;
      };
      const wrong = (await Promise.all(rows.map(play))).flat();
      t.diagnostic(
        `${lane} lane: ${rows.length} failures injected, ${rows.length * (besides + 2)} calls and more, ${wrong.length} wrong`,
      );
      deepEqual(wrong, []);

      const metrics = async (): Promise<string> => (await fetch(`http://${await sidecar.at('health')}/metrics`)).text();
      await eventually(async () => !/^zidecar_requests_in_flight\{.*\} [1-9]/m.test(await metrics()));
      match(await metrics(), new RegExp(`^zidecar_lane_calls_total\\{lane="${lane}"\\} [1-9]`, 'm'));
      equal(sidecar.other, '');
    });
  });
