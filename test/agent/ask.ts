import { once } from 'node:events';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request to `127.0.0.1:1234`, `[::1]:1234` or `unix:/path`, on a connection of its own. */
export async function ask(at: string, path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answered> {
  const place = at.startsWith('unix:')
    ? { socketPath: at.slice(5) }
    : { host: at.slice(0, at.lastIndexOf(':')).replace(/[[\]]/g, ''), port: Number(at.slice(at.lastIndexOf(':') + 1)) };
  const asking = request({ ...place, path, method, headers, agent: false });
  asking.end(body);
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(response, 'end');
  return { status: response.statusCode!, headers: response.headers, text };
}

/** Writes these bytes and resolves with all that comes back, when the other side has ended the connection. */
export async function raw(at: string, bytes: string): Promise<string> {
  const socket = connect(Number(at.slice(at.lastIndexOf(':') + 1)), '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined); // a reset is an end too
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}
