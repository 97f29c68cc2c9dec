/**
 * Ports that are still free when they are used. One that the system has handed out, and that was closed again, it hands to the next who asks;
 * the tests ask hundreds of times a second. These lie below all that Linux hands out by itself, and each process has ranges of its own, whose
 * first port it holds as long as it lives: a server is there only a second or two after its port was chosen, and one may be down meanwhile.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';

const [FROM, TO] = [12_000, 32_000];
const EACH = 40;
let range: Promise<number>;
let taken = EACH;

export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = await next();
    if (await isFree(host, port)) return port;
  }
}

async function next(): Promise<number> {
  if (taken === EACH) [range, taken] = [claimed(), 1];
  const nth = taken++;
  return (await range) + nth;
}

/** The first port of a range that nobody else has. */
async function claimed(): Promise<number> {
  for (let nth = process.pid; ; nth++) {
    const first = FROM + ((nth * EACH) % (TO - FROM));
    const server = createServer();
    try {
      await once(server.listen(first, '127.0.0.1'), 'listening');
      server.unref();
      return first;
    } catch {
      // it is another's
    }
  }
}

/** Nobody listens there now. */
export async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, host), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
