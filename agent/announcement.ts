/**
 * One service of the app beside us: wished for in the registry while its verdict is up and nobody has drained it. Joins a prober, which
 * knows how the app is, to an announcer, which knows how to make ZooKeeper agree; knows neither HTTP nor ZooKeeper itself.
 */
import type { Instance } from './registry/dialects/dialect.js';
import { nameOf } from './registry/node-path.js';
import type { Identity } from './trust/who-answers.js';

/** What an announcement needs of its announcer: see registry/announcer.ts. */
export interface Announcing<View> {
  /** Undefined: withdrawn, for this reason. */
  want(instance: Instance | undefined, why?: string): void;
  /** Resolves when the registry has confirmed that our node is gone. */
  withdrawn(): Promise<void>;
  /** Resolves when the registry has what was wanted last. */
  settled(): Promise<void>;
  /** Peers may know of it now. */
  readonly stands: boolean;
  view(): View;
  stop(): void;
}

/** What an announcement needs of its prober: see health/prober.ts. */
export interface Probing<View> {
  readonly up: boolean;
  start(onVerdict: (up: boolean) => void): void;
  stop(): Promise<void>;
  view(): View;
}

export class Announcement<A = unknown, P = unknown> {
  readonly service: string;
  #instance: Instance;
  #drained = false;
  #everWanted = false;
  #wanted = false;
  /** A drained instance stays in the registry, and is told not to be called. */
  readonly #marks: boolean;
  readonly #prober: Probing<P>;
  readonly #announcer: Announcing<A>;

  constructor(instance: Instance, prober: Probing<P>, announcer: Announcing<A>, marks = false) {
    this.#marks = marks;
    this.service = instance.service;
    this.#instance = instance;
    this.#prober = prober;
    this.#announcer = announcer;
  }

  start(): void {
    this.#prober.start(() => this.#wish());
  }

  /** True once peers may have heard of us: only then is there somebody to wait for when withdrawing. */
  get everWanted(): boolean {
    return this.#everWanted;
  }

  /** Peers may know of us now, so that it would be news to them that we go. */
  get stands(): boolean {
    return this.#announcer.stands;
  }

  /** Withdraws, or marks where the dialect has a mark that its readers heed, whatever the app's verdict, until `undrain`. */
  drain(): void {
    this.#drained = true;
    this.#wish();
  }

  undrain(): void {
    this.#drained = false;
    this.#wish();
  }

  /** Resolves when the registry has confirmed that nobody is to call us. */
  withdrawn(): Promise<void> {
    return this.#wanted ? this.#announcer.settled() : this.#announcer.withdrawn();
  }

  /** Who we are: what a sidecar asks that cannot ask the registry. */
  identity(path: string): Identity {
    const { service, id, host, port } = this.#instance;
    return { service, id, node: nameOf(path), host, port, announced: this.#wanted && !this.#drained };
  }

  /** Peers hear of the new weight as soon as the registry has it. */
  setWeight(weight: number): void {
    this.#instance = { ...this.#instance, weight };
    this.#wish();
  }

  view(): A & { readonly drained: boolean; readonly weight: number; readonly probe: P } {
    return { ...this.#announcer.view(), drained: this.#drained, weight: this.#instance.weight, probe: this.#prober.view() };
  }

  async stop(): Promise<void> {
    this.#announcer.stop();
    await this.#prober.stop();
  }

  #wish(): void {
    // nobody is announced only to be told that he is not to be called, nor waited for who is refused
    const isMarked = this.#marks && this.#wanted && this.#announcer.stands;
    this.#wanted = this.#prober.up && (!this.#drained || isMarked);
    this.#everWanted ||= this.#wanted;
    const instance = this.#drained ? { ...this.#instance, up: false } : this.#instance;
    if (this.#wanted) this.#announcer.want(instance);
    else this.#announcer.want(undefined, this.#drained ? 'drained' : 'the app is down');
  }
}
