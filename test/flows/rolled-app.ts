/** An app as many are: it answers with its version, takes a moment for it, and ends when it is told to, as soon as its running calls have. */
import { createServer } from 'node:http';

const { VERSION = '', PORT = '0' } = process.env;
const server = createServer((asked, response) => {
  asked.resume();
  if (asked.url === '/healthz') return void response.end();
  setTimeout(() => response.end(VERSION), 15);
}).listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
