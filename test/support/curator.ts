/** A real Curator, in a process of its own: the other client that reads what we write and writes what we read. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { dieWithUs, holding } from './die-with-us.js';

const JAVA = '/usr/share/java';
/** Debian: libcurator-discovery-java and libbsh-java. */
const JARS = [
  'bsh',
  'curator-x-discovery',
  'curator-framework',
  'curator-client',
  'curator-recipes',
  'guava',
  'jackson-annotations',
  'jackson-core',
  'jackson-databind',
  'slf4j-api',
  'slf4j-nop',
  'zookeeper',
  'zookeeper-jute',
  'netty-all',
].map((name) => `${JAVA}/${name}.jar`);

export class Curator {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    dieWithUs(child);
    this.#answers = createInterface(child.stdout!)[Symbol.asyncIterator]();
  }

  static async start(zookeeper: string, base = '/services'): Promise<Curator> {
    const script = join(process.cwd(), 'test/interop/curator.bsh');
    const args = [
      '-Xmx128m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-cp',
      JARS.join(':'),
      'bsh.Interpreter',
      script,
      zookeeper,
      base,
    ];
    const curator = new Curator(spawn('java', args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await curator.#next('ready');
    return curator;
  }

  async register(name: string, id: string, host: string, port: number, weight = 0): Promise<void> {
    await this.#ask(`register ${name} ${id} ${host} ${port} ${weight}`, 'registered');
  }

  async unregister(name: string, id: string): Promise<void> {
    await this.#ask(`unregister ${name} ${id}`, 'unregistered');
  }

  /** A persistent node, with the parents that it lacks. */
  async put(path: string, data: string): Promise<void> {
    await this.#ask(`put ${path} ${Buffer.from(data).toString('base64')}`, 'put');
  }

  async delete(path: string): Promise<void> {
    await this.#ask(`delete ${path}`, 'deleted');
  }

  /** `id=host:port:payload`, sorted. Throws what Curator throws: one bad node is enough. */
  async list(name: string): Promise<string[]> {
    return (await this.#ask(`list ${name}`, 'list')).split(' ').slice(1).sort();
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin!.end();
    await holding(ended);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #ask(command: string, expected: string): Promise<string> {
    this.#child.stdin!.write(`${command}\n`);
    return this.#next(expected);
  }

  async #next(expected: string): Promise<string> {
    const answer = (await holding(this.#answers.next())) as IteratorResult<string, undefined>;
    if (answer.done) throw new Error('Curator ended');
    if (!answer.value.startsWith(expected)) throw new Error(`Curator says: ${answer.value}`);
    return answer.value;
  }
}
