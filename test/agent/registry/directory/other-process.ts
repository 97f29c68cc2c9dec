/**
 * Another process with a tree in the same folder. As a module: starts one and asks it for things. As the program that is started: opens
 * the tree that its arguments name and does what it is asked, over the channel that `fork` gives.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openDirectory } from '../../../../agent/registry/directory.js';
import { RegistryError } from '../../../../agent/registry/tree.js';
import type { Mode } from '../../../../agent/registry/tree.js';
import { clock, random } from '../../../../agent/system.js';
import { dieWithUs, holding } from '../../../support/die-with-us.js';
import { bytes, connected } from '../tree-contract.js';

export type Ask =
  /** Creates each node in turn; answers for each with the path that was made, or the code of the failure. */
  | { readonly create: readonly string[]; readonly mode: Mode; readonly data?: string }
  /** Writes the node again and again for ever, each time with its next version as the data. */
  | { readonly writeForEver: string }
  /** Answers with the states of the session since the last time. */
  | { readonly states: true };

const self = fileURLToPath(import.meta.url);

export async function startOther(folder: string, sessionTimeoutMs: number) {
  const child = fork(self, [folder, `${sessionTimeoutMs}`], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  dieWithUs(child);
  await holding(once(child, 'message')); // it is connected
  return {
    async ask(what: Ask): Promise<readonly string[]> {
      const answered = once(child, 'message');
      child.send(what);
      // one that writes for ever never answers, and keeps nobody
      const [answer] = (await ('writeForEver' in what ? answered : holding(answered))) as [readonly string[]];
      return answer;
    },
    signal: (name: 'SIGSTOP' | 'SIGCONT') => child.kill(name),
    async kill(): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = holding(once(child, 'exit'));
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function serve([folder = '', timeout = '']: readonly string[]): Promise<void> {
  const states: string[] = [];
  const tree = openDirectory({ path: folder, sessionTimeoutMs: Number(timeout), clock, random, emit: () => undefined });
  tree.onSession(({ state, epoch }) => states.push(`${state} ${epoch}`));
  const answer = async (ask: Ask): Promise<readonly string[]> => {
    if ('states' in ask) return states.splice(0);
    if ('create' in ask) {
      const results: string[] = [];
      for (const path of ask.create) {
        const made = tree.create(path, bytes(ask.data ?? ''), ask.mode).then(
          (created) => created.path,
          (error: unknown) => (error instanceof RegistryError ? error.code : String(error)),
        );
        results.push(await made);
      }
      return results;
    }
    for (let { version } = (await tree.exists(ask.writeForEver))!; ;) {
      ({ version } = await tree.write(ask.writeForEver, bytes(`${version + 1}`), version));
    }
  };
  process.on('message', (ask: Ask) => void answer(ask).then((said) => process.send!(said)));
  process.on('disconnect', () => process.exit());
  await connected(tree);
  process.send!([]);
}

if (process.argv[1] === self) await serve(process.argv.slice(2));
