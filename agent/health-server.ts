/**
 * The listener that Kubernetes, load balancers, Prometheus and other sidecars ask: /live, /ready, /metrics, /identity. It stands where the whole network may reach
 * it, so it only tells; how it is kept open for all is bounded-server.ts.
 *
 * Alive means that the event loop answers; being asked is the proof. Ready is somebody else's decision (see the conventions in the
 * README): neither the app's verdict nor the session is part of it, or a lost ZooKeeper would take every pod out at once.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { evicted, LIMITS, makeBoundedServer, type Limits } from './bounded-server.js';
import type { Listener } from './config/addresses.js';
import type { Emit } from './events.js';
import { listen, type Listening } from './listen.js';
import { IDENTITY_PATH, type Identity } from './trust/who-answers.js';

export interface HealthViews {
  /** `why` is one sentence; it is shown either way. */
  ready(): { readonly ready: boolean; readonly why: string };
  metrics(): Promise<{ readonly type: string; readonly text: string }>;
  /** Who we are, for sidecars whose registry cannot tell them now. */
  identity(): readonly Identity[];
}

const plain = 'text/plain; charset=utf-8';
const paths = ['/live', '/healthz', '/ready', '/metrics', IDENTITY_PATH];

export function serveHealth(
  views: HealthViews,
  listeners: readonly Listener[],
  emit: Emit,
  limits: Limits = LIMITS,
): Promise<Listening> {
  const warn = (why: string): void => emit({ kind: 'warned', why });
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    answer(views, request).then(
      ({ status, type, text, allow }) => {
        response.writeHead(status, {
          'content-type': type,
          'content-length': Buffer.byteLength(text),
          'cache-control': 'no-store',
          ...(allow === undefined ? {} : { allow }),
        });
        response.end(text); // node leaves the body out for HEAD
      },
      (error: unknown) => {
        warn(`the health listener could not answer ${pathOf(request)}: ${String(error)}`);
        response.writeHead(500, { 'content-type': plain }).end('a fault of ours\n');
      },
    );
  };
  const server = (): ReturnType<typeof makeBoundedServer> =>
    makeBoundedServer(handle, limits, () => emit(evicted('health', limits)));
  return listen(server, listeners, 'ZIDECAR_HEALTH', warn);
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly allow?: string;
}

const pathOf = ({ url = '/' }: IncomingMessage): string => url.split('?')[0]!;
const say = (status: number, sentence: string): Answer => ({ status, type: plain, text: `${sentence}\n` });

async function answer(views: HealthViews, request: IncomingMessage): Promise<Answer> {
  const path = pathOf(request);
  if (!paths.includes(path)) return say(404, `nothing here; ask for one of ${paths.join(' ')}`);
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { ...say(405, 'this listener only tells: GET and HEAD'), allow: 'GET, HEAD' };
  if (path === '/metrics') return { status: 200, ...(await views.metrics()) };
  if (path === IDENTITY_PATH)
    return { status: 200, type: 'application/json', text: `${JSON.stringify({ services: views.identity() })}\n` };
  if (path !== '/ready') return say(200, 'alive');
  const { ready, why } = views.ready();
  return say(ready ? 200 : 503, why);
}
