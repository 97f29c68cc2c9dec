/** Runs a program on a terminal of its own. python's pty is the one terminal that every machine with node-gyp has. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const script = `
import os, pty, signal, sys
act, ready, command = sys.argv[1], sys.argv[2:4], sys.argv[4:]
pid, fd = pty.fork()
if pid == 0: os.execv(command[0], command)
seen = b''
while not all(word.encode() in seen for word in ready): seen += os.read(fd, 4096)
if act == 'close': os.close(fd)
else:
    os.write(fd, act.encode().decode('unicode_escape').encode())
    try:
        while True: seen += os.read(fd, 4096)
    except OSError: pass
os.waitpid(pid, 0)
sys.stdout.write(seen.decode())`;

/**
 * Types `act` (an escape such as `\\x03`), or closes the terminal, once the app is up and announced. Resolves with what was on the screen
 * when the program has ended.
 */
export async function onTerminal(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  act: string,
): Promise<string> {
  const python = spawn('python3', ['-c', script, act, 'app_up', '"announced"', ...command], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  python.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(python, 'close');
  return said;
}
