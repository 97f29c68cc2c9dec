/** The README, against what it speaks of: commands, variables, files, nodes, codes and metrics must be real ones. */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseCli } from '../../agent/cli.js';
import { loadConfig } from '../../agent/config/load.js';
import { envName, keys } from '../../agent/config/schema.js';
import { metricTable } from '../../agent/metric-table.js';
import { dialects } from '../../agent/registry/dialects/dialects.js';
import { failures } from '../../lb/errors.js';
import type { Stat } from '../../agent/registry/tree.js';

const readme = readFileSync('README.md', 'utf8');
const blocks = (language: string): readonly string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, block]) => block!);
/** As a shell splits simple lines. */
const words = (line: string): string[] => [...line.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ''));
/** Every line of the shell that starts zidecar, with its variables. */
const lines = blocks('sh')
  .flatMap((block) => block.split('\n'))
  .map((line) => line.replace(/\s+#.*$/, '').replace(/ (&|\|.*)$/, ''))
  .filter((line) => /^(?:ZIDECAR_\w+=\S+ )*zidecar /.test(line));
const variables = (line: string): Record<string, string> =>
  Object.fromEntries(words(line.split('zidecar ')[0]!).map((word) => word.split(/=(.*)/s).slice(0, 2) as [string, string]));
const stat: Stat = { czxid: 1n, mzxid: 1n, version: 0, size: 1, owner: 'none', ownerId: '', ctime: 0 };
/** Ends without an answer that could carry a code. */
const UNTOLD = ['cut', 'body_timeout', 'client_gone', 'tunnel_idle'];

describe('the README', () => {
  it('gives commands that zidecar takes, with settings that go together', async () => {
    ok(lines.length >= 10, String(lines.length));
    for (const line of lines) {
      const parsed = await parseCli(words(line.slice(line.indexOf('zidecar ') + 8)), '1');
      notEqual(parsed.command, 'print', line);
      const env = variables(line);
      if (parsed.command === 'run' && !line.includes('AUTH_FILE')) loadConfig({ env, flags: parsed.flags });
    }
  });

  it('gives pieces of the file that are taken', () => {
    ok(blocks('yaml').length >= 4);
    for (const yaml of blocks('yaml'))
      loadConfig({
        env: { ZIDECAR_ZOOKEEPER: 'zk:2181', ZIDECAR_CONFIG: 'z.yaml' },
        readFile: () => yaml.replace(/^zookeeper:.*$/m, ''),
      });
  });

  it('names settings, files and parts of the page that there are', () => {
    const known = new Set(keys.flatMap((key) => [envName(key), `${envName(key)}_FILE`]));
    for (const [name] of readme.matchAll(/\bZIDECAR_[A-Z_]+[A-Z]\b/g)) ok(known.has(name), name);
    for (const [, link] of readme.matchAll(/\]\(([^)#]+)\)/g)) ok(existsSync(link!), link);
    for (const [path] of readme.matchAll(/(?<![\w/])(?:deploy|agent|lb)\/[\w./-]+\w/g)) ok(existsSync(path), path);
    const heads = new Set([...readme.matchAll(/^## (.*)$/gm)].map(([, head]) => head!.toLowerCase().replaceAll(' ', '-')));
    for (const [, anchor] of readme.matchAll(/\]\(#([^)]+)\)/g)) ok(heads.has(anchor!), anchor);
  });

  it('explains every refusal, with its status', () => {
    const rows = [...readme.matchAll(/^\| ((?:`\w+`(?:, )?)+) \| ([\d, ]+) \|/gm)].flatMap(([, codes, statuses]) => {
      const all = statuses!.split(', ');
      return codes!.split(', ').map((code, index) => [code.replaceAll('`', ''), Number(all[index] ?? all[0])] as const);
    });
    deepEqual(
      rows.sort(([one], [other]) => (one < other ? -1 : 1)),
      Object.entries(failures)
        .filter(([code]) => !UNTOLD.includes(code))
        .map(([code, { status }]) => [code, status] as const)
        .sort(([one], [other]) => (one < other ? -1 : 1)),
    );
  });

  it('names metrics that there are', () => {
    for (const [name] of readme.matchAll(/\bzidecar_\w+/g)) ok(name in metricTable, name);
  });

  it('shows nodes that each dialect reads as what it says', () => {
    const rows = [...readme.matchAll(/^\| (?:`(\w+)`|its weight) \| `([^`]+)` \| (?:`([^`]+)`|none.*) \|$/gm)];
    deepEqual(
      rows.map(([, name]) => name),
      ['curator', 'spring', 'serverset', undefined, 'smartstack', 'dubbo'],
    );
    for (const [, name = 'serverset', path, bytes = ''] of rows) {
      const dialect = dialects.get(name)!;
      equal(path!.slice(0, path!.lastIndexOf('/')), dialect.defaultPath.replace('{service}', 'orders'));
      const said = dialect.read('orders', path!.slice(path!.lastIndexOf('/') + 1), new TextEncoder().encode(bytes), stat);
      if ('factors' in said) deepEqual([...said.factors], [['member=member_0000000001', 2]]);
      else if ('skip' in said) throw new Error(`${name}: ${said.detail}`);
      else
        deepEqual(
          [said.host, said.port, said.weight, said.zone],
          ['10.1.2.3', 8080, name === 'serverset' ? 1 : 2, 'eu-1a'],
          name,
        );
    }
  });
});
