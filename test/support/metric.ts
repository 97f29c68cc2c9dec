/** One line of what a sidecar tells Prometheus. */
import type { Sidecar } from './program.js';

/** `line`: name and labels, as they stand there. NaN: there is no such line. */
export async function metric(sidecar: Sidecar, line: string, again = 3): Promise<number> {
  const answer = await fetch(`http://${await sidecar.at('health')}/metrics`, { headers: { connection: 'close' } });
  const text = await answer.text();
  if (answer.status === 408 && again > 0) return metric(sidecar, line, again - 1); // this process stood still between its connect and its question
  if (!answer.ok) throw new Error(`the metrics are ${answer.status} ${text}`);
  const found = text.split('\n').find((each) => each.startsWith(`${line} `));
  return Number(found?.split(' ')[1] ?? NaN);
}
