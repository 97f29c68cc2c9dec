/**
 * Asks the sidecar of an endpoint who it is, over the network, and says what that proves. Every question is a connection of its own: a kept
 * one would lead to whoever was there when it was made. Those who ask for the same endpoint while a question is out share its answer.
 *
 * A sidecar is known where the registration says its port, or where it has answered before: then its silence is an answer. Of a peer that
 * may have none (another registrar's) nothing follows from silence, and what is done then is a setting: `foreign`.
 */
import { address } from '../../lb/endpoint.js';
import { request } from '../../lb/node-http.js';
import type { Clock } from '../system.js';
import { HEALTH_PORT, IDENTITY_PATH, judge, type Meant } from './who-answers.js';

/** What proves a peer without a sidecar: nothing can, a connection that is accepted, or a 200 to 399 for this path on its own port. */
export type Foreign = 'refuse' | 'connect' | `/${string}`;

export interface Suspect {
  readonly host: string;
  readonly port: number;
  /** Of the health listener of its sidecar; undefined: not told. */
  readonly healthPort: number | undefined;
  readonly meant: Meant;
  readonly foreign: Foreign;
}

export type Proof =
  | { readonly kind: 'same' }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'other' | 'withdrawn' | 'silent' | 'refused'; readonly why: string };

const ANSWER_MS = 500;
/** A peer without a sidecar is not asked for one again for so long. */
const NONE_MS = 30_000;
const MOST_BYTES = 64 * 1024;
const MOST_KNOWN = 20_000;

export interface ProverParts {
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly told: (result: Proof['kind']) => void;
}

export class Prover {
  readonly #parts: ProverParts;
  readonly #asking = new Map<string, Promise<Proof>>();
  /** Endpoints whose sidecar has answered for them. */
  readonly #known = new Set<string>();
  /** Until when nobody is asked for a sidecar there. */
  readonly #none = new Map<string, number>();

  constructor(parts: ProverParts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  prove(suspect: Suspect): Promise<Proof> {
    const key = `${[...suspect.meant.services].join()} ${suspect.meant.id ?? ''} ${address(suspect)}`;
    let asking = this.#asking.get(key);
    if (asking === undefined) {
      asking = this.#ask(suspect, key).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
      void asking.then(({ kind }) => this.#parts.told(kind));
    }
    return asking;
  }

  async #ask(suspect: Suspect, key: string): Promise<Proof> {
    const { clock } = this.#parts;
    const at = { host: suspect.host, port: suspect.healthPort ?? HEALTH_PORT };
    const isKnown = suspect.healthPort !== undefined || this.#known.has(key);
    if (!isKnown && (this.#none.get(key) ?? -Infinity) > clock.now()) return this.#foreign(suspect);
    const { status, body, why, isLate } = await this.#get(at, IDENTITY_PATH);
    const answer = status === 200 ? judge(parsed(body), suspect.meant) : ({ kind: 'unrelated' } as const);
    if (answer.kind === 'same') {
      if (this.#known.size >= MOST_KNOWN) this.#known.clear();
      this.#known.add(key);
      return { kind: 'same' };
    }
    if (answer.kind === 'other') return { kind: 'other', why: `its address belongs to ${answer.who} now` };
    if (answer.kind === 'withdrawn') return { kind: 'withdrawn', why: `its sidecar says that ${answer.who} is withdrawn` };
    if (isKnown) return { kind: 'silent', why: `its sidecar at ${address(at)} does not answer for it: ${why}` };
    if (isLate !== true) {
      if (this.#none.size >= MOST_KNOWN) this.#none.clear();
      this.#none.set(key, clock.now() + NONE_MS);
    }
    return this.#foreign(suspect);
  }

  async #foreign({ host, port, foreign }: Suspect): Promise<Proof> {
    if (foreign === 'connect') return { kind: 'foreign' };
    if (foreign === 'refuse') return { kind: 'refused', why: 'it has no sidecar to prove who it is (ZIDECAR_DOUBTFUL=refuse)' };
    const { status, why } = await this.#get({ host, port }, foreign);
    if (status !== undefined && status >= 200 && status < 400) return { kind: 'foreign' };
    return { kind: 'silent', why: `GET ${foreign} ${why}` };
  }

  /** `why`: what came instead of a good answer, as the end of a sentence. `isLate`: somebody listens, and may answer the next time. */
  #get(
    { host, port }: { readonly host: string; readonly port: number },
    path: string,
  ): Promise<{ readonly status?: number; readonly body: string; readonly why: string; readonly isLate?: boolean }> {
    return new Promise((resolve) => {
      let body = '';
      let isLate = false;
      const asking = request({ host, port, path, agent: false, headers: { connection: 'close' } }, (response) => {
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
          if (body.length > MOST_BYTES) asking.destroy(new Error(`it answered with more than ${MOST_BYTES} bytes`));
        });
        response.on('error', failed);
        response.on('end', () => {
          stop();
          const { statusCode: status = 0 } = response;
          resolve({ status, body, why: status === 200 ? 'it speaks of others' : `it answered ${status}` });
        });
      });
      const failed = (error: Error): void => {
        stop();
        resolve({ body: '', why: (error as NodeJS.ErrnoException).code ?? error.message, isLate });
      };
      const stop = this.#parts.clock.after(ANSWER_MS, () => {
        isLate = asking.socket?.connecting === false;
        asking.destroy(new Error(`no answer in ${ANSWER_MS} ms`));
      });
      asking.on('error', failed).end();
    });
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
