/**
 * Asks the app by HTTP/1.1: GET, and the status decides, 200 to 399 being a pass. Redirects are not followed, for the app has
 * answered. The answer must arrive whole, since an app that cuts its own answers is not well, but no more than 64 KiB are read.
 *
 * Every check has a connection of its own. A kept one would ask a process that no longer accepts, and one that the app closes in
 * the moment of asking would count as a fail. An abort destroys that connection, and with it whatever waits for the answer.
 */
import { Client, errors, type buildConnector, type Dispatcher } from 'undici';
import { broke, connect } from './connect.js';
import type { Probe } from './probe.js';

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
      const open = (_: unknown, done: buildConnector.Callback): void => {
        connect(host, port, signal).then(
          (socket) => done(null, socket),
          (error: unknown) => done(error as Error, null),
        );
      };
      const client = new Client(url.origin, { pipelining: 0, connect: open });
      try {
        const status = await get(client, url);
        if (status >= 200 && status <= 399) return { kind: 'pass' };
        const why = `${url.href} answered ${status}`;
        return { kind: 'fail', why, ...(status === 404 && { hint: `${why}: ${HINT}` }) };
      } catch (error) {
        const garbage = error instanceof errors.HTTPParserError;
        return garbage ? { kind: 'fail', why: `${url.href} does not speak HTTP: ${error.message}` } : broke(url.href, error);
      } finally {
        await client.destroy();
      }
    },
  };
}

async function get(client: Client, url: URL): Promise<number> {
  const { statusCode, body } = await client.request({
    method: 'GET',
    path: `${url.pathname}${url.search}`,
    headers: { 'user-agent': 'zidecar-probe', accept: '*/*' },
  });
  await drain(body);
  return statusCode;
}

/** Reads to the end, or as much as we are willing to; leaving the loop ends the stream. */
async function drain(body: Dispatcher.ResponseData['body']): Promise<void> {
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_BODY) return;
  }
}
