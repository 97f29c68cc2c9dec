/**
 * Every call that the admin answers, in one table: `GET /` is made from it. A route turns a request that has been let in into a status
 * and a view; it knows nothing of sockets. A refusal is an answer like any other.
 */
import { nearest } from '../config/nearest.js';
import { quote } from '../printable.js';
import { rehearsedOf } from './rehearsal.js';
import { isProblem, readAnnouncementChange, readLevel, readOverruling, type Fields, type Problem } from './body.js';
import { callsView, configView, eventsView, statusView, upstreamsView, whyView, type Changes, type Views } from './views.js';

export interface Answer {
  readonly status: number;
  /** A text for a person, or anything that goes out as JSON. */
  readonly body: unknown;
}

export interface Ask {
  /** What stands for NAME in the path, decoded; '' where there is none. */
  readonly name: string;
  /** Behind the `?`. */
  readonly query: URLSearchParams;
  /** Reads the body; once. */
  readonly body: () => Promise<Fields | Problem>;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** `NAME` stands for one segment. */
  readonly path: string;
  readonly about: string;
  readonly answer: (ask: Ask) => Answer | Promise<Answer>;
}

export const refusal = (status: number, error: string, message: string): Answer => ({ status, body: { error, message } });
/** What a person can do who asks for a name that nobody follows here. */
function notFollowed(name: string, known: readonly string[]): string {
  const some = known.length > 5 ? `${known.length} peers, the nearest name being ${nearest(name, known)}` : known.join(', ');
  const here = known.length === 0 ? 'no peer is followed yet' : `followed are ${some}`;
  return (
    `${quote(name, 100)} is not followed here: ${here}. A peer is followed once it is called or ZIDECAR_UPSTREAMS names it; ` +
    `zidecar services NAME looks into the registry`
  );
}

const notRemembered = (id: string): string =>
  `no call with the x-request-id ${quote(id, 100)} is remembered: kept are the last 1,000 that took more than one attempt, that we refused or ` +
  `that failed, and all while ZIDECAR_ACCESS_LOG is on`;

const ok = (body: unknown): Answer => ({ status: 200, body });

/** Reads the body with `read` and hands on what it says; a body that says nothing is refused. */
const told =
  <T extends object>(read: (fields: Fields) => T | Problem, then: (value: T) => Answer): Route['answer'] =>
  async ({ body }) => {
    const fields = await body();
    const value = isProblem(fields) ? fields : read(fields);
    return isProblem(value) ? refusal(400, value.error, value.message) : then(value);
  };

export function makeRoutes(views: Views, changes: Changes): readonly Route[] {
  const announcements = (): Answer => ok({ announcements: views.announcements() });
  const unknown = (name: string): Answer => {
    const known = [...views.upstreams()].map((one) => one.name);
    return refusal(404, 'unknown_upstream', notFollowed(name, known));
  };
  const get = (path: string, about: string, answer: Route['answer']): Route => ({ method: 'GET', path, about, answer });
  const post = (path: string, about: string, answer: Route['answer']): Route => ({ method: 'POST', path, about, answer });

  const routes: Route[] = [
    get('/status', 'how it is, in one answer', () => ok(statusView(views))),
    get('/upstreams', 'peers and their endpoints', () => ok(upstreamsView(views))),
    get('/upstreams/NAME/why', 'why each endpoint of a peer is called, or is not', ({ name }) => {
      const view = whyView(views, name);
      return view ? ok(view) : unknown(name);
    }),
    post(
      '/upstreams/NAME/doubtful',
      '{"doubtful": "drop"}: its doubtful endpoints are gone; {"doubtful": "trust"}: they need prove nothing',
      (asked) =>
        told(readOverruling, ({ what }) =>
          changes.overrule(asked.name, what) === undefined ? unknown(asked.name) : ok(whyView(views, asked.name)),
        )(asked),
    ),
    get('/announcement', 'our own services in the registry', announcements),
    get('/session', 'the session of the registry', () => ok(views.session())),
    get('/config', 'the settings, each with its origin', () => ok(configView(views))),
    get('/events', 'the last transitions, oldest first', () => ok(eventsView(views))),
    get('/call', '?url=http://NAME/…: what would become of a call; nothing is sent', ({ query }) => {
      const call = rehearsedOf(query);
      return isProblem(call) ? refusal(400, call.error, call.message) : ok(views.rehearse(call));
    }),
    get('/calls', 'the last calls that were not plain, newest first', () => ok(callsView(views))),
    get('/calls/NAME', 'what became of the calls with this x-request-id', ({ name }) => {
      const view = callsView(views, name);
      return view.calls.length > 0 ? ok(view) : refusal(404, 'unknown_call', notRemembered(name));
    }),
    post(
      '/announcement',
      '{"weight": 5}, {"status": "drain"} or {"status": "up"}',
      told(readAnnouncementChange, (change) => {
        if (views.announcements().length === 0)
          return refusal(400, 'nothing_announced', 'this sidecar announces nothing: set ZIDECAR_SERVICE');
        const refused = changes.setAnnouncement(change);
        return refused ? refusal(400, 'refused', refused.refused) : announcements();
      }),
    ),
    post('/drain', 'withdraw, and answer when peers can know; with ?wait=0 at once', async ({ query }) => {
      const wait = query.get('wait') ?? '1';
      if (wait !== '0' && wait !== '1') return refusal(400, 'bad_wait', 'wait must be 0 or 1');
      await changes.drain({ wait: wait === '1' });
      return announcements();
    }),
    post('/undrain', 'announce again', () => {
      const refused = changes.undrain();
      return refused ? refusal(400, 'refused', refused.refused) : announcements();
    }),
    post('/shutdown', 'stop in order, as on SIGTERM', () => {
      changes.shutdown();
      return ok({ phase: views.process().phase });
    }),
    post(
      '/log-level',
      '{"level": "debug"}',
      told(readLevel, ({ level }) => {
        changes.setLogLevel(level);
        return ok({ level });
      }),
    ),
  ];
  const { version } = views.process();
  const list = routes.map(({ method, path, about }) => `${method.padEnd(4)}  ${path.padEnd(20)}  ${about}\n`).join('');
  return [get('/', 'this list', () => ok(`zidecar ${version}, ${views.process().phase}\n\n${list}`)), ...routes];
}

/**
 * The route for a path and a method (HEAD asks as GET does), or why there is none: `allow` lists the methods that the path has, and is
 * empty where nothing is at that path.
 */
export function findRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { readonly route: Route; readonly name: string } | { readonly allow: readonly string[] } {
  const there = routes.flatMap((route) => {
    const name = match(route.path, path);
    return name === undefined ? [] : [{ route, name }];
  });
  const found = there.find(({ route }) => route.method === (method === 'HEAD' ? 'GET' : method));
  return found ?? { allow: there.flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])) };
}

/** The segment that stands for NAME, '' where the pattern has none, undefined where the path is another. */
function match(pattern: string, path: string): string | undefined {
  const [before, after] = pattern.split('NAME');
  if (after === undefined) return pattern === path ? '' : undefined;
  if (!path.startsWith(before!) || !path.endsWith(after)) return undefined;
  const segment = path.slice(before!.length, path.length - after.length);
  if (segment === '' || segment.includes('/')) return undefined;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
