/**
 * The admin listener: lets a caller in (guard.ts), finds the route (routes.ts), and writes the answer as JSON that a person can read too.
 * It stands on the loopback, but any page of a browser and any program of the machine can reach it, so it trusts nobody's request and
 * waits for nobody long.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Listener } from '../config/addresses.js';
import { evicted, LIMITS, makeBoundedServer, type Limits } from '../bounded-server.js';
import type { Emit } from '../events.js';
import { listen, type Listening } from '../listen.js';
import { readBody } from './body.js';
import { turnedAway } from './guard.js';
import { findRoute, makeRoutes, refusal, type Answer, type Route } from './routes.js';
import { SERVER, type Changes, type Views } from './views.js';

export function serveAdmin(
  views: Views,
  changes: Changes,
  listeners: readonly Listener[],
  emit: Emit,
  limits: Limits = LIMITS,
): Promise<Listening> {
  const warn = (why: string): void => emit({ kind: 'warned', why });
  const routes = makeRoutes(views, changes);
  const own = listeners.flatMap((listener) => (listener.kind === 'tcp' ? [listener.host] : []));
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    answer(routes, own, request).then(
      (given) => write(response, given),
      (error: unknown) => {
        warn(`the admin could not answer ${request.method ?? ''} ${(request.url ?? '').split('?')[0]!}: ${String(error)}`);
        write(response, refusal(500, 'internal', 'a fault of ours; the log says more'));
      },
    );
  };
  const server = (): ReturnType<typeof makeBoundedServer> =>
    makeBoundedServer(handle, limits, () => emit(evicted('admin', limits)));
  return listen(server, listeners, 'ZIDECAR_ADMIN', warn);
}

type Given = Answer & { readonly allow?: readonly string[] };

async function answer(routes: readonly Route[], own: readonly string[], request: IncomingMessage): Promise<Given> {
  const { method = '', headers, socket } = request;
  const reading = method === 'GET' || method === 'HEAD';
  const away = turnedAway(
    { host: headers.host, origin: headers.origin, changes: !reading, localAddress: socket.localAddress },
    own,
  );
  if (away !== undefined) return refusal(403, 'forbidden', away);

  const [path = '/', query = ''] = (request.url ?? '/').split(/\?(.*)/s);
  const found = findRoute(routes, method, path);
  if ('allow' in found) {
    if (found.allow.length === 0) return refusal(404, 'not_found', 'nothing is here; GET / lists what there is');
    const why = found.allow.includes('POST') ? 'a change is a POST' : 'this only tells: GET or HEAD';
    return { ...refusal(405, 'method_not_allowed', why), allow: found.allow };
  }
  // A drain may wait for longer than a connection may otherwise be silent.
  if (found.route.method === 'POST') socket.setTimeout(0);
  const body = (): ReturnType<typeof readBody> => readBody(request);
  return found.route.answer({ name: found.name, query: new URLSearchParams(query), body });
}

function write(response: ServerResponse, { status, body, allow }: Given): void {
  const plain = typeof body === 'string';
  const text = plain ? body : `${JSON.stringify(body, withBigints, 2)}\n`;
  response.writeHead(status, {
    'content-type': `${plain ? 'text/plain' : 'application/json'}; charset=utf-8`,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    server: SERVER,
    'x-content-type-options': 'nosniff',
    ...(allow === undefined ? {} : { allow: allow.join(', ') }),
  });
  response.end(text); // node leaves the body out for HEAD
}

const withBigints = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
