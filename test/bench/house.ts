/** The backend and the contenders of one workload, each started, and all of them ended whatever happens. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { startBackend } from './backend.js';
import { freePorts, type Contender, type Running, type Service } from './contenders/contender.js';
import { scratch } from './native.js';
import type { Workload } from './workloads.js';

export interface Started {
  readonly contender: Contender;
  readonly process: Running;
  readonly port: number;
}

export class House {
  readonly #folder: string;
  readonly #stops: (() => Promise<void>)[] = [];
  readonly #core: number;
  readonly #breaks: boolean;
  #services: readonly Service[] = [];
  #backend = 0;

  private constructor(core: number, breaks: boolean) {
    mkdirSync(scratch, { recursive: true });
    this.#folder = mkdtempSync(`${scratch}/run-`);
    this.#core = core;
    this.#breaks = breaks;
  }

  static async open(
    { endpoints = 4, services = 1, breaks = false }: Workload,
    [core, loadCore]: readonly [number, number],
  ): Promise<House> {
    const house = new House(core, breaks);
    const backend = await startBackend(loadCore, breaks);
    house.#backend = backend.pid;
    house.#stops.push(async () => backend.stop());
    const [whole, broken = whole] = backend.ports as [number, number?];
    const at = (index: number): string => `${loopback(index)}:${breaks && index === endpoints - 1 ? broken : whole}`;
    house.#services = Array.from({ length: services }, (_, service) => ({
      name: services === 1 ? 'bench' : `s${service}`,
      endpoints: Array.from({ length: endpoints }, (_, index) => at(index)),
    }));
    return house;
  }

  /** The processes that are the benchmark itself. */
  get mine(): readonly number[] {
    return [process.pid, this.#backend];
  }

  async start(contender: Contender): Promise<Started> {
    const [port] = (await freePorts(1)) as [number];
    const folder = `${this.#folder}/${contender.id}`;
    mkdirSync(folder);
    const running = await contender.start({ services: this.#services, retries: this.#breaks, port, folder, core: this.#core });
    this.#stops.push(() => running.stop());
    return { contender, process: running, port: running.port ?? port };
  }

  async close(): Promise<void> {
    await Promise.all(this.#stops.reverse().map((stop) => stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Every address of 127.0.0.0/8 is this machine: so one backend is as many endpoints as are wanted. */
const loopback = (index: number): string => `127.0.${Math.floor(index / 200)}.${(index % 200) + 1}`;
