/** The light backend (native/backend.c), on the core of the load. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { freePorts } from './contenders/contender.js';
import { compile } from './native.js';

export interface Backend {
  readonly pid: number;
  readonly ports: readonly number[];
  stop(): void;
}

/** `breaks`: a second port, behind which every tenth GET is broken off. */
export async function startBackend(core: number, breaks: boolean): Promise<Backend> {
  const ports = await freePorts(breaks ? 2 : 1);
  const words = ports.map((port, index) => (index === 0 ? String(port) : `${port}!`));
  const child = spawn('taskset', ['-c', String(core), compile('backend'), ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), once(child, 'exit')])) as [unknown];
  if (line !== 'ready') throw new Error('the backend did not start');
  return { pid: child.pid!, ports, stop: () => void child.kill() };
}
