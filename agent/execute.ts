/**
 * Each command of the program, from the parsed line to the exit code. What a command does is elsewhere; here is what it prints, and where.
 * The large ones are loaded when they are asked for: `zidecar why` should not wait for the whole sidecar to be read from disk.
 */
import { Child } from './child.js';
import type { Parsed } from './cli.js';
import { commands } from './commands.js';
import { check } from './config/effective.js';
import { readTextFile, type ReadFile } from './config/file.js';
import { loadConfig, loading, loadSettings } from './config/load.js';
import { ConfigError } from './config/problems.js';
import { runUntilStopped } from './run.js';
import { drain, events, overrule, status, undrain, why, whyCall, type Asking, type Told } from './status.js';
import type { Surroundings } from './surroundings.js';
import { clock, random } from './system.js';
import { paintFor, widthOf } from './text.js';

/** EX_USAGE and EX_UNAVAILABLE of sysexits.h. */
const BAD_CONFIG = 64;
const NO_ANSWER = 69;

/** Resolves with the exit code. Rejects only by a fault of ours. */
export async function execute(parsed: Parsed, around: Surroundings): Promise<number> {
  const { env, stdout, stderr } = around;
  const print = (text: string): void => void stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  const complain = (text: string): void => void stderr.write(text.endsWith('\n') ? text : `${text}\n`);
  const warn = (warning: string): void => complain(`warning: ${warning}`);
  try {
    switch (parsed.command) {
      case 'print':
        (parsed.exitCode === 0 ? print : complain)(parsed.text);
        return parsed.exitCode;
      case 'check': {
        const { ok, output, complaint } = check(
          { env, flags: parsed.flags },
          { json: parsed.json, paint: paintFor(stdout, env), width: widthOf(stdout) },
        );
        if (output !== '') print(output);
        if (complaint !== '') complain(complaint);
        return ok ? 0 : BAD_CONFIG;
      }
      case 'run':
        return await run(parsed, around);
      case 'services': {
        const settings = loadSettings({ env, flags: parsed.flags }, commands.services.settings);
        settings.warnings.forEach(warn);
        const { showServices } = await import('./show-services.js');
        return await showServices(parsed, settings, around);
      }
      case 'lint': {
        const settings = loadSettings({ env, flags: parsed.flags }, commands.lint.settings);
        settings.warnings.forEach(warn);
        const { showLint } = await import('./show-lint.js');
        return await showLint(parsed, settings, around);
      }
      case 'status':
      case 'events':
      case 'why':
      case 'doubtful':
      case 'drain':
      case 'undrain': {
        const told = await ask(parsed, around);
        (told.code === 0 ? print : complain)(told.text);
        return told.code;
      }
      case 'inject': {
        const { defaultsOf } = await import('../deploy/inject/defaults.js');
        const { runInject } = await import('../deploy/inject/command.js');
        const options = defaultsOf({ ...parsed, env }, around.version);
        return await runInject(
          { ...parsed, options },
          { stdin: around.stdin, print: (text) => void stdout.write(text), complain },
        );
      }
      case 'webhook': {
        const { webhookOf } = await import('../deploy/webhook/options.js');
        const { runWebhook } = await import('../deploy/webhook/command.js');
        const webhook = webhookOf({ ...parsed, env }, around.version, () => clock.wall());
        return await runWebhook(webhook, { clock, print, exit: around.exit });
      }
    }
  } catch (error) {
    if (error instanceof ConfigError) {
      complain(`zidecar: ${error.message}`);
      return BAD_CONFIG;
    }
    const code = (error as { code?: unknown }).code;
    if (error instanceof Error && (code === 'not_listening' || error.name === 'RegistryError')) {
      complain(`zidecar: ${error.message}`);
      return code === 'not_listening' ? BAD_CONFIG : NO_ANSWER;
    }
    throw error;
  }
}

async function run(
  { flags, child }: Extract<Parsed, { command: 'run' }>,
  { env, version, exit, stdin }: Surroundings,
): Promise<number> {
  const texts = new Map<string, string>();
  const readFile: ReadFile = (path, mostBytes) => {
    const text = readTextFile(path, mostBytes);
    texts.set(path, text);
    return text;
  };
  const config = loadConfig({ env, flags, readFile });
  const loaded = texts.get(config.config ?? '');
  texts.clear(); // there may be secrets among them
  const loadAgain = config.config === undefined ? undefined : () => loading({ env, flags, again: true });
  const { startApp } = await import('./app.js');
  const [command, ...args] = child ?? [];
  const startChild = command === undefined ? undefined : Child.start.bind(undefined, command, args, env);
  const hangUpReloads = loadAgain !== undefined && !stdin.isTTY;
  return runUntilStopped(
    () => startApp(config, { version, clock, random, loadAgain, loaded, startChild }),
    exit,
    clock,
    hangUpReloads,
  );
}

function ask(
  parsed: Extract<Parsed, { command: 'status' | 'events' | 'why' | 'doubtful' | 'drain' | 'undrain' }>,
  { env, stdout, stderr }: Surroundings,
): Promise<Told> {
  const { admin, warnings } = loadSettings({ env, flags: parsed.flags }, commands[parsed.command].settings);
  for (const warning of warnings) stderr.write(`warning: ${warning}\n`);
  const asking: Asking = {
    admin,
    json: parsed.json,
    paint: paintFor(stdout, env),
    width: widthOf(stdout),
    clock,
  };
  switch (parsed.command) {
    case 'status':
      return status(asking);
    case 'why':
      return 'asked' in parsed ? whyCall(asking, parsed.asked) : why(asking, parsed.name);
    case 'events':
      return events(asking);
    case 'doubtful':
      return overrule(asking, parsed.name, parsed.what);
    case 'drain':
      return drain(asking, parsed.wait);
    case 'undrain':
      return undrain(asking);
  }
}
