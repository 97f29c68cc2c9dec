/**
 * Ports that are still free when they are used. One that the system has handed out, and that was closed again, it hands to the next who asks;
 * the tests ask hundreds of times a second. These lie below all that Linux hands out by itself, and each process has a range of its own.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';

const [FROM, TO] = [12_000, 32_000];
/** More than a test file takes. */
const EACH = 40;
let taken = 0;

export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = FROM + ((process.pid * EACH + taken++) % (TO - FROM));
    if (await isFree(host, port)) return port;
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
