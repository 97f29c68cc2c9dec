/** The guides, against what they speak of: their commands are run where that needs no engine and no cluster, and every name must be a real one. */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { envName, keys } from '../../agent/config/schema.js';
import { needsProgram } from '../support/needs.js';
import { zidecar } from '../support/program.js';
import { compose } from './compose/file.js';

const folder = mkdtempSync(join(tmpdir(), 'zidecar-docs-'));
after(() => rmSync(folder, { recursive: true }));

const guides = readdirSync('deploy/docs').map((name) => `deploy/docs/${name}`);
const others = ['deploy/compose/README.md', 'deploy/host/orders.env', 'deploy/host/zidecar.service'];
const text = new Map([...guides, ...others].map((name) => [name, readFileSync(name, 'utf8')]));

/** Lines of the shell, of all guides. */
const commands = [...text].flatMap(([file, content]) =>
  [...content.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block]) =>
    block!
      .split('\n')
      .map((line) => line.replace(/\s+#.*$/, '').trim())
      .filter(Boolean)
      .map((line) => ({ file, line })),
  ),
);
/** As a shell splits simple lines. */
const words = (line: string): string[] => [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
/** What is given to zidecar, wherever it runs. */
const ours = commands.flatMap(({ file, line }) => {
  const args = /(?:^|^npx |-- | exec \S+ )zidecar (.*?)(?: > \S+)?$/.exec(line)?.[1];
  return args === undefined ? [] : [{ file, line, args: words(args) }];
});

describe('the guides', { timeout: 120_000 }, () => {
  it('name settings that there are', () => {
    const known = new Set(keys.flatMap((key) => [envName(key), `${envName(key)}_FILE`]));
    for (const [file, content] of text)
      for (const [name] of content.matchAll(/\bZIDECAR_[A-Z_]+[A-Z]\b/g)) ok(known.has(name), `${file}: ${name}`);
  });

  it('name files and pages that there are', () => {
    for (const [file, content] of text) {
      const links = [...content.matchAll(/\]\(([^)#:]+)\)/g)].map(([, link]) => join(dirname(file), link!));
      const lines = content.split('\n').filter((line) => !line.startsWith('kubectl')); // deploy/orders is an object there
      const paths = [...lines.join('\n').matchAll(/\b(?:deploy|test|agent)\/[\w./-]+\w/g)].map(([path]) => path);
      for (const path of [...links, ...paths]) ok(existsSync(path), `${file}: ${path}`);
    }
  });

  it('name services of the compose file that there are', () => {
    for (const { file, line } of commands) {
      const [, verb, rest] = /^docker compose -f \S+ (exec|stop|kill|logs) (.*)$/.exec(line) ?? [];
      if (verb === undefined) continue;
      const named = words(rest!).filter((word) => !word.startsWith('-'));
      for (const name of verb === 'exec' ? named.slice(0, 1) : named) ok(name in compose.services, `${file}: ${line}`);
    }
  });

  it('give commands to zidecar that it takes, and those that need no server succeed', async () => {
    ok(ours.length >= 10);
    const ran = ours.map(async ({ file, line, args }) => {
      // what would go on for ever is checked
      const { code, out, err } = await zidecar(args[0] === 'run' ? ['check', ...args.slice(1)] : args);
      const told = `${file}: ${line}\n${out}${err}`;
      if (['check', 'inject', 'run'].includes(args[0]!)) equal(code, 0, told);
      notEqual(code, 64, told);
    });
    await Promise.all(ran);
  });

  it('inject an image that is said, as the cluster could not pull the default', () => {
    for (const file of [...guides, 'README.md', 'deploy/README.md', 'deploy/plugin/README.md']) {
      const lines = readFileSync(file, 'utf8').match(/^(?:.*\| )?(?:kubectl )?zidecar inject .*$/gm) ?? [];
      for (const line of lines) ok(/ --(?:image [^\s-]|uninject)/.test(line), `${file}: ${line}`);
    }
  });

  it('inject a sidecar into every Deployment of the example, and nothing else', async () => {
    const { args } = ours.find(({ args }) => args[0] === 'inject' && !args.includes('--diff'))!;
    const { out, err } = await zidecar(args);
    equal([...out.matchAll(/- name: zidecar$/gm)].length, 3, err);
    deepEqual(
      [...err.matchAll(/deployment\/(\w+) injected/g)].map(([, name]) => name),
      ['users', 'orders', 'caller'],
    );
  });

  it(
    'come with a unit that systemd takes, with what stands in it as a comment too',
    { skip: needsProgram('systemd-analyze', 'systemd') },
    () => {
      const unit = text.get('deploy/host/zidecar.service')!;
      const whole = unit.replace('/usr/local/bin/zidecar', '/bin/true').replaceAll(/^#(?=\w+=)/gm, '');
      writeFileSync(join(folder, 'zidecar@.service'), whole);
      writeFileSync(join(folder, 'orders.service'), '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n');
      const verify = (): string => spawnSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8' }).stderr;
      const units = ['zidecar@orders.service', 'orders.service'].map((name) => join(folder, name));
      copyFileSync(join(folder, 'zidecar@.service'), units[0]!);
      // what it has to say of units of this machine is not ours
      const ours = (told: string): string[] => told.split('\n').filter((line) => /zidecar|orders/.test(line));
      deepEqual(ours(verify()), []);
      writeFileSync(units[0]!, whole.replace('PartOf=', 'PartOff='));
      equal(ours(verify()).length, 1, 'a fault would be seen');
    },
  );

  it('stop the sidecar before its app, and with it', { skip: needsProgram('systemctl', 'systemd') }, () => {
    const unit = text.get('deploy/host/zidecar.service')!;
    const named = (key: string): string[] => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1]!.split(' ') ?? [];
    // ordered after: stopped before
    for (const key of ['After', 'PartOf', 'WantedBy']) ok(named(key).includes('%i.service'), key);
    const root = join(folder, 'root');
    const units = join(root, 'etc/systemd/system');
    mkdirSync(units, { recursive: true });
    writeFileSync(join(units, 'zidecar@.service'), unit);
    execFileSync('systemctl', [`--root=${root}`, 'enable', 'zidecar@orders'], { stdio: 'pipe' });
    ok(lstatSync(join(units, 'orders.service.wants/zidecar@orders.service')).isSymbolicLink());
  });

  it('come with an environment that zidecar takes', async () => {
    const lines = text.get('deploy/host/orders.env')!.match(/^#?ZIDECAR_\S+=\S+$/gm)!;
    const env = Object.fromEntries(lines.map((line) => line.replace('#', '').split(/=(.*)/s).slice(0, 2) as [string, string]));
    const { code, err } = await zidecar(['check'], env);
    equal(code, 0, err);
    equal(Object.keys(env).length, 6);
  });
});
