import { equal } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';

const ours = new URL('./ports.js', import.meta.url).href;
/** Tells ports that it does not use, more than a range has. */
const script = `import { freePort } from ${JSON.stringify(ours)};
Object.defineProperty(process, 'pid', { value: 4_321 });
console.log((await Promise.all(Array.from({ length: 50 }, () => freePort()))).join());
process.stdin.resume();`;

describe('a free port', () => {
  it('is handed out by no other process, though nobody listens there yet', async (t) => {
    const ports = await Promise.all(
      [1, 2].map(async () => {
        const test = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
        t.after(() => test.kill('SIGKILL'));
        return String((await once(test.stdout, 'data'))[0])
          .trim()
          .split(',');
      }),
    );
    equal(new Set(ports.flat()).size, 100);
  });
});
