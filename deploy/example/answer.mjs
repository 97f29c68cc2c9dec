// What every app of the example has: an HTTP server that says on /healthz that it is well, and that ends politely.
import { createServer } from 'node:http';

export function serve(routes) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://app');
    const route = Object.keys(routes).find((prefix) => pathname.startsWith(prefix));
    const answer = async () => {
      if (pathname === '/healthz') return [200, {}];
      return route ? routes[route](pathname.slice(route.length)) : [404, { error: 'no such thing' }];
    };
    // A call of ours that fails is a bad answer, and not our end: the sidecar may begin after us.
    const [status, body] = await answer().catch((error) => [503, { error: `${error.cause ?? error}` }]);
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  });
  server.listen(Number(process.env.PORT ?? 8080));
  // Kubernetes and Compose send SIGTERM when our sidecar has withdrawn us: what is under way is still answered.
  process.on('SIGTERM', () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}

// The sidecar listens on this pod's loopback; /svc/NAME/ is the peer. No client library, no address.
export const call = (service, path) => fetch(`http://127.0.0.1:6140/svc/${service}${path}`);
