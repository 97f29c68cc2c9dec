/**
 * `node dist/test/bench/first-call.js [CALLS] [PAUSE_MS]`: what a connection that is there already spares the first call after a pause, through the
 * built program. Two services of one endpoint, asked by turns after the same pause: one's connection is kept over it, the other's is not.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Sidecar } from '../support/program.js';
import { RawServer, Wire } from '../support/raw.js';
import { machine } from './machine.js';
import { markdown } from './table.js';

const [calls = 500, pauseMs = 150] = process.argv.slice(2).map(Number);
const services = { kept: '10m', anew: '50ms' } as const;
type Service = keyof typeof services;

const folder = await mkdtemp(join(tmpdir(), 'zidecar-first-call-'));
const peer = await RawServer.always('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
for (const service of Object.keys(services)) {
  await mkdir(join(folder, 'services', service), { recursive: true });
  await writeFile(join(folder, 'services', service, 'one'), JSON.stringify({ address: '127.0.0.1', port: peer.port }));
}
const upstreams = Object.fromEntries(Object.entries(services).map(([name, idleTimeout]) => [name, { idleTimeout }]));
await writeFile(join(folder, 'zidecar.yaml'), JSON.stringify({ upstreams }));
const sidecar = Sidecar.start({ ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_CONFIG: join(folder, 'zidecar.yaml') });
for (const upstream of Object.keys(services)) await sidecar.fact('endpoints_changed', { upstream, total: 1 });
const app = await Wire.dial(Number((await sidecar.at('outbound')).split(':').at(-1)));
app.socket.setNoDelay(true);

const took: Readonly<Record<Service, number[]>> = { kept: [], anew: [] };
const warmUp = 20;
for (let turn = 0; turn < calls + warmUp; turn++)
  for (const service of ['kept', 'anew'] as const) {
    await sleep(pauseMs);
    const began = performance.now();
    await app.write(`GET / HTTP/1.1\r\nHost: ${service}\r\n\r\n`).message();
    if (turn >= warmUp) took[service].push(performance.now() - began);
  }
const connections = peer.wires.length;
app.socket.destroy();
await sidecar.stop();
await peer.stop();
await rm(folder, { recursive: true, force: true });

const ms = (of: readonly number[], share: number): string =>
  [...of].sort((a, b) => a - b)[Math.floor(share * (of.length - 1))]!.toFixed(2);
const row = (name: string, of: readonly number[]): string[] => [name, ms(of, 0.5), ms(of, 0.9), ms(of, 0.99)];
const { cpu, cores } = machine();
console.log(`${cores} cores of ${cpu}, load ${loadavg()[0]!.toFixed(1)}`);
console.log(`${calls} first calls of each, after ${pauseMs} ms; ${connections} connections, of which one was kept\n`);
console.log(markdown([['connection', 'p50, ms', 'p90', 'p99'], row('kept', took.kept), row('opened', took.anew)]));
