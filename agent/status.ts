/**
 * The commands that ask a running sidecar: `zidecar status`, `why`, `events`, `doubtful`, `drain` and `undrain`. Each gives what to print and the exit
 * code: 0 done, 1 the sidecar said no, 69 no sidecar answers. What the process does with them is not known here.
 */
import type { Clock } from '../lb/ports.js';
import type { Rehearsal } from '../lb/rehearse.js';
import { askAdmin, NoSidecar } from './admin/client.js';
import { renderStatus, renderWhy } from './admin/render.js';
import { renderCalls, renderEvents, renderRehearsal } from './admin/tell-call.js';
import type { AnnouncementView, EventsView, PastCallView, StatusView, WhyView } from './admin/views.js';
import type { Listener } from './config/addresses.js';
import { printable } from './printable.js';
import type { Paint } from './text.js';

export interface AskedCall {
  readonly call: string;
  readonly method: string;
  /** `NAME: VALUE` */
  readonly headers: readonly string[];
}

export interface Asking {
  /** Of ZIDECAR_ADMIN, the first is asked; none: the admin is off. */
  readonly admin: readonly Listener[];
  /** Print the view as it came. */
  readonly json: boolean;
  readonly paint: Paint;
  /** Of the terminal; undefined where there is none. */
  readonly width: number | undefined;
  readonly clock: Pick<Clock, 'wall' | 'after'>;
}

/** `text` goes to the standard output when `code` is 0, else to the standard error. */
export interface Told {
  readonly code: 0 | 1 | 69;
  readonly text: string;
}

const ANSWER_MS = 5_000;
/** A drain waits until peers can know, which is a setting of the sidecar; Kubernetes ends a preStop hook by its own clock. */
const DRAIN_MS = 10 * 60_000;

export const status = (asking: Asking): Promise<Told> =>
  ask(asking, 'GET', '/status', ANSWER_MS, (view) =>
    renderStatus(view as StatusView, asking.clock.wall(), asking.paint, asking.width),
  );

export const why = (asking: Asking, name: string): Promise<Told> =>
  ask(asking, 'GET', `/upstreams/${encodeURIComponent(name)}/why`, ANSWER_MS, (view) =>
    renderWhy(view as WhyView, asking.clock.wall(), asking.paint, asking.width),
  );

/** Shows what is called after it. */
export const overrule = (asking: Asking, name: string, what: 'trust' | 'drop'): Promise<Told> =>
  ask(
    asking,
    'POST',
    `/upstreams/${encodeURIComponent(name)}/doubtful`,
    ANSWER_MS,
    (view) => renderWhy(view as WhyView, asking.clock.wall(), asking.paint, asking.width),
    { doubtful: what },
  );
/** `call`: a URL or a path, of which nothing is sent; or the x-request-id of one that was. */
export const whyCall = (asking: Asking, { call, method, headers }: AskedCall): Promise<Told> => {
  if (!/^(\/|http:\/\/)/.test(call))
    return ask(asking, 'GET', `/calls/${encodeURIComponent(call)}`, ANSWER_MS, (view) =>
      renderCalls((view as { readonly calls: readonly PastCallView[] }).calls, asking.clock.wall(), asking.paint, asking.width),
    );
  const query = new URLSearchParams({ url: call, method });
  for (const header of headers) query.append('header', header);
  return ask(asking, 'GET', `/call?${query.toString()}`, ANSWER_MS, (view) =>
    renderRehearsal(view as Rehearsal, asking.paint, asking.width),
  );
};

export const events = (asking: Asking): Promise<Told> =>
  ask(asking, 'GET', '/events', ANSWER_MS, (view) =>
    renderEvents(view as EventsView, asking.clock.wall(), asking.paint, asking.width),
  );

/** Whoever is not well stays withdrawn until he is. */
export const undrain = (asking: Asking): Promise<Told> =>
  ask(asking, 'POST', '/undrain', ANSWER_MS, (view) =>
    announced(view, ({ wish, fact }) =>
      wish === 'withdrawn'
        ? 'not drained, and withdrawn while the app is down'
        : fact === 'announced'
          ? 'announced'
          : 'asked to announce again',
    ),
  );

/** With `wait` it returns when peers can know that we are gone. */
export const drain = (asking: Asking, wait: boolean): Promise<Told> =>
  ask(asking, 'POST', wait ? '/drain' : '/drain?wait=0', DRAIN_MS, (view) =>
    announced(view, ({ fact }) => (fact === 'withdrawn' ? 'withdrawn' : 'asked to withdraw')),
  );

function announced(view: unknown, says: (one: AnnouncementView) => string): string {
  const { announcements } = view as { readonly announcements: readonly AnnouncementView[] };
  const lines = announcements.map((one) => `${printable(one.service)}: ${says(one)}`);
  return lines.length > 0 ? lines.join('\n') : 'nothing is announced here';
}

async function ask(
  { admin, json, clock }: Asking,
  method: 'GET' | 'POST',
  path: string,
  timeoutMs: number,
  render: (view: unknown) => string,
  body?: object,
): Promise<Told> {
  const [at] = admin;
  if (at === undefined) return { code: 69, text: 'there is no sidecar to ask: ZIDECAR_ADMIN is off' };
  try {
    const reply = await askAdmin(at, method, path, timeoutMs, clock, body);
    if ('message' in reply) return { code: 1, text: printable(reply.message) };
    return { code: 0, text: json ? JSON.stringify(reply.view, undefined, 2) : render(reply.view) };
  } catch (error) {
    if (error instanceof NoSidecar) return { code: 69, text: printable(error.message) };
    throw error;
  }
}
