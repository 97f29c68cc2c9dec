#!/usr/bin/env node
/** The edge: arguments, environment and signals in, one exit code out. The only file that ends the process. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseCli } from './cli.js';
import { execute } from './execute.js';

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

words()
  .then((argv) => parseCli(argv, version))
  .then((parsed) =>
    execute(parsed, {
      version,
      env: process.env,
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      exit: (code) => process.exit(code),
    }),
  )
  .then((code) => process.exit(code), fault);
