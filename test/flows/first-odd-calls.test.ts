/** The first calls of a fresh sidecar that are not plain, through the built program: they wait until it has loaded what they need. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { metric } from '../support/metric.js';
import { eventually, Sidecar } from '../support/program.js';
import { RawServer, Wire } from '../support/raw.js';

const post = (more: string): string => `POST / HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n${more}\r\n\r\n`;
const chunked = post('Transfer-Encoding: chunked');
const plain = 'GET / HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n\r\n';
const websocket =
  'GET / HTTP/1.1\r\nHost: orders\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n\r\n';

/** Calls that were begun, be they answered or not. */
const carried = (sidecar: Sidecar, lane: 'fast' | 'full'): Promise<number> =>
  metric(sidecar, `zidecar_lane_calls_total{lane="${lane}"}`);

/** Answers a plain call at once, an upload when its last byte is there, and sends back what comes through a websocket. */
async function serve(wire: Wire): Promise<void> {
  for (;;) {
    const head = (await wire.head()).toLowerCase();
    if (head.includes('upgrade: websocket')) {
      wire.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
      for (;;) wire.write(await wire.bytes(1));
    }
    if (head.startsWith('post')) await wire.until(head.includes('chunked') ? '0\r\n\r\n' : 'abc');
    wire.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  }
}

describe('the first calls that are not plain', { timeout: 240_000 }, () => {
  let folder = '';
  let peer: RawServer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zidecar-odd-'));
    peer = await RawServer.start(serve);
    await mkdir(join(folder, 'services', 'orders'), { recursive: true });
    const instance = JSON.stringify({ address: '127.0.0.1', port: peer.port });
    await writeFile(join(folder, 'services', 'orders', 'one'), instance);
  });
  after(async () => {
    await peer.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  const start = async (
    t: TestContext,
    env: Record<string, string> = {},
  ): Promise<{ sidecar: Sidecar; app: () => Promise<Wire> }> => {
    const sidecar = Sidecar.start({ ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_UPSTREAMS: 'orders', ...env });
    t.after(() => sidecar.kill());
    const port = Number((await sidecar.at('outbound')).split(':').at(-1));
    await sidecar.fact('endpoints_changed', { total: 1 });
    return { sidecar, app: () => Wire.dial(port) };
  };

  const upload = async (wire: Wire): Promise<void> =>
    match((await wire.write(chunked, '3\r\nabc\r\n0\r\n\r\n').rest()).text, /^HTTP\/1\.1 200 /);
  const expecting = async (wire: Wire): Promise<void> => {
    match(await wire.write(post('Content-Length: 3\r\nExpect: 100-continue')).head(), /^HTTP\/1\.1 100 /);
    match((await wire.write('abc').rest()).text, /^HTTP\/1\.1 200 /);
  };
  const tunnel = async (wire: Wire): Promise<void> => {
    match(await wire.write(websocket, 'x').head(), /^HTTP\/1\.1 101 /);
    equal(await wire.bytes(1), 'x');
    wire.reset();
  };
  const get = async (wire: Wire): Promise<void> => match((await wire.write(plain).rest()).text, /^HTTP\/1\.1 200 /);

  for (const [name, kind] of Object.entries({ 'a chunked upload': upload, 'an Expect': expecting, 'a websocket': tunnel }))
    it(`are carried: ${name}`, async (t) => {
      const { app } = await start(t);
      await kind(await app());
    });

  for (const lane of ['on', 'off'])
    it(`are carried when many of every kind come at once, with plain ones between, and counted by lane: FAST_LANE=${lane}`, async (t) => {
      const { sidecar, app } = await start(t, { ZIDECAR_FAST_LANE: lane });
      const kinds = [upload, expecting, get, tunnel];
      const wires = await Promise.all(Array.from({ length: 24 }, app));
      await Promise.all(wires.map((wire, index) => kinds[index % kinds.length]!(wire)));
      deepEqual([await carried(sidecar, 'fast'), await carried(sidecar, 'full')], lane === 'on' ? [6, 18] : [0, 24]);
    });

  it('are answered before a sidecar ends that is told to while it loads', async (t) => {
    const [asked, go] = [join(folder, 'asked'), join(folder, 'go')];
    const wait = `fs.writeFileSync(${JSON.stringify(asked)}, ''); while (!fs.existsSync(${JSON.stringify(go)})) await sleep(10);`;
    const { sidecar, app } = await start(t, { ...loadingUndici(wait), ZIDECAR_GRACE: '60s' });
    const calls = [upload(await app()), upload(await app())];
    await eventually(async () => existsSync(asked) && (await carried(sidecar, 'full')) === 2); // both have come
    sidecar.signal('SIGTERM');
    await sidecar.fact('phase_changed', { phase: 'draining' });
    await writeFile(go, '');
    await Promise.all(calls);
    equal(await sidecar.ended(), 0);
  });

  it('are refused in words, and nobody else, when what they need cannot be loaded', async (t) => {
    const { app } = await start(t, loadingUndici("throw new Error('EMFILE');"));
    const refused = async (): Promise<[string, boolean, boolean]> => {
      const { text } = await (await app()).write(chunked, '3\r\nabc\r\n0\r\n\r\n').rest();
      return [text.slice(9, 12), /\r\nx-zidecar-error: local\r\n/.test(text), /could not be loaded: Error: EMFILE/.test(text)];
    };
    deepEqual(await Promise.all([refused(), refused()]), Array(2).fill(['503', true, true]));
    await get(await app());
    await tunnel(await app());
  });
});

/** The environment in which node runs this code before it looks for undici. */
function loadingUndici(code: string): Record<string, string> {
  const data = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;
  const hooks = `
    import fs from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    export async function resolve(name, at, next) {
      if (name === 'undici') { ${code} }
      return next(name, at);
    }`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(data(hooks))});`;
  return { NODE_OPTIONS: `--import=${data(register)}` };
}
