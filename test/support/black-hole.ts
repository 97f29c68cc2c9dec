/** A port where nobody accepts and the queue is full, so that a connect hangs: its owner is stopped. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';

export async function blackHole(): Promise<{ port: number; release: () => void }> {
  const listen =
    "require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () { console.log(this.address().port) })";
  const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(printed);
  child.kill('SIGSTOP');
  const fillers = Array.from({ length: 32 }, () => connect({ host: '127.0.0.1', port }).on('error', () => undefined));
  await once(fillers[0]!, 'connect');
  return { port, release: () => (fillers.forEach((filler) => filler.destroy()), child.kill('SIGKILL')) };
}
