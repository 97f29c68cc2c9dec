/** `zidecar services --watch` with a registry of the test's own; the real one is in flows/services-watch.test.ts. */
import { deepEqual, rejects } from 'node:assert/strict';
import { it } from 'node:test';
import type { Fleet } from '../../agent/services.js';
import { watchServices } from '../../agent/watch-services.js';
import { eventually } from '../support/program.js';

const over = new Error('the test is over');
const limit = { timeout: 240_000 };

async function watched(
  signal: AbortSignal,
  answers: boolean,
  isEnough: (out: readonly string[], err: readonly string[]) => boolean,
) {
  const [out, err]: [string[], string[]] = [[], []];
  const stream = (lines: string[]): NodeJS.WriteStream =>
    ({ write: (text: string) => lines.push(text) }) as unknown as NodeJS.WriteStream;
  let isOver = false;
  const ended = watchServices(
    {
      tree: {
        session: { state: 'connected', id: '1', epoch: 1, timeoutMs: 30_000 },
        exists: () => (answers ? Promise.resolve(undefined) : new Promise(() => undefined)),
      },
      around: { stdout: stream(out), stderr: stream(err), env: {} } as unknown as Parameters<typeof watchServices>[0]['around'],
      look: () => {
        if (isOver) throw over;
        return Promise.resolve({ rows: [], missing: undefined, complete: false } satisfies Fleet);
      },
      show: () => 'cut short',
      trouble: () => '',
    },
    'whole',
  );
  const enough = eventually(() => signal.aborted || isEnough(out, err)).finally(() => (isOver = true));
  await Promise.all([rejects(ended, over), enough]);
  return out;
}

it('keeps the whole table when a look was cut short by a registry that says nothing any more', limit, async ({ signal }) => {
  const out = await watched(signal, false, (_, err) => err.some((line) => line.startsWith('no answer from the registry')));
  deepEqual(out, ['whole\n']);
});

it('shows what there was time for when the registry still answers', limit, async ({ signal }) => {
  const out = await watched(signal, true, ({ length }) => length === 2);
  deepEqual(out, ['whole\n', 'cut short\n']);
});
