/**
 * Asks the app by HTTP/1.1: GET, and the status decides, 200 to 399 being a pass. Redirects are not followed, for the app has
 * answered. The answer must arrive whole, since an app that cuts its own answers is not well, but no more than 64 KiB are read.
 *
 * Every check has a connection of its own. A kept one would ask a process that no longer accepts, and one that the app closes in
 * the moment of asking would count as a fail. An abort destroys that connection, and with it whatever waits for the answer.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { broke, connect } from './connect.js';
import type { Probe, ProbeResult } from './probe.js';

const { request } = process.getBuiltinModule('node:http'); // not by an import: see lb/node-http.ts

const MAX_BODY = 64 * 1024;
const HINT = 'set ZIDECAR_PROBE=tcp or a path that answers 200';

export interface HttpProbeOptions {
  /** `http:` only; a name or an address, a port, a path with or without a query. */
  readonly url: string;
}

export function httpProbe(options: HttpProbeOptions): Probe {
  const url = new URL(options.url);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port || 80);
  return {
    name: url.href,
    async check(signal) {
      let socket: Socket | undefined;
      try {
        socket = await connect(host, port, signal);
        const status = await get(socket, url);
        if (status >= 200 && status <= 399) return { kind: 'pass' };
        const why = `${url.href} answered ${status}`;
        return { kind: 'fail', why, ...(status === 404 && { hint: `${why}: ${HINT}` }) };
      } catch (error) {
        return misbehaved(url.href, error as NodeJS.ErrnoException) ?? broke(url.href, error);
      } finally {
        socket?.destroy();
      }
    },
  };
}

/** Resolves with the status when the answer is whole, or large enough. */
function get(socket: Socket, { host, pathname, search }: URL): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host, 'user-agent': 'zidecar-probe', accept: '*/*' };
    const asked = request({ createConnection: () => socket, path: `${pathname}${search}`, headers });
    asked.on('response', (answer) => {
      drain(answer).then(() => resolve(answer.statusCode ?? 0), reject);
    });
    asked.on('upgrade', ({ statusCode = 0 }) => resolve(statusCode));
    asked.on('error', reject);
    asked.end();
  });
}

/** Reads to the end, or as much as we are willing to; leaving the loop ends the stream. */
async function drain(answer: IncomingMessage): Promise<void> {
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > MAX_BODY) return;
  }
}

/** What only HTTP can be wrong with. Node calls a connection that ended too early a reset too, but no system call has said so. */
function misbehaved(where: string, { code, syscall, message }: NodeJS.ErrnoException): ProbeResult | undefined {
  if (code?.startsWith('HPE_') === true) return { kind: 'fail', why: `${where} does not speak HTTP: ${message}` };
  if (code !== 'ECONNRESET' || syscall !== undefined) return undefined;
  return { kind: 'fail', why: `${where} closed the connection before its answer was complete` };
}
