/** The small app of the demo: answers with its own name, and says on /healthz that it is well. Settings: NAME, PORT. */
import { createServer } from 'node:http';

const { NAME = 'orders', PORT = '0' } = process.env;

const server = createServer((request, response) => {
  response.setHeader('x-instance', NAME);
  if (request.url === '/healthz') return void response.end('well\n');
  setTimeout(() => response.end(`${NAME} took your order\n`), 1);
});
server.listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => {
  server.close();
  server.closeIdleConnections();
});
