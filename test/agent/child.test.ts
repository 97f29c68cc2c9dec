/** Real processes. The parent is a small program of its own where signals or the parent's end are looked at. */
import { deepEqual, equal, match, notEqual } from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { Child } from '../../agent/child.js';
import type { Fact } from '../../agent/events.js';

const folder = mkdtempSync(join(tmpdir(), 'zidecar-child-'));
const parents: Parent[] = [];
after(() => {
  rmSync(folder, { recursive: true });
  for (const { process: sidecarOf, app } of parents)
    if (sidecarOf.exitCode === null && sidecarOf.signalCode === null)
      for (const end of [app, sidecarOf.pid!]) process.kill(end, 'SIGKILL');
});

const start = (command: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = process.env) => {
  const facts: Fact[] = [];
  const child = Child.start(command, args, env, (fact) => facts.push(fact));
  return { child, facts };
};
const node = (code: string): [string, string[]] => [process.execPath, ['-e', code]];
const built = JSON.stringify(new URL('../../agent/child.js', import.meta.url).href);

/** An app that says which signals it hears, and ends with 7 on SIGTERM. */
const app = `
  for (const name of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'])
    process.on(name, () => console.log('app ' + name));
  process.on('SIGTERM', () => process.exit(7));
  setInterval(() => {}, 1000);
  console.log('app ' + process.pid);`;
/** A sidecar that is nothing but its child; it hears SIGTERM, does not pass it on, and takes its child's exit code over. */
const sidecar = (more = ''): string => `
  import { Child } from ${built};
  const child = Child.start(process.execPath, ['-e', ${JSON.stringify(app)}], process.env, () => {});
  child.passSignals();
  for (const name of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP']) process.on(name, () => console.log('sidecar ' + name));
  process.on('SIGWINCH', () => console.log('sidecar SIGWINCH'));
  child.ended.then((code) => process.exit(code));
  ${more}
  console.log('sidecar hears');`;

interface Parent {
  readonly process: ChildProcess;
  readonly app: number;
  readonly line: () => Promise<string>;
}
async function sidecarProcess(more = ''): Promise<Parent> {
  const stderr = more ? 'ignore' : 'inherit'; // a fault that is made on purpose need not be read by everybody
  const started = spawn(process.execPath, ['--input-type=module', '-e', sidecar(more)], {
    stdio: ['ignore', 'pipe', stderr],
    detached: true,
  });
  const lines = on(createInterface(started.stdout), 'line');
  const line = async (): Promise<string> => ((await lines.next()).value as [string])[0];
  const ready = [await line(), await line()].sort(); // whichever of the two is quicker
  deepEqual(ready[1], 'sidecar hears');
  const parent = { process: started, app: Number(ready[0]!.slice('app '.length)), line };
  parents.push(parent);
  return parent;
}

/** Resolves when the process is no more; a zombie that nobody has buried counts as gone. */
async function gone(pid: number): Promise<void> {
  const alive = (): boolean => {
    try {
      return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
    } catch {
      return false;
    }
  };
  while (alive()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('child', () => {
  it("ends with its program's exit code, and tells its start and its end", async () => {
    const { child, facts } = start(...node('process.exit(3)'));
    equal(await child.ended, 3);
    const [started, ended] = facts;
    equal(started?.kind === 'child_started' && started.command, process.execPath);
    notEqual(started?.kind === 'child_started' && started.pid, process.pid);
    deepEqual([ended, facts.length], [{ kind: 'child_ended', code: 3 }, 2]);
  });

  it('ends with 128 and the number of the signal that ended it', async () => {
    const { child, facts } = start(...node('setInterval(() => {}, 1000)'));
    child.signal('SIGTERM');
    equal(await child.ended, 143);
    deepEqual(facts.at(-1), { kind: 'child_ended', code: 143, signal: 'SIGTERM' });
  });

  it('hands over its arguments and its environment as they are', async () => {
    const code = `process.exit(process.env.GREETING === 'a b' && process.argv[1] === '$HOME *' ? 0 : 1)`;
    const { child } = start(process.execPath, ['-e', code, '$HOME *'], { GREETING: 'a b' });
    equal(await child.ended, 0);
  });

  it('ends with 127 when there is no such command, and says so', async () => {
    const { child, facts } = start('no-such-command-here');
    equal(await child.ended, 127);
    deepEqual(facts, [{ kind: 'warned', why: 'cannot start "no-such-command-here": there is no such file, here or in PATH' }]);
    child.signal('SIGTERM');
  });

  it('ends with 127 when the interpreter of a script is missing, and does not say that the script is', async () => {
    const file = join(folder, 'script');
    writeFileSync(file, '#!/no/such/interpreter\n', { mode: 0o755 });
    const { child, facts } = start(file);
    equal(await child.ended, 127);
    match(facts[0]?.kind === 'warned' ? facts[0].why : '', /^cannot start ".*script": it is there, but the interpreter/);
  });

  it('ends with 126 when the file cannot be executed, and says so', async () => {
    const file = join(folder, 'text');
    writeFileSync(file, 'just text');
    chmodSync(file, 0o644);
    const { child, facts } = start(file);
    equal(await child.ended, 126);
    match(facts[0]?.kind === 'warned' ? facts[0].why : '', /^cannot start ".*text": .*EACCES/);
  });

  it('ends with 126 when the system refuses its arguments', async () => {
    const { child } = start('true', ['x'.repeat(4 * 1024 * 1024)]);
    equal(await child.ended, 126);
  });

  it('takes a signal after its end without a word', async () => {
    const { child } = start('true');
    equal(await child.ended, 0);
    child.signal('SIGTERM');
  });

  it('leaves no listener behind', async () => {
    const count = (): number => process.listenerCount('exit') + process.listenerCount('SIGHUP');
    const before = count();
    for (const command of ['true', 'no-such-command-here']) {
      const { child } = start(command);
      const stop = child.passSignals();
      await child.ended;
      stop();
    }
    equal(count(), before);
  });
});

describe('signals to the sidecar', () => {
  it('reach the child, each once, and what asks for an end does not', async () => {
    const { process: sidecarOf, app, line } = await sidecarProcess();
    const heard: string[] = [];
    // to the whole group, as a supervisor sends them
    for (const name of ['SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGTERM'] as const) {
      process.kill(-sidecarOf.pid!, name);
      heard.push(await line());
    }
    sidecarOf.kill('SIGWINCH');
    heard.push(...[await line(), await line()].sort());
    deepEqual(heard, [
      'app SIGUSR1',
      'app SIGUSR2',
      'sidecar SIGINT',
      'sidecar SIGQUIT',
      'sidecar SIGHUP',
      'sidecar SIGTERM',
      'app SIGWINCH',
      'sidecar SIGWINCH',
    ]);
    process.kill(app, 'SIGTERM');
    await once(sidecarOf, 'exit');
  });

  it('let it end with the code of a child that was told to end', async () => {
    const { process: sidecarOf, app } = await sidecarProcess();
    process.kill(app, 'SIGTERM');
    deepEqual(await once(sidecarOf, 'exit'), [7, null]);
  });

  it('stop it with the sidecar on Ctrl-Z, and let it go on again', async () => {
    const { process: sidecarOf, app } = await sidecarProcess();
    const state = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) (.).*$/s, '$1');
    const both = async (stopped: boolean): Promise<void> => {
      while ([app, sidecarOf.pid!].some((pid) => (state(pid) === 'T') !== stopped))
        await new Promise((resolve) => setTimeout(resolve, 20));
    };
    sidecarOf.kill('SIGTSTP');
    await both(true);
    sidecarOf.kill('SIGCONT');
    await both(false);
    process.kill(app, 'SIGTERM');
    deepEqual(await once(sidecarOf, 'exit'), [7, null]);
  });
});

describe('a sidecar that ends before its child', () => {
  for (const [claim, fault] of [
    ['by an exception that nobody caught', `throw new Error('a fault of ours');`],
    ['by leaving at once', 'process.exit(143);'],
  ] as const) {
    it(`takes it with it, and what it started: ${claim}`, async () => {
      const { process: sidecarOf, app } = await sidecarProcess(`process.on('SIGALRM', () => { ${fault} });`);
      sidecarOf.kill('SIGALRM');
      await once(sidecarOf, 'exit');
      await gone(app);
    });
  }
});
