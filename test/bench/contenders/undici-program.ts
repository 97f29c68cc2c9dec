/** A proxy as one writes it with undici behind node:http: PORT HOST:PORT... in turn, connections kept, a request id and Via added. */
import { randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { Pool } from 'undici';

const [port, ...endpoints] = process.argv.slice(2);
const pools = endpoints.map((at) => new Pool(`http://${at}`, { connections: 256 }));
const ofOneConnection = new Set(['connection', 'keep-alive', 'transfer-encoding', 'te', 'upgrade', 'proxy-connection', 'expect']);
let turn = 0;

const server = createServer({ keepAliveTimeout: 3_600_000 }, (request, response) => {
  const headers: string[] = ['x-request-id', randomUUID(), 'via', '1.1 undici'];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index]!;
    if (!ofOneConnection.has(name.toLowerCase())) headers.push(name, request.rawHeaders[index + 1]!);
  }
  const method = request.method ?? 'GET';
  const body = method === 'GET' || method === 'HEAD' ? null : request;
  pools[turn++ % pools.length]!.stream(
    { path: request.url ?? '/', method, headers, body, opaque: response },
    ({ statusCode, headers: answered, opaque }) => {
      const kept = Object.fromEntries(Object.entries(answered).filter(([name]) => !ofOneConnection.has(name)));
      return (opaque as ServerResponse).writeHead(statusCode, { ...kept, via: '1.1 undici' });
    },
  ).catch(() => {
    if (!response.headersSent) response.writeHead(502, { 'content-length': 0 });
    response.end();
  });
});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
