/**
 * The command line: words in, one plain value out. Prints nothing, ends nothing, reads no environment; what a wrong line deserves is
 * a value too. The flags of a command are the settings that it needs, made from the schema, and their values are checked with all
 * other settings when they are loaded.
 *
 * yargs does the parsing and the help. Flags are held against the known ones before it sees them: it answers to unknown ones late, and
 * falls over `--constructor`. It is loaded only where there are flags to read or help to print: a sidecar that is set by variables alone
 * needs neither, in no pod, and would hold 10 MB for it as long as it lives.
 */
import type { Argv } from 'yargs';
import { nearest } from './config/nearest.js';
import type { AskedCall } from './status.js';
import { commandNames, commands, type Command, type CommandName } from './commands.js';
import { flagName, groups, keys, schema, type Key } from './config/schema.js';
import { onOff } from './config/parse.js';
import { printable, quote } from './printable.js';

/** By key: `{ probeInterval: '5s' }`. */
export type Flags = Readonly<Partial<Record<Key, string>>>;

export type Parsed =
  /** `child`: the words after `--`, untouched; undefined without `--`. */
  | { readonly command: 'run'; readonly flags: Flags; readonly child: readonly [string, ...string[]] | undefined }
  | { readonly command: 'check'; readonly flags: Flags; readonly json: boolean }
  | {
      readonly command: 'services';
      readonly flags: Flags;
      readonly name: string | undefined;
      readonly all: boolean;
      readonly watch: boolean;
      readonly json: boolean;
    }
  /** `name`: a service, or a path that begins with `/`. */
  | {
      readonly command: 'lint';
      readonly flags: Flags;
      readonly name: string | undefined;
      readonly all: boolean;
      readonly json: boolean;
    }
  | { readonly command: 'status' | 'events' | 'undrain'; readonly flags: Flags; readonly json: boolean }
  | { readonly command: 'why'; readonly flags: Flags; readonly name: string; readonly json: boolean }
  | {
      readonly command: 'doubtful';
      readonly flags: Flags;
      readonly name: string;
      readonly what: 'trust' | 'drop';
      readonly json: boolean;
    }
  | { readonly command: 'why'; readonly flags: Flags; readonly asked: AskedCall; readonly json: boolean }
  /** `wait`: return when the app is withdrawn and peers have had their time to know. */
  | { readonly command: 'drain'; readonly flags: Flags; readonly wait: boolean; readonly json: boolean }
  /** `flags` are settings of the sidecars to be, `options` rows of their container by name. */
  | {
      readonly command: 'inject';
      readonly flags: Flags;
      readonly paths: readonly string[];
      readonly options: Readonly<Record<string, string>>;
      readonly uninject: boolean;
      readonly diff: boolean;
    }
  /** `options` are also those of the webhook itself. */
  | { readonly command: 'webhook'; readonly flags: Flags; readonly options: Readonly<Record<string, string>> }
  /** Help and version have the exit code 0 and belong on standard output; a wrong line has 64 and belongs on standard error. */
  | { readonly command: 'print'; readonly text: string; readonly exitCode: 0 | 64 };

/** As curl has them. */
const shortForms: ReadonlyMap<string, string> = new Map([
  ['-H', '--header'],
  ['-X', '--method'],
]);

/** What the user asked for. `argv` is without node and script. Never rejects. */
export async function parseCli(argv: readonly string[], version: string): Promise<Parsed> {
  const cut = argv.indexOf('--');
  const given = cut < 0 ? argv : argv.slice(0, cut);
  const child = cut < 0 ? undefined : argv.slice(cut + 1);
  const asked = switchedOn(given[0] === 'help' ? [...given.slice(1), '--help'] : given);
  const line = asked.map((word) => shortForms.get(word) ?? word);
  const scanned = scan(line);
  const wrong = faultOf(scanned);
  if (wrong !== undefined) return misuse(wrong);
  if (line.length === 0) return misuse((await ask(['--help'], version)).text);
  if (!line.some((word) => word.startsWith('-'))) return answer(scanned, {}, child);

  const { result, text } = await ask(line, version);
  if (text !== '') return { command: 'print', text, exitCode: 0 };
  return answer(scanned, result, child);
}

/** `--force` alone is `--force=on`, as it is for every setting that is on or off. */
const switchedOn = (line: readonly string[]): readonly string[] =>
  line.map((word, index) => (onOffFlags.has(word) && !/^o(?:n|ff)$/.test(line[index + 1] ?? '') ? `${word}=on` : word));
const onOffFlags = new Set(keys.filter((key) => schema[key].grammar === onOff).map((key) => `--${flagName(key)}`));

const misuse = (text: string): Parsed => ({ command: 'print', text, exitCode: 64 });

function answer(scanned: Scanned, result: Readonly<Record<string, unknown>>, child: readonly string[] | undefined): Parsed {
  const { words } = scanned;
  const [command, name, extra] = words as [CommandName, string | undefined, string | undefined];
  const rest = words.slice(1).join(' ');
  const [program, ...args] = child ?? [];
  if (command === 'run' && name !== undefined) return misuse(`the command of the app stands after "--": zidecar run -- ${rest}`);
  if (command === 'run' && child && program === undefined)
    return misuse('a command is missing after "--": zidecar run -- node app.js');
  if (command !== 'run' && child) return misuse(`${command} takes no "--"; only run starts a command`);
  const { usage }: Command = commands[command];
  const stray = usage.includes('..') ? undefined : (extra ?? (usage.includes(' ') ? undefined : name));
  if (stray !== undefined) return misuse(`${command} does not take ${quote(stray)}; see zidecar ${command} --help`);
  if (command === 'doubtful' && name === undefined)
    return misuse('doubtful needs the name of a peer, such as: zidecar doubtful orders --drop');

  const text = (flag: string): string => (typeof result[flag] === 'string' ? result[flag] : '');
  const given = (names: readonly string[], flag = (one: string): string => one): Record<string, string> =>
    Object.fromEntries(names.filter((one) => text(flag(one)) !== '').map((one) => [one, text(flag(one))]));
  const flags: Flags = given(keys, flagName);
  const on = (flag: string): boolean => result[flag] === true;
  switch (command) {
    case 'run':
      return { command, flags, child: program === undefined ? undefined : [program, ...args] };
    case 'check':
    case 'status':
    case 'events':
    case 'undrain':
      return { command, flags, json: on('json') };
    case 'services':
      return { command, flags, name, all: on('all'), watch: on('watch'), json: on('json') };
    case 'lint':
      return { command, flags, name, all: on('all'), json: on('json') };
    case 'why': {
      const call = text('call');
      if ((name === undefined) === (call === ''))
        return misuse('why needs the name of a peer, such as: zidecar why orders; or --call URL, and no name');
      if (call === '') return { command, flags, name: name!, json: on('json') };
      const asked = { call, method: text('method') || 'GET', headers: scanned.headers };
      return { command, flags, asked, json: on('json') };
    }
    case 'doubtful':
      if (on('drop') === on('trust'))
        return misuse('doubtful takes --drop or --trust: are the endpoints gone, or who they were?');
      return { command, flags, name: name!, what: on('drop') ? 'drop' : 'trust', json: on('json') };
    case 'drain':
      return { command, flags, wait: !on('no-wait'), json: on('json') };
    case 'inject': {
      const options = given(Object.keys(commands.inject.options));
      return { command, flags, paths: words.slice(1), options, uninject: on('uninject'), diff: on('diff') };
    }
    case 'webhook':
      return { command, flags, options: given(Object.keys(commands.webhook.options)) };
  }
}

const flagsWithValue = new Set([
  ...keys.map(flagName),
  ...Object.values(commands).flatMap(({ options }: Command) => Object.keys(options)),
]);
const flagsOf = ({ settings, switches, options }: Command): string[] => [
  ...settings.map(flagName),
  ...Object.keys(switches),
  ...Object.keys(options),
  'help',
];

interface Scanned {
  /** The words that are no flags. */
  readonly words: readonly string[];
  /** With their dashes, without values. */
  readonly flags: readonly string[];
  /** What is wrong between flags and their values. */
  readonly misfits: readonly string[];
  /** Every --header, which is the only flag that may come more than once. */
  readonly headers: readonly string[];
}

function scan(line: readonly string[]): Scanned {
  const words: string[] = [];
  const flags: string[] = [];
  const misfits: string[] = [];
  const headers: string[] = [];
  for (let index = 0; index < line.length; index++) {
    const word = line[index]!;
    if (!/^-./s.test(word)) words.push(word);
    else if (word !== '-h') {
      const [flag, value] = [word.replace(/=.*$/s, ''), line[index + 1]];
      const takesValue = flagsWithValue.has(flag.slice(2));
      flags.push(flag);
      if (word !== flag && !takesValue) misfits.push(`${flag} takes no value`);
      if (flag === '--header') headers.push(word === flag ? (value ?? '') : word.slice(flag.length + 1));
      if (word !== flag || !takesValue) continue;
      if (value === undefined || /^-\D/.test(value)) misfits.push(`${flag} needs a value: ${flag}=VALUE`);
      else index++;
    }
  }
  return { words, flags, misfits, headers };
}

function faultOf({ words, flags, misfits }: Scanned): string | undefined {
  const name = commandNames.find((one) => one === words[0]);
  if (name === undefined && words.length > 0) {
    return `${quote(words[0]!)} is not a command; the nearest is ${nearest(words[0]!, commandNames)}. See zidecar --help`;
  }
  const known = (name === undefined ? ['help', 'version'] : flagsOf(commands[name])).map((flag) => `--${flag}`);
  const stray = flags.find((flag) => !known.includes(flag));
  if (stray === undefined) return misfits[0];
  if (name === undefined) return `${printable(stray, 80)} stands without a command; the commands are ${commandNames.join(', ')}`;
  return `${name} does not take ${printable(stray, 80)}; the nearest is ${nearest(stray, known)}. See zidecar ${name} --help`;
}

/** The parsed line, or the text of help or version. */
async function ask(
  line: readonly string[],
  version: string,
): Promise<{ readonly result: Readonly<Record<string, unknown>>; readonly text: string }> {
  const { default: yargs } = await import('yargs');
  let text = '';
  const result = parser(yargs([]), version).parse(line, {}, (error, _result, output) => {
    if (!error) text = output;
  }) as Readonly<Record<string, unknown>>;
  return { result, text };
}

function parser(empty: Argv, version: string): Argv {
  const base = empty
    .scriptName('zidecar')
    .usage('zidecar announces the app beside it in ZooKeeper, finds its peers there and carries its calls to them.')
    .detectLocale(false)
    .exitProcess(false)
    .showHelpOnFail(false)
    .wrap(80)
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'duplicate-arguments-array': false,
      'parse-numbers': false,
      'short-option-groups': false,
    })
    .help('help', 'Show this')
    .alias('help', 'h')
    .version('version', 'Show the version', version)
    .epilogue(
      shown([
        ['$0 services --all --zookeeper zk:2181', 'a first look at a fleet; needs no app and writes nothing'],
        ['$0 run --zookeeper zk:2181 --service orders --app-port 8080', 'the smallest start'],
        ["curl -H 'Host: users' http://127.0.0.1:6140/", 'a call of the app to users, through it'],
        ['$0 why users', 'where such calls go, and why'],
      ]) + '\n\nzidecar COMMAND --help tells more. Every setting is in README.md.',
    );
  return commandNames.reduce((all, name) => describe(all, name), base);
}

/** Each on a line of its own, to be copied whole. */
const shown = (examples: Command['examples']): string =>
  ['Examples:', ...examples.flatMap(([line, words]) => [`  # ${words}`, `  ${line.replaceAll('$0', 'zidecar')}`])].join('\n');

/** A sentence and what is accepted. */
const told = (about: string, { accepts }: { readonly accepts: string }): string =>
  `${about.replace(/\.?$/, '.')} Takes ${accepts}.`;

const ONE_NAME = `Each flag is also a variable and a key of the YAML file: --probe-interval,
ZIDECAR_PROBE_INTERVAL, probeInterval. Flags win over variables, these over the
file. A wrong value is answered with what is accepted; README.md has it all, and
zidecar check shows what holds and where it came from.`;

function describe(parent: Argv, name: CommandName): Argv {
  const { usage, about, settings, switches, options, examples }: Command = commands[name];
  return parent.command(usage, about, (inner) => {
    inner
      .usage(
        `zidecar ${usage.replace('name', 'NAME').replace('path..', 'PATH...')} [options]${name === 'run' ? ' [-- COMMAND...]' : ''}\n\n${about}.`,
      )
      .version(false);
    for (const [flag, words] of Object.entries(switches)) inner.option(flag, { type: 'boolean', describe: words });
    for (const [flag, { about: does, unset, grammar }] of Object.entries(options)) {
      inner.option(flag, { nargs: 1, describe: told(does, grammar), defaultDescription: unset });
    }
    for (const [group, rows] of Object.entries(groups)) {
      for (const key of settings.filter((one) => Object.hasOwn(rows, one))) {
        const { about: does, unset, required, grammar } = schema[key];
        inner.option(flagName(key), {
          ...{ nargs: 1, describe: told(does, grammar), group: `${group}:` },
          ...(!required && { defaultDescription: unset }),
        });
      }
    }
    inner.epilogue(`${shown(examples)}\n\n${settings.length > 0 ? ONE_NAME : ''}`);
  });
}
