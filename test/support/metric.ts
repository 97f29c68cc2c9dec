/** One line of what a sidecar tells Prometheus. */
import type { Sidecar } from './program.js';

/** `line`: name and labels, as they stand there. NaN: there is no such line. */
export async function metric(sidecar: Sidecar, line: string): Promise<number> {
  const text = await (await fetch(`http://${await sidecar.at('health')}/metrics`, { headers: { connection: 'close' } })).text();
  const found = text.split('\n').find((each) => each.startsWith(`${line} `));
  return Number(found?.split(' ')[1] ?? NaN);
}
