/** A real Prometheus, which finds what it scrapes in ZooKeeper: a reader of serversets and of nerve's nodes that others wrote. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dieWithUs, holding } from './die-with-us.js';
import { eventually } from './program.js';
import { freePort } from './zookeeper.js';

export type Labels = Readonly<Record<string, string>>;

interface Targets {
  readonly data: { readonly activeTargets: readonly { readonly discoveredLabels: Labels }[] };
}

export class Prometheus {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #at: string;

  private constructor(child: ChildProcess, folder: string, at: string) {
    this.#child = child;
    this.#folder = folder;
    this.#at = at;
  }

  /** Ready when it resolves. Each path is a job of its own, called after it. */
  static async start(
    zookeeper: string,
    paths: { readonly serverset: readonly string[]; readonly nerve: readonly string[] },
  ): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'zidecar-prometheus-'));
    const jobs = Object.entries(paths).flatMap(([kind, all]) =>
      all.map((path) => ({
        job_name: path,
        scrape_interval: '1m',
        [`${kind}_sd_configs`]: [{ servers: [zookeeper], paths: [path], timeout: '10s' }],
      })),
    );
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify({ scrape_configs: jobs })); // JSON is YAML
    const at = `127.0.0.1:${await freePort('127.0.0.1')}`;
    const child = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${at}`,
        '--log.level=error',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    dieWithUs(child);
    await eventually(() =>
      fetch(`http://${at}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    return new Prometheus(child, folder, at);
  }

  /** What it has found below this path. */
  async found(path: string): Promise<readonly Labels[]> {
    const { data } = (await (await fetch(`http://${this.#at}/api/v1/targets?state=active`)).json()) as Targets;
    return data.activeTargets.flatMap(({ discoveredLabels }) => (discoveredLabels['job'] === path ? [discoveredLabels] : []));
  }

  async end(): Promise<void> {
    const ended = holding(once(this.#child, 'exit'));
    this.#child.kill('SIGKILL');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
