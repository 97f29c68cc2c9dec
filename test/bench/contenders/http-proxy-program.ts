/** A proxy as one writes it with http-proxy: PORT HOST:PORT... in turn, connections kept, a request id and Via added. */
import { randomUUID } from 'node:crypto';
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';

const [port, ...endpoints] = process.argv.slice(2);
const proxy = httpProxy.createProxyServer({ agent: new Agent({ keepAlive: true, maxFreeSockets: 1024 }) });
let turn = 0;
const next = (): string => `http://${endpoints[turn++ % endpoints.length]!}`;

proxy.on('proxyReq', (request) => {
  request.setHeader('x-request-id', randomUUID());
  request.setHeader('via', '1.1 http-proxy');
});
proxy.on('proxyRes', (answer) => {
  answer.headers['via'] = '1.1 http-proxy';
});
const server = createServer({ keepAliveTimeout: 3_600_000 }, (request, response) => {
  proxy.web(request, response, { target: next() }, () => {
    if (!response.headersSent) response.writeHead(502, { 'content-length': 0 });
    response.end();
  });
});
server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head, { target: next() }, () => socket.destroy()));
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
