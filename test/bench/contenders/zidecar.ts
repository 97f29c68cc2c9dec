/**
 * zidecar as it is run: the built program with the flags that the image gives to node, with a registry (a folder; its nodes are read and watched as those of ZooKeeper are), an app
 * that it probes and announces, all listeners, JSON lines of log at `info`. Nothing is switched off that is on by default.
 *
 * Which lane took the calls is asked of its own metrics: whatever has a label `lane`. A build without such a metric has the full lane only.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePorts, launch, type Contender } from './contender.js';

const main = fileURLToPath(new URL('../../../agent/main.js', import.meta.url));
const { version } = JSON.parse(readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8')) as { version: string };

/** The Dockerfile has them between node and the program. */
export const flagsOfImage = (dockerfile: string): string[] => {
  const [, entrypoint = '[]'] = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile) ?? [];
  const words = JSON.parse(entrypoint) as string[];
  if (words.length < 2) throw new Error('the Dockerfile has no ENTRYPOINT of node, flags and program');
  return words.slice(1, -1);
};
const flags = flagsOfImage(readFileSync(new URL('../../../../Dockerfile', import.meta.url), 'utf8'));

export interface ZidecarOptions {
  readonly fastLane: boolean;
  /** Settings that are not as they come. */
  readonly env?: Readonly<Record<string, string>>;
  /** A field more in the head of each call. */
  readonly field?: string;
  /** Another Node than our own. */
  readonly node?: { readonly path: string; readonly version: () => string; readonly missing: () => string | undefined };
}

export const zidecar = (id: string, title: string, { fastLane, env = {}, field, node }: ZidecarOptions): Contender => ({
  id,
  title,
  // measured: a call of the full lane costs twice as much after two seconds as after eight
  settlesInMs: fastLane ? 3_500 : 8_000,
  ...(node && { missing: node.missing }),
  version: () => `zidecar ${version}, Node ${node?.version() ?? process.versions.node}`,
  async start(setting) {
    const { services, folder, port } = setting;
    for (const { name, endpoints } of services) {
      const parent = `${folder}/registry/services/${name}`;
      mkdirSync(parent, { recursive: true });
      endpoints.forEach((at, index) => {
        const [address, digits] = at.split(':');
        const payload = { '@class': 'java.util.HashMap', version: `v${index % 2}` };
        const node = { name, id: `e${index}`, address, port: Number(digits), payload };
        writeFileSync(`${parent}/e${index}`, JSON.stringify(node));
      });
    }
    const [admin, health] = (await freePorts(2)) as [number, number];
    const child = launch([node?.path ?? process.execPath, ...flags, main, 'run'], {
      ...setting,
      env: {
        NODE_ENV: 'production', // as in the image
        ZIDECAR_ZOOKEEPER: `dir:${folder}/registry`,
        ZIDECAR_UPSTREAMS: services.map(({ name }) => name).join(','),
        ZIDECAR_SERVICE: 'caller',
        ZIDECAR_APP_PORT: services[0]!.endpoints[0]!.split(':')[1]!, // the backend is well at /healthz
        ZIDECAR_OUTBOUND: `127.0.0.1:${port}`,
        ZIDECAR_ADMIN: `127.0.0.1:${admin}`,
        ZIDECAR_HEALTH: `127.0.0.1:${health}`,
        ZIDECAR_FAST_LANE: fastLane ? 'on' : 'off',
        ZIDECAR_DATA_DIR: folder,
        ZIDECAR_DRAIN_WAIT: '0s',
        ZIDECAR_GRACE: '1s',
        ...env,
      },
    });
    for (const { name } of services) await child.answers(port, name); // to begin with a thousand of them takes seconds of CPU
    return {
      pid: child.pid,
      ...(field !== undefined && { asks: { field } }),
      stop: () => child.stop(),
      lanes: async () => lanesOf(await (await fetch(`http://127.0.0.1:${health}/metrics`)).text()),
    };
  },
});

/** The sums of all samples by their label `lane`. */
export function lanesOf(metrics: string): Record<string, number> {
  const lanes: Record<string, number> = {};
  for (const [, lane, value] of metrics.matchAll(/^zidecar_\w*\{[^}]*\blane="([^"]+)"[^}]*\} (\S+)$/gm)) {
    lanes[lane!] = (lanes[lane!] ?? 0) + Number(value);
  }
  return lanes;
}
