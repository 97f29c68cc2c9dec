import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import { parseCli, type Parsed } from '../../agent/cli.js';
import { commandNames, commands, type Command } from '../../agent/commands.js';
import { flagName, keys, schema } from '../../agent/config/schema.js';

const parse = (line: string): Promise<Parsed> => parseCli(line === '' ? [] : line.split(' '), '1.2.3');
const printed = async (line: string): Promise<{ readonly text: string; readonly exitCode: number }> => {
  const parsed = await parse(line);
  if (parsed.command !== 'print') throw new Error(`${line}: ${JSON.stringify(parsed)}`);
  return parsed;
};

describe('the command line', () => {
  for (const [line, expected] of [
    ['run', { command: 'run', flags: {}, child: undefined }],
    ['run --app-port 8080 --zone=b', { command: 'run', flags: { appPort: '8080', zone: 'b' }, child: undefined }],
    ['run --zone a --zone b', { command: 'run', flags: { zone: 'b' }, child: undefined }],
    ['--zone a run', { command: 'run', flags: { zone: 'a' }, child: undefined }],
    ['run --force --zone b', { command: 'run', flags: { force: 'on', zone: 'b' }, child: undefined }],
    ['run --force off', { command: 'run', flags: { force: 'off' }, child: undefined }],
    ['run --zone=', { command: 'run', flags: {}, child: undefined }],
    ['run --zone=--x', { command: 'run', flags: { zone: '--x' }, child: undefined }],
    ['run --weight -5', { command: 'run', flags: { weight: '-5' }, child: undefined }],
    ['run --app-port 007', { command: 'run', flags: { appPort: '007' }, child: undefined }],
    ['run --zone a=b=c', { command: 'run', flags: { zone: 'a=b=c' }, child: undefined }],
    ['check --json', { command: 'check', flags: {}, json: true }],
    ['services', { command: 'services', flags: {}, name: undefined, all: false, watch: false, json: false }],
    ['services 007 --all --watch', { command: 'services', flags: {}, name: '007', all: true, watch: true, json: false }],
    ['lint /services/orders --json', { command: 'lint', flags: {}, name: '/services/orders', all: false, json: true }],
    ['status --admin 127.0.0.1:1', { command: 'status', flags: { admin: '127.0.0.1:1' }, json: false }],
    ['doubtful orders --drop', { command: 'doubtful', flags: {}, name: 'orders', what: 'drop', json: false }],
    ['why --json orders', { command: 'why', flags: {}, name: 'orders', json: true }],
    [
      'why --call http://orders/x --header a:1 -H b:2 --method HEAD',
      {
        command: 'why',
        flags: {},
        asked: { call: 'http://orders/x', method: 'HEAD', headers: ['a:1', 'b:2'] },
        json: false,
      },
    ],
    ['events', { command: 'events', flags: {}, json: false }],
    ['undrain --json', { command: 'undrain', flags: {}, json: true }],
    ['drain', { command: 'drain', flags: {}, wait: true, json: false }],
    ['drain --no-wait', { command: 'drain', flags: {}, wait: false, json: false }],
  ] as const) {
    it(`reads ${line}`, async () => deepEqual(await parse(line), expected));
  }

  it('leaves all behind -- to the child, whatever it is', async () => {
    const child = ['node', 'app.js', '--zone', 'x', '--', '--help', '-h', '', '--__proto__=1', '007'] as const;
    deepEqual(await parseCli(['run', '--zone', 'b', '--', ...child], '1'), { command: 'run', flags: { zone: 'b' }, child });
  });

  for (const [line, text] of [
    ['servces', '"servces" is not a command; the nearest is services. See zidecar --help'],
    ['run --probe-intervall 5s', 'run does not take --probe-intervall; the nearest is --probe-interval. See zidecar run --help'],
    ['run --probeInterval 5s', 'run does not take --probeInterval; the nearest is --probe-interval. See zidecar run --help'],
    ['run --zone', '--zone needs a value: --zone=VALUE'],
    ['run --zone --weight 5', '--zone needs a value: --zone=VALUE'],
    ['drain --no-wait=1', '--no-wait takes no value'],
    ['--help=x', '--help takes no value'],
    ['run --no-zone', 'run does not take --no-zone; the nearest is --zone. See zidecar run --help'],
    ['run --constructor=1', 'run does not take --constructor; the nearest is --config. See zidecar run --help'],
    ['run -z', 'run does not take -z; the nearest is --zone. See zidecar run --help'],
    ['run node app.js', 'the command of the app stands after "--": zidecar run -- node app.js'],
    ['run --', 'a command is missing after "--": zidecar run -- node app.js'],
    ['check -- x', 'check takes no "--"; only run starts a command'],
    ['doubtful', 'doubtful needs the name of a peer, such as: zidecar doubtful orders --drop'],
    ['doubtful orders', 'doubtful takes --drop or --trust: are the endpoints gone, or who they were?'],
    ['doubtful orders --drop --trust', 'doubtful takes --drop or --trust: are the endpoints gone, or who they were?'],
    ['why', 'why needs the name of a peer, such as: zidecar why orders; or --call URL, and no name'],
    ['why a --call /x', 'why needs the name of a peer, such as: zidecar why orders; or --call URL, and no name'],
    ['why a b', 'why does not take "b"; see zidecar why --help'],
    ['status x', 'status does not take "x"; see zidecar status --help'],
    ['services --service orders', 'services does not take --service; the nearest is --config. See zidecar services --help'],
    [
      '--zone a',
      '--zone stands without a command; the commands are run, check, services, lint, status, why, events, drain, undrain, doubtful, inject, webhook',
    ],
  ] as const) {
    it(`answers ${line} with advice`, async () => deepEqual(await printed(line), { command: 'print', text, exitCode: 64 }));
  }

  it('teaches when it is given nothing, as a wrong use', async () => {
    const { text, exitCode } = await printed('');
    equal(exitCode, 64);
    equal(text, (await printed('--help')).text);
    for (const name of commandNames) ok(text.includes(`zidecar ${commands[name].usage}`), name);
  });

  it('prints its version', async () => deepEqual(await printed('--version'), { command: 'print', text: '1.2.3', exitCode: 0 }));
});

describe('help', () => {
  it('has two examples of each command, which are lines that it takes', async () => {
    for (const name of commandNames) {
      const { examples }: Command = commands[name];
      ok(examples.length >= 2, name);
      const { text } = await printed(`${name} --help`);
      for (const [line] of examples) {
        const words = line.replace('$0', 'zidecar');
        ok(text.includes(`\n  ${words}\n`), words);
        equal((await parse(words.replace(/^zidecar | \|.*/g, ''))).command, name, words);
      }
    }
  });

  it('tells of each flag what it takes', async () => {
    for (const name of commandNames) {
      const { settings, options }: Command = commands[name];
      const text = (await printed(`${name} --help`)).text.replace(/\s+/g, '');
      for (const { accepts } of [
        ...settings.map((key) => schema[key].grammar),
        ...Object.values(options).map(({ grammar }) => grammar),
      ])
        ok(text.includes(`Takes${accepts}.`.replace(/\s+/g, '')), `${name}: ${accepts}`);
    }
  });

  it('of each command fits 80 columns and has an example', async () => {
    for (const name of commandNames) {
      const { text, exitCode } = await printed(`${name} --help`);
      equal(exitCode, 0);
      ok(text.startsWith(`zidecar ${name}`), text);
      ok(text.includes('Examples:'));
      deepEqual(
        text.split('\n').filter((line) => line.length > 80),
        [],
      );
      equal((await printed(`help ${name}`)).text, text);
      equal((await printed(`${name} -h`)).text, text);
    }
  });

  it('of run has every setting, each command those that it needs', async () => {
    const { text } = await printed('run --help');
    for (const key of keys) ok(new RegExp(`^ +--${flagName(key)} `, 'm').test(text), key);
    ok(!(await printed('why orders --help')).text.includes('--zookeeper'));
  });
});

describe('any words', () => {
  it('give a command or a text, and never reject', async () => {
    const flag = fc.constantFrom(
      ...keys.map((key) => `--${flagName(key)}`),
      '--help',
      '-h',
      '--json',
      '--all',
      '--__proto__',
      '--constructor',
      '--_',
      '--$0',
      '--toString',
      '--',
      '-',
      '---',
      '--=',
      '-.5',
      '--name',
    );
    const word = fc.oneof(
      fc.constantFrom(...commandNames, 'help'),
      flag,
      flag.map((one) => `${one}=x`),
      fc.string(),
      fc.string({ unit: 'binary' }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (argv) => {
        const parsed = await parseCli(argv, '1');
        if (parsed.command === 'print') ok(parsed.text !== '');
        else ok(Object.values(parsed.flags).every((text) => typeof text === 'string' && text !== ''));
      }),
      { numRuns: 300 },
    );
  });
});
