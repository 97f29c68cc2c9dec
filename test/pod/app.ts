/**
 * The app of every pod: answers with its pod's name on APP_PORT, ends politely on SIGTERM, and calls others by way of its sidecar when
 * the test says so. The test talks to it over the channel that Node gives a child, which crosses networks.
 */
import { createServer } from 'node:http';
import { Calling, type Tally } from '../support/calls.js';

export interface Told {
  readonly id: number;
  readonly say: 'call' | 'total' | 'stop' | 'get';
  /** Of `call`: the service; of `get`: a URL. */
  readonly what?: string;
  readonly method?: string;
  readonly workers?: number;
  readonly pauseMs?: number;
}

/** A tally as it crosses a channel. */
export interface Report {
  readonly total: number;
  readonly lost: readonly string[];
  readonly by: Readonly<Record<string, number>>;
}

const { POD_NAME = 'app', APP_PORT = '8080', OUTBOUND = '127.0.0.1:6140' } = process.env;
let calls: Calling[] = [];

const server = createServer((asked, response) => {
  asked.resume();
  // long enough that a pod which ends has calls under way
  if (asked.url === '/healthz') response.end();
  else setTimeout(() => response.end(POD_NAME), 5);
}).listen(Number(APP_PORT), '::', () => console.log('ready'));

process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});

const together = (tallies: readonly Tally[]): Report => {
  const by: Record<string, number> = {};
  for (const tally of tallies) for (const [name, count] of tally.by) by[name] = (by[name] ?? 0) + count;
  return { total: tallies.reduce((sum, { total }) => sum + total, 0), lost: tallies.flatMap(({ lost }) => lost), by };
};

async function answer({ say, what = '', method = 'GET', workers = 4, pauseMs = 10 }: Told): Promise<unknown> {
  if (say === 'call') calls.push(new Calling(OUTBOUND, what, { workers, pauseMs, method }));
  else if (say === 'total') return calls.reduce((sum, { total }) => sum + total, 0);
  else if (say === 'get') return await (await fetch(what, { signal: AbortSignal.timeout(2_000) })).json();
  else {
    const ended = await Promise.all(calls.map((each) => each.stop()));
    calls = [];
    return together(ended);
  }
  return undefined;
}

process.on('message', (told: Told) => {
  answer(told).then(
    (result) => process.send?.({ id: told.id, result }),
    (error: unknown) => process.send?.({ id: told.id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
