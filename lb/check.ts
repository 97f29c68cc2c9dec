/**
 * One check of one endpoint: a connect, or a connect and the first line of an answer. Anything from 200 to 399 passes, as with the probes of
 * our own app. What is read is bounded; the rest of the answer concerns nobody.
 */
import type { Socket } from 'node:net';
import { dial } from './dial.js';
import type { Endpoint } from './endpoint.js';
import { CallError } from './errors.js';
import { alarm } from './alarm.js';
import type { Clock } from './ports.js';

export interface CheckTerms {
  readonly clock: Clock;
  /** Of the whole check. */
  readonly timeoutMs: number;
  /** Goes into Host. */
  readonly service: string;
  readonly path: string | undefined;
}

/** Calls back once: with nothing when it passed, with the failed connect, or with what was wrong. Returned: gives up, and calls nobody. */
export function check(
  endpoint: Endpoint,
  { clock, timeoutMs, service, path }: CheckTerms,
  done: (failed: CallError | string | undefined) => void,
): () => void {
  let stopReading = (): void => undefined;
  let over = false;
  const began = clock.now();
  const end = (failed: CallError | string | undefined): void => {
    if (over) return;
    over = true;
    stopReading();
    done(failed);
  };
  const stopDialling = dial(endpoint, { clock, connectTimeoutMs: timeoutMs }, (socket) => {
    if (socket instanceof CallError) return end(socket);
    if (over || path === undefined) {
      socket.destroy();
      return end(undefined);
    }
    const request = `GET ${path} HTTP/1.1\r\nHost: ${service}\r\nUser-Agent: zidecar-check\r\nConnection: close\r\n\r\n`;
    stopReading = firstLine(socket, request, { clock, timeoutMs, began }, end);
  });
  return () => {
    over = true;
    stopDialling();
    stopReading();
  };
}

const mostBytes = 1024;

function firstLine(
  socket: Socket,
  request: string,
  { clock, timeoutMs, began }: Pick<CheckTerms, 'clock' | 'timeoutMs'> & { readonly began: number },
  end: (failed: string | undefined) => void,
): () => void {
  let read = '';
  const stopAlarm = alarm(clock, began + timeoutMs - clock.now(), () => end(`no answer in ${timeoutMs} ms`));
  socket.on('error', (error) => end(error.message));
  socket.on('close', () => end('it closed the connection without an answer'));
  socket.on('data', (bytes: Buffer) => {
    read += bytes.toString('latin1', 0, mostBytes);
    const status = Number(/^HTTP\/1\.[01] (\d{3})[ \r]/.exec(read)?.[1]);
    if (status >= 200 && status < 400) end(undefined);
    else if (status >= 400) end(`status ${status}`);
    else if (read.includes('\n') || read.length >= mostBytes) end('it does not answer in HTTP');
  });
  socket.write(request);
  return () => {
    stopAlarm();
    socket.destroy();
  };
}
