/** The benchmark itself, for a moment, with zidecar alone: so that it is there when it is needed. Its numbers mean nothing. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compiler } from './native.js';
import type { Run } from './results.js';

const script = fileURLToPath(new URL('./bench.js', import.meta.url));
const unable =
  compiler() === undefined
    ? 'SKIPPED: the load generator needs a C compiler: apt-get install -y gcc libc6-dev'
    : availableParallelism() < 2
      ? 'SKIPPED: the benchmark needs two cores'
      : false;
if (unable !== false && process.env['CI']) throw new Error(unable);

describe('npm run bench', { timeout: 120_000, skip: unable }, () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zidecar-bench-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('carries uploads, messages and repeated calls without a failed one, and keeps every round', async () => {
    const file = join(folder, 'results.json');
    const workloads = 'post-16k,websocket,retries';
    const words = [
      '--proxy',
      'zidecar-full',
      '--workload',
      workloads,
      '--rounds',
      '1',
      '--seconds',
      '0.05',
      '--no-repeats',
      '--json',
      file,
    ];
    const child = spawn(process.execPath, [script, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    equal(code, 0, said);
    const { results } = JSON.parse(await readFile(file, 'utf8')) as Run;
    deepEqual(
      results.map(({ workload }) => workload),
      workloads.split(','),
    );
    for (const result of results) {
      ok(result.kind === 'calls');
      const [round] = result.contenders[0]!.rounds;
      ok(round!.calls > 0 && Number.isFinite(round!.cpuUs), said);
    }
  });
});
