/**
 * Asks other servers one word each (`srvr`, `isro`), on connections of their own and beside a stay at one server. Whatever is still asked ends
 * with it. Knows no session, and not what the answers are for.
 */
import { openSocket } from './connection.js';
import type { Tls } from './connection.js';
import type { Clock } from './ports.js';
import type { Address } from './resolve.js';

const PATIENCE_MS = 1_000;
const LONGEST_ANSWER = 4_096;

export class Inquiry {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #open = new Set<() => void>();

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  /** Undefined: there is no answer within a second, or nobody wants it any more. */
  ask(word: string, server: Address, tls: Tls | undefined): Promise<string | undefined> {
    return new Promise((resolve) => {
      const socket = openSocket(server, tls);
      let answer = '';
      const end = (): void => {
        stop();
        this.#open.delete(end);
        socket.removeAllListeners().on('error', () => undefined);
        socket.destroy();
        resolve(answer === '' ? undefined : answer);
      };
      const stop = this.#clock.after(PATIENCE_MS, end);
      this.#open.add(end);
      socket.once(tls ? 'secureConnect' : 'connect', () => socket.write(word));
      socket.on('data', (chunk: Buffer) => (answer.length < LONGEST_ANSWER ? (answer += chunk.toString('latin1')) : end()));
      socket.once('error', end).once('close', end);
    });
  }

  end(): void {
    for (const end of [...this.#open]) end();
  }
}
