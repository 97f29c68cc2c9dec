import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import { readConfigFile, reading, readTextFile } from '../../../agent/config/file.js';
import { loadConfig } from '../../../agent/config/load.js';
import { ConfigError } from '../../../agent/config/problems.js';

const read = (yaml: string): ReturnType<typeof readConfigFile> => readConfigFile('z.yaml', () => yaml);
const problems = (yaml: string): readonly string[] => {
  const answer = read(yaml);
  return 'problems' in answer ? answer.problems : [];
};

describe('the file of settings', () => {
  it('is a map of texts as they were written', () => {
    const answer = read('a: 007\nb: on\nc: 1e3\nd: ~\ne:\nf: [1, true]\ng: {h: 0x1}\n');
    ok('root' in answer);
    deepEqual(
      [...answer.root],
      [
        ['a', '007'],
        ['b', 'on'],
        ['c', '1e3'],
        ['d', '~'],
        ['e', ''],
        ['f', ['1', 'true']],
        ['g', new Map([['h', '0x1']])],
      ],
    );
  });

  it('may be empty, or comments only', () => {
    for (const yaml of ['', '\n', '# nothing yet\n', '---\n']) deepEqual(read(yaml), { root: new Map() }, yaml);
  });

  it('that is read again may not: who writes in place has just begun', () => {
    const again = (yaml: string) => readConfigFile('z.yaml', () => yaml, true);
    for (const yaml of ['', ' \n', '# nothing yet\n', '---\n'])
      deepEqual(
        again(yaml),
        { problems: ['ZIDECAR_CONFIG="z.yaml" is empty: nothing changes; write {} where no setting is meant'] },
        yaml,
      );
    deepEqual(again('{}'), { root: new Map() });
  });

  it('is looked at in pieces, as many as it is long', () => {
    const yaml = `upstreams: { ${Array.from({ length: 800 }, (_, index) => `f${index}:`).join(', ')} }`;
    const pieces = Array.from(reading('z.yaml', () => yaml, false)).length;
    ok(pieces > 40, `${pieces} pieces`);
  });

  for (const [what, yaml, expected] of [
    ['a key twice', 'a: 1\na: 2', 'ZIDECAR_CONFIG="z.yaml" is not YAML: the key "a" stands twice, again at line 2, column 1'],
    [
      'a key twice further in',
      'a: {b: [{"c": 1, c: 2}]}',
      'ZIDECAR_CONFIG="z.yaml" is not YAML: the key "c" stands twice, again at line 1, column 18',
    ],
    ['a tab', 'a:\n\tb: 1', 'ZIDECAR_CONFIG="z.yaml" is not YAML: Tabs are not allowed as indentation at line 2, column 1'],
    [
      'an open brace',
      'a: {b: 1',
      'ZIDECAR_CONFIG="z.yaml" is not YAML: Flow map in block collection must be sufficiently indented and end with a } at line 1, column 9',
    ],
    [
      'two documents',
      'a: 1\n---\nb: 2',
      'ZIDECAR_CONFIG="z.yaml" is not YAML: there may be one document, and another begins at line 2, column 1',
    ],
    ['an alias', 'a: &x 1\nb: *x', 'ZIDECAR_CONFIG="z.yaml" cannot be read: aliases (*name) are not accepted'],
    ['a list', '- a', 'ZIDECAR_CONFIG="z.yaml" is not a map of settings, such as "weight: 5"'],
    ['a text', 'weight', 'ZIDECAR_CONFIG="z.yaml" is not a map of settings, such as "weight: 5"'],
    [
      'a tag of a program',
      'a: !!js/function x',
      'ZIDECAR_CONFIG="z.yaml" is not YAML: Unresolved tag: tag:yaml.org,2002:js/function at line 1, column 4',
    ],
  ] as const) {
    it(`with ${what} is refused with its place`, () => deepEqual(problems(yaml), [expected]));
  }

  it('of two documents is refused', () => equal(problems('a: 1\n---\nb: 2').length, 1));

  it('cannot reach a prototype', () => {
    const answer = read('__proto__: {polluted: 1}\nconstructor: {prototype: {polluted: 1}}');
    ok('root' in answer && answer.root.get('__proto__') instanceof Map);
    equal(({} as { polluted?: unknown }).polluted, undefined);
  });
});

describe('a hostile file', () => {
  const aliases = ['a0: &a0 [x, x]', ...Array.from({ length: 40 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`)].join(
    '\n',
  );
  const bombs = {
    'of aliases': aliases,
    'of merge keys': 'a: &a {x: 1}\nb: {<<: *a}',
    'nested by brackets': '['.repeat(500_000),
    'nested by braces': '{a: '.repeat(200_000),
    'nested by dashes': '- '.repeat(300_000),
    'nested by question marks': '? '.repeat(300_000),
    'nested by indentation': Array.from({ length: 1_000 }, (_, n) => `${' '.repeat(n)}a:`).join('\n'),
    'of very many keys': Array.from({ length: 100_000 }, (_, n) => `k${n}:`).join('\n'),
    'of as many keys as are let in': Array.from({ length: 24_000 }, (_, n) => `k${n}:`).join('\n'),
    'of very many commas': `a: [${','.repeat(500_000)}]`,
    'of very many anchors': '&a '.repeat(200_000),
    'of nothing but colons': ':'.repeat(1_000_000),
    'of one key': `${'k'.repeat(1_000_000)}: 1`,
    'with a NUL': 'a: \u0000b',
    'with a byte order mark in the middle': 'a: 1\n\ufeffb: 2\n\ufeff',
  };
  for (const [what, yaml] of Object.entries(bombs)) {
    it(`${what} is a problem or a map, never a crash`, () => {
      const answer = read(yaml);
      ok(
        'root' in answer ||
          answer.problems.every((problem) => problem.startsWith('ZIDECAR_CONFIG="z.yaml" ') && problem.length < 1_000),
      );
    });
  }

  it('nested too deep says so', () => {
    deepEqual(problems('['.repeat(100_000)), ['ZIDECAR_CONFIG="z.yaml" is nested more than 16 deep']);
  });

  it('of any bytes is a problem or a map', () => {
    const pieces = fc.constantFrom(
      'a',
      ': ',
      '\n',
      '  ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&x ',
      '*x',
      '"',
      "'",
      '|',
      '>',
      '#',
      '%',
      '!t ',
      '<<',
      '\t',
      '? ',
      ',',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(pieces, { maxLength: 60 }).map((all) => all.join('')),
        ),
        (yaml) => {
          const answer = read(yaml);
          ok('root' in answer || answer.problems.length > 0);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('never makes loading throw anything but its problems', () => {
    const node = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom('a', '80', 'off', '/x', 'orders', '*', ''),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('service', 'port', 'orders', 'sources', 'policy', '*', 'x'), tie('any'), { maxKeys: 3 }),
      ),
    })).any;
    const key = fc.constantFrom(
      'zookeeper',
      'announce',
      'upstreams',
      'meta',
      'probe',
      'outbound',
      'service',
      'appPort',
      'config',
      'x',
    );
    fc.assert(
      fc.property(fc.dictionary(key, node), (root) => {
        try {
          loadConfig({ env: { ZIDECAR_CONFIG: 'z.yaml' }, readFile: () => JSON.stringify(root) });
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('reading', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-config-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, bytes: string | Uint8Array): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const said = (path: string): readonly string[] => {
    const answer = readConfigFile(path, readTextFile);
    return 'problems' in answer ? answer.problems : [];
  };

  it('takes a file of up to 1 MiB, and no more', () => {
    deepEqual(said(file('fits.yaml', `#${'x'.repeat(1024 * 1024 - 1)}`)), []);
    ok(said(file('large.yaml', `#${'x'.repeat(1024 * 1024)}`))[0]!.endsWith('cannot be read: it is larger than 1048576 bytes'));
  });

  it('ends on a file without end', () => {
    ok(said('/dev/zero')[0]!.endsWith('cannot be read: it is larger than 1048576 bytes'));
  });

  it('names what is in the way', () => {
    const missing = join(folder, 'missing.yaml');
    deepEqual(said(missing), [`ZIDECAR_CONFIG="${missing}" cannot be read: there is no such file`]);
    deepEqual(said(folder), [`ZIDECAR_CONFIG="${folder}" cannot be read: it is a folder`]);
    const latin = file('latin.yaml', Uint8Array.of(0x61, 0x3a, 0x20, 0xe4));
    deepEqual(said(latin), [`ZIDECAR_CONFIG="${latin}" cannot be read: it is not UTF-8`]);
    const loop = join(folder, 'loop');
    symlinkSync(loop, loop);
    ok(said(loop)[0]!.startsWith(`ZIDECAR_CONFIG="${loop}" cannot be read: ELOOP`));
  });

  it('is not begun when no file is named', () => {
    throws(
      () =>
        loadConfig({
          env: {},
          readFile: () => {
            throw new Error('read');
          },
        }),
      ConfigError,
    );
  });
});
