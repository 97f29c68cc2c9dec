/**
 * A million watches that fire leave nothing behind in the process of the wire client, which arms each again: neither on the heap nor resident. By the
 * native package they do, 400 to 600 bytes each, and that is not ours to mend. FIRINGS=… for another number, CLIENT=native to see it.
 */
import { ok } from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { requireZooKeeper, ZooKeeperServer } from '../../../support/zookeeper.js';
import { opened, type Opened } from '../wire/opened.js';
import type { Asked, Said } from './firings-process.js';

const FIRINGS = Number(process.env['FIRINGS'] ?? 1_000_000);
const CLIENT = process.env['CLIENT'] ?? 'wire';
const NODES = 1_000;
const MOST_BYTES = 20 * 2 ** 20;
const MB = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

describe(`a million firings, by the ${CLIENT} client`, { skip: !requireZooKeeper(), timeout: 3_000_000 }, () => {
  let server: ZooKeeperServer;
  let writer: Opened;
  let child: ChildProcess;
  before(async () => {
    server = await ZooKeeperServer.start({ '-Dzookeeper.forceSync': 'no' });
    writer = opened([server], { timeoutMs: 60_000 });
    await writer.up();
    await writer.client.multi(paths.map((path) => ({ do: 'create', path })));
    const at = [CLIENT, server.host, String(server.port), String(NODES)];
    // the young generation as the image has it, or what V8 keeps for a moment would count as well
    child = fork(new URL('./firings-process.js', import.meta.url), at, { execArgv: ['--expose-gc', '--max-semi-space-size=2'] });
    await said(); // that it is connected
  });
  after(async () => {
    child.kill('SIGKILL');
    await writer.client.close();
    await server.remove();
  });

  const paths = Array.from({ length: NODES }, (_, index) => `/n${index}`);
  const said = (): Promise<Said> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error('the process has ended'));
      child.once('exit', ended).once('message', (what: Said) => {
        child.off('exit', ended);
        resolve(what);
      });
    });
  const ask = (asked: Asked): Promise<Said> => {
    const answer = said();
    child.send(asked);
    return answer;
  };
  const round = async (): Promise<void> => {
    await ask('arm');
    const fired = said();
    await writer.client.multi(paths.map((path) => ({ do: 'set', path, data: new Uint8Array() })));
    await fired;
  };
  const memory = async (): Promise<{ readonly resident: number; readonly heap: number }> =>
    (await ask('memory')) as { readonly resident: number; readonly heap: number };

  it('grow the memory of its process by less than 20 MB', async (t) => {
    for (let done = 0; done < FIRINGS / 20; done += NODES) await round(); // what is needed for a moment is there then
    const was = await memory();
    for (let done = 0; done < FIRINGS; done += NODES) await round();
    const is = await memory();
    t.diagnostic(
      `${FIRINGS} firings: ${MB(is.resident - was.resident)} MB more resident, ${MB(is.heap - was.heap)} MB on the heap`,
    );
    ok(is.resident - was.resident < MOST_BYTES, `${is.resident - was.resident} bytes more`);
    ok(is.heap - was.heap < MOST_BYTES / 20, `${is.heap - was.heap} bytes more on the heap`);
  });
});
