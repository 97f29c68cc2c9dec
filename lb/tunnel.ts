/**
 * Two sockets whose bytes are passed on as they come: a connection of plain TCP, or a websocket after its handshake. Nothing in them is
 * read. Back pressure goes through, an orderly end of one side is passed on while the other still speaks, and a break is passed on as a
 * break, so that neither side takes half a stream for the whole.
 *
 *     app ◀──▶ endpoint     both ended ─▶ 'ended'      one broke ─▶ the other is reset     nothing moved for too long ─▶ both are
 *
 * `finish` is for a process that stops: as soon as nothing is on its way both sides are told that this is the end, and have a while to go;
 * a stream that does not pause is broken, since an end in the middle of it would be a lie. The end of a websocket is a close frame (1001), in
 * each direction that stands between two frames; one that stays in the middle of a frame is one that does not pause.
 */
import type { Socket } from 'node:net';
import type { Clock } from './ports.js';
import { hearsResets, reset } from './reset.js';
import { Flow } from './flow.js';
import { Frames, goingAway } from './frames.js';
import { Silence } from './silence.js';

export type TunnelEnd = 'ended' | 'app_broke' | 'endpoint_broke' | 'idle' | 'stopped';

export interface TunnelParts {
  readonly clock: Clock;
  readonly app: Socket;
  readonly endpoint: Socket;
  readonly idleTimeoutMs: number | undefined;
  /** Added to, as bytes pass. */
  readonly bytes: { sent: number; received: number };
}

/** What is on its way has this long to arrive, and then both sides to close after they were told of the end. */
const lingerMs = 1_000;
/** Nothing is on its way when nothing has come for some looks in a row: after a stall of ours, one would come before what lies in a socket. */
const quietLooks = 4;
const lookMs = 25;

export class Tunnel {
  readonly #parts: TunnelParts;
  /** Of a websocket. */
  readonly #frames: { readonly sent: Frames; readonly received: Frames } | undefined;
  readonly #silence: Silence;
  readonly #flows: readonly Flow[];
  #moves = 0;
  #end: TunnelEnd | undefined;
  /** Resolves when both sockets are closed, with what ended it. */
  readonly closed: Promise<TunnelEnd>;

  constructor(parts: TunnelParts, { websocket = false }: { readonly websocket?: boolean } = {}) {
    const { clock, app, endpoint, idleTimeoutMs, bytes } = (this.#parts = parts);
    if (websocket) this.#frames = { sent: new Frames(true), received: new Frames(false) };
    this.#silence = new Silence(
      clock,
      () => idleTimeoutMs,
      () => this.#break('idle'),
    );
    const passed = (direction: keyof typeof bytes) => (chunk: Buffer) => {
      bytes[direction] += chunk.length;
      this.#frames?.[direction].take(chunk);
      this.#moves++;
      this.#silence.moved();
    };
    hearsResets(app); // `dial` sees to the other
    this.#flows = [new Flow(app, endpoint, passed('sent')), new Flow(endpoint, app, passed('received'))];
    this.closed = this.#closed();
  }

  /** Ends both sides in order as soon as nothing is on its way, and for good after a while. */
  finish(): void {
    const { clock, app, endpoint } = this.#parts;
    const until = clock.now() + lingerMs;
    let [quiet, seen] = [0, -1];
    const look = (): void => {
      const inside = this.#frames !== undefined && (this.#frames.sent.inside || this.#frames.received.inside);
      const pending = inside || app.writableLength + endpoint.writableLength > 0 || seen !== this.#moves;
      quiet = pending ? 0 : quiet + 1;
      seen = this.#moves;
      if (quiet === quietLooks) return this.#endBoth();
      if (clock.now() >= until) return this.#break('stopped');
      const stop = clock.after(lookMs, look);
      void this.closed.then(stop);
    };
    look();
  }

  #endBoth(): void {
    const { clock, app, endpoint } = this.#parts;
    this.#end ??= 'ended';
    for (const flow of this.#flows) flow.stop();
    for (const socket of [app, endpoint]) {
      const frames = socket === app ? this.#frames?.received : this.#frames?.sent;
      if (frames?.mayClose === true && socket.writable) socket.write(goingAway(socket === endpoint));
      socket.end();
      socket.resume(); // what still comes is nobody's any more, and its end is waited for
      const stop = clock.after(lingerMs, () => socket.destroy());
      socket.once('close', stop);
    }
  }

  #break(why: TunnelEnd): void {
    this.#end ??= why;
    reset(this.#parts.app);
    reset(this.#parts.endpoint);
  }

  async #closed(): Promise<TunnelEnd> {
    const { app, endpoint } = this.#parts;
    await Promise.all([this.#follow(app, endpoint, 'app_broke'), this.#follow(endpoint, app, 'endpoint_broke')]);
    this.#silence.end();
    return this.#end ?? 'ended';
  }

  /** Resolves when `one` is closed. If it was not by an end in both directions, the other is reset. */
  #follow(one: Socket, other: Socket, broken: TunnelEnd): Promise<void> {
    return new Promise((resolve) => {
      const gone = (): void => {
        if (!one.readableEnded || !one.writableFinished) {
          this.#end ??= broken;
          reset(other);
        }
        resolve();
      };
      one.on('error', () => one.destroy());
      if (one.closed) gone();
      else one.once('close', gone);
    });
  }
}
