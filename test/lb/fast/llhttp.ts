/** What node's own parser makes of bytes: the third opinion. It is reached by node's server and client over sockets that are none. */
import { createServer, request, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';

export interface Seen {
  readonly line: string;
  readonly raw: readonly string[];
  readonly body: string;
}

class Pipe extends Duplex {
  override _read(): void {
    // what is pushed is all there is
  }
  override _write(_: Buffer, __: string, done: () => void): void {
    done();
  }
}

const read = async (message: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('latin1');
};

/** The requests that node finds in the bytes, and whether it found fault with the rest. */
export async function requestsIn(bytes: string): Promise<{ readonly seen: readonly Seen[]; readonly fault: boolean }> {
  const server = createServer({ requireHostHeader: false, insecureHTTPParser: false, keepAliveTimeout: 0 });
  const messages: Promise<Seen | undefined>[] = [];
  let fault = false;
  server.on('request', (message, response) => {
    const { method = '', url = '', httpVersion, rawHeaders } = message;
    const line = `${method} ${url} HTTP/${httpVersion}`;
    messages.push(
      read(message).then(
        (body) => ({ line, raw: rawHeaders, body }),
        () => undefined, // it broke off
      ),
    );
    message.on('end', () => response.end());
  });
  const pipe = new Pipe();
  server.on('clientError', ({ code }: NodeJS.ErrnoException) => {
    fault ||= code !== 'HPE_INVALID_EOF_STATE'; // more was to come
    pipe.destroy();
  });
  server.emit('connection', pipe);
  pipe.push(Buffer.from(bytes, 'latin1'));
  await turns(6);
  pipe.push(null);
  await turns(6);
  pipe.destroy();
  const seen = await Promise.all(messages);
  return { seen: seen.filter((message) => message !== undefined), fault };
}

/** The answer that node finds at the beginning of the bytes, whose connection then ends; undefined: none, or not a whole one. */
export async function answerIn(bytes: string, method = 'GET'): Promise<Seen | undefined> {
  const pipe = new Pipe();
  const asked = request({ method, createConnection: () => pipe });
  const answer = new Promise<Seen | undefined>((resolve) => {
    asked.on('error', () => resolve(undefined));
    asked.on('upgrade', () => resolve(undefined));
    asked.on('response', (message) => {
      const { statusCode = 0, rawHeaders } = message;
      read(message).then(
        (body) => resolve(message.complete ? { line: String(statusCode), raw: rawHeaders, body } : undefined),
        () => resolve(undefined),
      );
    });
  });
  asked.end();
  await turns(2);
  pipe.push(Buffer.from(bytes, 'latin1'));
  pipe.push(null);
  const seen = await answer;
  pipe.destroy();
  return seen;
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
