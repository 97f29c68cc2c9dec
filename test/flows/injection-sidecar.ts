/** The built program before the endpoints of the failures of the list: services in a folder, and what each row sets in a file. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sidecar } from '../support/program.js';
import type { Played, Stage } from './injection-play.js';

export async function sidecarFor(
  { scenes, services }: Stage,
  lane: 'fast' | 'full',
): Promise<{ readonly sidecar: Sidecar; readonly played: Played; readonly stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'zidecar-injection-'));
  for (const [service, ports] of Object.entries(services)) {
    const at = join(folder, 'registry', 'services', service);
    await mkdir(at, { recursive: true });
    for (const port of ports) await writeFile(join(at, String(port)), JSON.stringify({ address: '127.0.0.1', port }));
  }
  const file = join(folder, 'settings.yaml');
  const upstreams = scenes.flatMap(({ row, alone, beside }) => [alone, beside].map((name) => [name, row.settings ?? {}]));
  await writeFile(file, JSON.stringify({ upstreams: Object.fromEntries(upstreams) as object }));
  const sidecar = Sidecar.start({
    ZIDECAR_ZOOKEEPER: `dir:${join(folder, 'registry')}`,
    ZIDECAR_CONFIG: file,
    ZIDECAR_FAST_LANE: lane === 'fast' ? 'on' : 'off',
  });
  const at = Number((await sidecar.at('outbound')).split(':').at(-1));
  await Promise.all(
    Object.entries(services).map(([upstream, { length: total }]) => sidecar.fact('endpoints_changed', { upstream, total })),
  );
  const played: Played = {
    at,
    hangMs: 20_000,
    hears: (got, right) => right.includes(got),
    notYet: (got) => got === 'all_open',
  };
  const stop = async (): Promise<void> => {
    sidecar.kill();
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  };
  return { sidecar, played, stop };
}
