/**
 * Does with a pod what a kubelet does, in a host of its own: native sidecars first, each until its start-up probe has passed; then the
 * containers; a container that ended is started again; and the end in exactly Kubernetes' order:
 *
 *   all preStop hooks at once ─▶ SIGTERM to each container when its hook is done ─▶ when all have ended, SIGTERM to the sidecars,
 *   the last first ─▶ SIGKILL to whatever is left at the end of the grace period
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { holding } from '../support/die-with-us.js';
import { Sidecar } from '../support/program.js';
import type { Report, Told } from './app.js';
import { SIDECAR, type Container, type Pod } from './manifest.js';
import type { Files, Host, Network } from './network.js';

const appProgram = fileURLToPath(new URL('./app.js', import.meta.url));
export const zidecarProgram = fileURLToPath(new URL('../../agent/main.js', import.meta.url));
/** Kubernetes' own first pause is 10 s, but it does restart a container at once when it has run for long. */
const RESTART_MS = 500;
const LOOK_MS = 50;

export interface Ended {
  readonly ms: number;
  /** Containers that had to be killed. */
  readonly killed: readonly string[];
}

export interface Surroundings {
  /** The program that stands for the image of the sidecar; the built one unless another is named. */
  readonly zidecar?: string;
  /** Who is asked for names that /etc/hosts has not. */
  readonly dns?: Host;
  /** What Secrets of the namespace hold, by name. */
  readonly secrets?: Readonly<Record<string, Files>>;
}

interface Running {
  readonly container: Container;
  readonly process: ChildProcess;
  readonly sidecar: Sidecar | undefined;
}

export class Kubelet {
  readonly host: Host;
  readonly #network: Network;
  readonly #pod: Pod;
  #zidecar: string;
  /** Before a command in the sidecar's container. */
  #inSidecar: readonly string[] = [];
  readonly #running = new Map<string, Running>();
  readonly #before: Sidecar[] = [];
  #ending = false;
  #asked = 0;

  private constructor(network: Network, host: Host, pod: Pod, zidecar: string) {
    this.#network = network;
    this.host = host;
    this.#pod = pod;
    this.#zidecar = zidecar;
  }

  /** Resolves when every container runs and the readiness probes have passed. */
  static async run(
    network: Network,
    pod: Pod,
    { zidecar = zidecarProgram, dns, secrets = {} }: Surroundings = {},
  ): Promise<Kubelet> {
    const kubelet = new Kubelet(network, await network.host(pod.metadata.name), pod, zidecar);
    if (dns) await kubelet.host.ask(dns);
    const { initContainers = [], containers } = pod.spec;
    await kubelet.#mount(secrets);
    for (const container of initContainers) {
      kubelet.#start(container);
      await kubelet.#passes(container.startupProbe);
    }
    for (const container of containers) kubelet.#start(container);
    for (const container of containers) await kubelet.#passes(container.readinessProbe);
    return kubelet;
  }

  get name(): string {
    return this.#pod.metadata.name;
  }

  /** The sidecar that runs now. */
  get sidecar(): Sidecar {
    return this.#running.get('zidecar')!.sidecar!;
  }

  /** Every sidecar that ever ran here: each restart makes another. */
  get sidecars(): readonly Sidecar[] {
    return this.#before;
  }

  /** As the kernel does when memory is short. Resolves when the kubelet has started them again and their probes have passed. */
  async kill(...containers: readonly string[]): Promise<void> {
    const killed = containers.map((name) => this.#running.get(name)!);
    for (const { process } of killed) process.kill('SIGKILL');
    for (const old of killed) {
      const { name, startupProbe, readinessProbe } = old.container;
      while (this.#running.get(name) === old) await sleep(LOOK_MS);
      await this.#passes(startupProbe ?? readinessProbe);
    }
  }

  freeze(container: string): void {
    this.#running.get(container)!.process.kill('SIGSTOP');
  }

  thaw(container: string): void {
    this.#running.get(container)!.process.kill('SIGCONT');
  }

  /** The machine under it is gone, and so are all its processes; nobody is told. */
  async lose(): Promise<void> {
    this.#ending = true;
    await this.host.unplug();
    this.host.end();
  }

  /** `beforeTheEnd` runs when the hooks are done, and the app has not been told yet. */
  async delete(beforeTheEnd?: () => Promise<void>): Promise<Ended> {
    this.#ending = true;
    const began = performance.now();
    const { initContainers = [], containers, terminationGracePeriodSeconds = 30 } = this.#pod.spec;
    const over = new AbortController();
    const killed: string[] = [];
    void sleep(terminationGracePeriodSeconds * 1_000, undefined, { signal: over.signal }).then(
      () => {
        for (const [name, { process }] of this.#running) if (process.kill('SIGKILL')) killed.push(name);
      },
      () => undefined,
    );
    const hooks = new Map([...initContainers, ...containers].map((container) => [container.name, this.#preStop(container)]));
    const end = async ({ name }: Container): Promise<void> => {
      await hooks.get(name);
      if (name === 'app') await beforeTheEnd?.();
      await this.#end(name);
    };
    await Promise.all(containers.map(end));
    for (const container of initContainers.toReversed()) await end(container);
    over.abort();
    this.#network.remove(this.host);
    return { ms: performance.now() - began, killed };
  }

  /** Only the sidecar's container, as when its image is changed in place: hook, SIGTERM, and the next one. */
  async replaceSidecar(zidecar = this.#zidecar): Promise<void> {
    this.#zidecar = zidecar;
    const container = this.#pod.spec.initContainers![0]!;
    await this.#preStop(container);
    const old = this.#running.get('zidecar');
    await this.#end('zidecar');
    while (this.#running.get('zidecar') === old) await sleep(LOOK_MS);
    await this.#passes(container.startupProbe);
  }

  call(service: string, options: Partial<Told> = {}): Promise<unknown> {
    return this.#tell({ ...options, say: 'call', what: service });
  }

  async total(): Promise<number> {
    return (await this.#tell({ say: 'total' })) as number;
  }

  async stopCalling(): Promise<Report> {
    return (await this.#tell({ say: 'stop' })) as Report;
  }

  /** What the sidecar's admin says, which only its own pod can ask. */
  async admin<T>(path: string): Promise<T | undefined> {
    return (await this.#tell({ say: 'get', what: `http://127.0.0.1:6190${path}` }).catch(() => undefined)) as T | undefined;
  }

  #tell(words: Omit<Told, 'id'>): Promise<unknown> {
    const { process } = this.#running.get('app')!;
    const id = ++this.#asked;
    return holding(
      new Promise((resolve, reject) => {
        const hear = (answer: { id: number; result?: unknown; error?: string }): void => {
          if (answer.id !== id) return;
          process.off('message', hear);
          if (answer.error === undefined) resolve(answer.result);
          else reject(new Error(answer.error));
        };
        process.on('message', hear);
        process.once('exit', () => reject(new Error(`the app of ${this.name} has ended`)));
        process.send({ id, ...words }, (error) => {
          if (error) reject(error);
        });
      }),
    );
  }

  /** The sidecar's root is read-only; its folders outlive its container. */
  async #mount(secrets: Readonly<Record<string, Files>>): Promise<void> {
    const { initContainers = [], volumes = [] } = this.#pod.spec;
    const filled = (name: string): Files =>
      secrets[volumes.find((volume) => volume.name === name)?.secret?.secretName ?? ''] ?? {};
    const mounts = initContainers.flatMap(({ volumeMounts = [] }) => volumeMounts);
    this.#inSidecar = await this.host.root(Object.fromEntries(mounts.map(({ name, mountPath }) => [mountPath, filled(name)])));
  }

  #start(container: Container): void {
    const isSidecar = container.image === SIDECAR;
    const program = isSidecar ? this.#zidecar : appProgram;
    const command = [...(isSidecar ? this.#inSidecar : []), process.execPath, program, ...(container.args ?? [])];
    const env = { HOSTNAME: this.name, NODE_ENV: 'production', ...this.#env(container) };
    const stdio = ['ignore', 'pipe', 'pipe', ...(isSidecar ? [] : ['ipc' as const])] as const;
    const child = this.host.spawn(command, isSidecar ? env : { ...env, POD_NAME: this.name }, [...stdio]);
    child.setMaxListeners(0);
    const sidecar = isSidecar ? Sidecar.of(child) : undefined;
    if (sidecar) this.#before.push(sidecar);
    else for (const stream of [child.stdout!, child.stderr!]) createInterface(stream).on('line', () => undefined);
    this.#running.set(container.name, { container, process: child, sidecar });
    child.once('exit', () => void this.#startAgain(container));
  }

  async #startAgain(container: Container): Promise<void> {
    await sleep(RESTART_MS);
    if (!this.#ending && !this.host.ended) this.#start(container);
  }

  #env({ env = [] }: Container): Record<string, string> {
    const fields: Readonly<Record<string, string>> = {
      'status.podIP': this.host.address,
      'metadata.name': this.name,
      'metadata.uid': this.#pod.metadata.uid,
    };
    return Object.fromEntries(
      env.map(({ name, value, valueFrom }) => [name, value ?? fields[valueFrom?.fieldRef.fieldPath ?? ''] ?? '']),
    );
  }

  async #passes(probe: Container['startupProbe']): Promise<void> {
    if (!probe) return;
    const { path, port } = probe.httpGet;
    while ((await this.#network.node.get(this.host.address, port, path))?.status !== 200) await sleep(LOOK_MS);
  }

  async #preStop({ lifecycle, name }: Container): Promise<void> {
    const hook = lifecycle?.preStop;
    if (hook?.sleep) await sleep(hook.sleep.seconds * 1_000);
    if (!hook?.exec) return;
    const [command, ...args] = hook.exec.command;
    if (command !== 'zidecar') throw new Error(`the image has no ${command ?? 'command'}`);
    const { container } = this.#running.get(name)!;
    const child = this.host.spawn([...this.#inSidecar, process.execPath, this.#zidecar, ...args], this.#env(container), 'ignore');
    await holding(once(child, 'exit'));
  }

  async #end(name: string): Promise<void> {
    const { process: child } = this.#running.get(name)!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = holding(once(child, 'exit'));
    child.kill('SIGTERM');
    await ended;
  }
}
