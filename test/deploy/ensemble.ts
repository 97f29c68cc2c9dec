/**
 * Servers of the chart's ensemble as its pods are: each in a network and on a read-only root of its own, under the name that the Service gives
 * it, with exactly the files, the command, the environment and the readiness probe of the StatefulSet. Not of the chart is what its image
 * brings: zkServer.sh, here a stub that starts the ZooKeeper of this machine, without the metrics, which Debian's package lacks.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { parseCli } from '../../agent/cli.js';
import { defaultsOf } from '../../deploy/inject/defaults.js';
import { mapAt, mapsAt, nameOf, textAt, at, type Json, type JsonMap } from '../../deploy/inject/json.js';
import type { InjectOptions } from '../../deploy/inject/inject.js';
import type { Certificate } from '../support/certificates.js';
import { holding } from '../support/die-with-us.js';
import { objectsIn, render } from '../support/helm.js';
import { CLASS_PATH } from '../support/zookeeper.js';
import type { Files, Host, Network } from '../pod/network.js';

const NAMESPACE = 'zidecar-system';
/** ZooKeeper's own user in the StatefulSet. */
const USER = '--userspec=1000:1000';
const LOG4J = `log4j.rootLogger=WARN, C
log4j.appender.C=org.apache.log4j.ConsoleAppender
log4j.appender.C.layout=org.apache.log4j.SimpleLayout
`;

/** What `helm install`, or `helm upgrade` after it, puts into the cluster. Passwords are drawn once. */
export class Release {
  readonly #objects: readonly JsonMap[];
  readonly #secrets: readonly JsonMap[];

  constructor(values: Json, before?: Release) {
    this.#objects = objectsIn(render(values, NAMESPACE));
    this.#secrets = before ? before.#secrets : this.#objects.filter(({ kind }) => kind === 'Secret');
  }

  find(kind: string, name: string): JsonMap {
    const from = kind === 'Secret' ? this.#secrets : this.#objects;
    return from.find((one) => one['kind'] === kind && textAt(one, 'metadata', 'name') === name) ?? {};
  }

  secret(name: string): Files {
    return mapAt(this.find('Secret', name), 'stringData') as Files;
  }

  /** What the webhook puts into pods. */
  async options(): Promise<InjectOptions> {
    const deployment = this.find('Deployment', 'injector');
    const args = at(deployment, ['spec', 'template', 'spec', 'containers', 0, 'args']) as readonly string[];
    const parsed = await parseCli(args, '1');
    if (parsed.command !== 'webhook') throw new Error(JSON.stringify(parsed));
    const env = mapAt(this.find('ConfigMap', 'sidecar-settings'), 'data') as Files;
    return defaultsOf({ env, flags: parsed.flags, options: parsed.options }, '1');
  }
}

export class Server {
  readonly host: Host;
  readonly #name: string;
  readonly #certificate: Certificate | undefined;
  readonly #ca: string | undefined;
  #root = '';
  #child: ChildProcess | undefined;
  #said = '';

  private constructor(host: Host, name: string, certificate?: Certificate, ca?: string) {
    this.host = host;
    this.#name = name;
    this.#certificate = certificate;
    this.#ca = ca;
  }

  static async open(network: Network, index: number, certificate?: Certificate, ca?: string): Promise<Server> {
    const name = `zookeeper-${index}`;
    const server = new Server(await network.host(`${name}.zookeeper-nodes.${NAMESPACE}.svc`), name, certificate, ca);
    const folders = ['/data', '/tmp', '/conf', '/scripts', '/auth', '/tls', '/image'];
    const [, root = ''] = await server.host.root(Object.fromEntries(folders.map((folder) => [folder, {}])));
    server.#root = root;
    const jars = CLASS_PATH.split(':');
    const own = jars.filter((jar) => !jar.startsWith('/usr/'));
    await server.host.sh([':', ...own.map((jar, index) => `cp -L ${jar} ${root}/image/${index}.jar`)].join('; '));
    const path = ['/image', ...own.map((_, index) => `/image/${index}.jar`), ...jars.filter((jar) => !own.includes(jar))].join(
      ':',
    );
    const start = `exec java -XX:TieredStopAtLevel=1 $SERVER_JVMFLAGS -cp ${path} org.apache.zookeeper.server.quorum.QuorumPeerMain`;
    server.#write('/image', {
      'zkServer.sh': `#!/bin/bash\ngrep -v ^metricsProvider "$2/zoo.cfg" > /tmp/zoo.cfg\n${start} /tmp/zoo.cfg\n`,
      'log4j.properties': LOG4J,
    });
    await server.host.sh(`chmod 755 ${root}/image/zkServer.sh`);
    return server;
  }

  start(release: Release): void {
    const spec = mapAt(release.find('StatefulSet', 'zookeeper'), 'spec', 'template', 'spec');
    const [container = {}] = mapsAt(spec, 'containers');
    const { 'zoo.cfg': cfg = '', ...scripts } = mapAt(release.find('ConfigMap', 'zookeeper'), 'data') as Files;
    this.#write('/conf', { 'zoo.cfg': cfg });
    this.#write('/scripts', scripts);
    for (const volume of mapsAt(spec, 'volumes')) {
      for (const { secret } of mapsAt(volume, 'projected', 'sources')) {
        const [item] = mapsAt({ secret: secret! }, 'secret', 'items');
        const key = textAt(item, 'key')!;
        this.#write('/auth', { [textAt(item, 'path')!]: release.secret(nameOf(secret))[key]! });
      }
      if (nameOf(volume) === 'tls')
        this.#write('/tls', {
          'tls-combined.pem': readFileSync(this.#certificate!.both, 'utf8'),
          'ca.crt': readFileSync(this.#ca!, 'utf8'),
        });
    }
    const env = Object.fromEntries(mapsAt(container, 'env').map((row) => [nameOf(row), textAt(row, 'value')!]));
    const command = ['chroot', USER, this.#root, ...(container['command'] as readonly string[])];
    const PATH = `/image:${process.env['PATH'] ?? ''}`;
    this.#said = '';
    this.#child = this.host.spawn(command, { ...env, PATH, HOSTNAME: this.#name }, ['ignore', 'pipe', 'pipe']);
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (chunk: Buffer) => (this.#said = (this.#said + chunk.toString()).slice(-8_000)));
    this.#probe = at(container, ['readinessProbe', 'exec', 'command']) as readonly string[];
  }

  #probe: readonly string[] = [];

  /** By its own probe. Rejects when it has ended. */
  async ready(): Promise<boolean> {
    if (this.#child!.exitCode !== null) throw new Error(`${this.#name} ended:\n${this.#said}`);
    const asked = this.host.sh(`chroot ${USER} ${this.#root} ${this.#probe.join(' ')}`);
    return asked.then(
      () => true,
      () => false,
    );
  }

  /** As the kubelet does. */
  async stop(): Promise<void> {
    const ended = holding(once(this.#child!, 'exit'));
    this.#child!.kill('SIGTERM');
    await ended;
  }

  get story(): string {
    return `${this.#name}:\n${this.#said}`;
  }

  #write(folder: string, files: Files): void {
    for (const [name, text] of Object.entries(files)) this.host.write(`${this.#root}${folder}/${name}`, text);
  }
}
