/** The code as prettier and eslint judge it. It is judged beside the other tests, since most of those wait, and alone it is a seventh of a run. */
import { equal } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';

it('no file has a fault by `npm run lint`', async () => {
  const lint = spawn('npm', ['run', '--silent', 'lint'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [said, warned] = await Promise.all([text(lint.stdout), text(lint.stderr), once(lint, 'exit')]);
  equal(lint.exitCode, 0, said + warned);
});
