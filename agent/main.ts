#!/usr/bin/env node
/** The edge: arguments, environment and signals in, one exit code out. The only file that ends the process. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

/** EX_SOFTWARE of sysexits.h: whatever reaches this is a fault of ours. */
const FAULT = 70;
const fault = (error: unknown): never => {
  process.stderr.write(
    `zidecar: a fault of ours, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return process.exit(FAULT);
};
process.on('uncaughtException', fault);
process.on('unhandledRejection', fault);
// Whoever reads our output may go away (`zidecar services | head`): that is an end, not a fault.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? process.exit(0) : fault(error)));
}

/** The words of the line for us; under the name that kubectl looks for, those that are for kubectl are done with here. */
async function words(): Promise<readonly string[]> {
  const argv = process.argv.slice(2);
  if (!/^kubectl-zidecar\b/.test(basename(process.argv[1]!))) return argv;
  const { pluginLine } = await import('../deploy/plugin/line.js');
  const line = pluginLine(argv);
  if (line.kind === 'own') return line.argv;
  if (line.kind === 'print') {
    (line.exitCode === 0 ? process.stdout : process.stderr).write(line.text);
    return process.exit(line.exitCode);
  }
  const { kubectl } = await import('../deploy/plugin/kubectl.js');
  return process.exit(await kubectl(line.args, (text) => void process.stderr.write(`${text}\n`)));
}

// Our timers and sockets do not keep the process alive while a command waits for its answer; this does.
setInterval(() => undefined, 2 ** 30);

/** Resolves with the exit code. The grammar of the line and the whole schema are loaded only where they are needed. */
async function main(argv: readonly string[]): Promise<number> {
  if (argv.length === 1 && argv[0] === 'drain') {
    const { hook } = await import('./hook.js');
    const told = await hook(process.env);
    if (told !== undefined) {
      (told.code === 0 ? process.stdout : process.stderr).write(`${told.text}\n`);
      return told.code;
    }
  }
  const [{ parseCli }, { execute }] = [await import('./cli.js'), await import('./execute.js')];
  return execute(await parseCli(argv, version), {
    version,
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    exit: (code) => process.exit(code),
  });
}

words()
  .then(main)
  .then((code) => process.exit(code), fault);
