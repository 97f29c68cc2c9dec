import { equal, throws } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { eventually } from './program.js';

const ours = new URL('./die-with-us.js', import.meta.url).href;
/** Starts a child in a session of its own, and tells its pid. */
const script = `import { spawn } from 'node:child_process';
import { dieWithUs, holding } from ${JSON.stringify(ours)};
const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1e9)'], { detached: true });
dieWithUs(child);
console.log(child.pid);
await holding(new Promise(() => undefined));`;

describe('what a test has started', () => {
  it('ends with its test when the runner ends that by a signal', async () => {
    const test = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [told] = (await once(test.stdout, 'data')) as [Buffer];
    const pid = Number(told.toString());
    equal(process.kill(pid, 0), true);
    test.kill('SIGTERM');
    await once(test, 'exit');
    await eventually(() => {
      try {
        return !process.kill(pid, 0);
      } catch {
        return true;
      }
    });
    throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });
});
