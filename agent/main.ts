#!/usr/bin/env node
/** The edge: arguments, environment and signals in, one exit code out. The only file that ends the process. */
import { readFileSync } from 'node:fs';
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

parseCli(process.argv.slice(2), version)
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
