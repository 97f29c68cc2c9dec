/**
 * A proxy as one writes it with http-proxy: PORT SERVICES, where SERVICES are the ports of each service as JSON. The service is the Host, its
 * endpoints are asked in turn.
 */
import { Agent, createServer, type IncomingMessage } from 'node:http';
import httpProxy from 'http-proxy';

const [, , at, text = '{}'] = process.argv;
const services = JSON.parse(text) as Readonly<Record<string, readonly number[]>>;
const turns = new Map<string, number>();
const target = ({ headers: { host = '' } }: IncomingMessage): string => {
  const turn = turns.get(host) ?? 0;
  turns.set(host, turn + 1);
  const ports = services[host] ?? [];
  return `http://127.0.0.1:${ports[turn % ports.length] ?? 1}`;
};
const proxy = httpProxy.createProxyServer({ agent: new Agent({ keepAlive: true }), proxyTimeout: 2_000 });
const server = createServer((request, response) => {
  proxy.web(request, response, { target: target(request) }, () => {
    if (!response.headersSent) response.writeHead(502, { 'content-length': 0 });
    response.end();
  });
});
server.on('upgrade', (request, socket, head) =>
  proxy.ws(request, socket, head, { target: target(request) }, () => socket.destroy()),
);
server.listen(Number(at), '127.0.0.1');
