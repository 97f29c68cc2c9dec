/** The shape of the house, as a test: it fails with the file and the line that breaks it. See agent/README.md for the reasons. */
import { deepEqual, ok } from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';

const root = process.cwd();
const mayImport: Record<string, readonly string[]> = {
  lb: ['lb/'],
  health: ['health/'],
  agent: ['agent/', 'lb/', 'health/'],
  deploy: ['deploy/', 'agent/config/', 'agent/printable.ts', 'agent/eviction.ts'],
};
/** One importer for each third-party package, so that each can be replaced in one file. */
const importers: Record<string, readonly string[]> = {
  zookeeper: ['agent/registry/zookeeper.ts'],
  pino: ['agent/log.ts'],
  'pino-pretty': ['agent/log.ts'],
  'prom-client': ['agent/metrics.ts'],
  yargs: ['agent/cli.ts'],
  yaml: ['agent/config/file.ts', 'deploy/inject/yaml-text.ts', 'deploy/inject/yaml-lines.ts'],
  'fastest-levenshtein': ['agent/config/nearest.ts'],
  picocolors: ['agent/text.ts'],
  'http-proxy': ['lb/full/upgrade.ts'],
  undici: ['lb/full/pools.ts', 'lb/full/attempt.ts'],
};
/** Loaded when it is asked for, never read from disk by a sidecar that runs. */
const lazily = (file: string, to: string): boolean =>
  ['agent/execute.ts', 'agent/main.ts'].includes(file) &&
  to.startsWith('deploy/') &&
  new RegExp(`await import\\('\\.\\./${to.replace(/\.ts$/, '')}\\.js'\\)`).test(text.get(file)!);
/** Large, and of no use to most sidecars: loaded where they are needed, since each costs every pod its memory. */
const onDemand = ['yargs', 'yaml', 'zookeeper', 'pino-pretty'];
/** The importers of undici and http-proxy, which are as large: loaded, as they are, by the first call that is not plain. */
const onFirstCall = ['pools', 'upgrade'];
const impure =
  /(?<![.\w])(Date\.now|new Date\(\)|Math\.random|setTimeout|setInterval|setImmediate|process\.env|performance\.now)\b/;
/** The edges: the clock, the two programs of the image, and what waits for the end of a turn of the event loop. */
const mayBeImpure = [
  'agent/system.ts',
  'agent/main.ts',
  'agent/log-output.ts',
  'deploy/live.ts',
  'lb/fast/inbox.ts',
  'lb/fast/outbox.ts',
  'lb/flow.ts',
  'lb/full/lane.ts',
  'lb/reset.ts',
];

const files = Object.keys(mayImport).flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`),
);
const text = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
const imports = (file: string): string[] =>
  [...text.get(file)!.matchAll(/(?:^|[\s;}])(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!);
const ours = (file: string): string[] =>
  imports(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(root, join(root, dirname(file), specifier)).replace(/\.js$/, '.ts'));
const thirdParty = (file: string): string[] =>
  imports(file).filter((name) => !name.startsWith('.') && !name.startsWith('node:') && !builtinModules.includes(name));
const breaches = (check: (file: string) => string[]): string[] =>
  files.flatMap((file) => check(file).map((what) => `${file}: ${what}`));

describe('architecture', () => {
  it('imports only point down: deploy knows the settings, agent knows lb and health, lb and health know only themselves', () => {
    deepEqual(
      breaches((file) =>
        ours(file).filter(
          (to) => !mayImport[file.split('/')[0]!]!.some((allowed) => to.startsWith(allowed)) && !lazily(file, to),
        ),
      ),
      [],
    );
  });

  it('has one importer for each third-party package', () => {
    deepEqual(
      breaches((file) => thirdParty(file).filter((name) => !importers[name]?.includes(file))),
      [],
    );
  });

  it('keeps the wire client apart, so that it can be published by itself: it imports its own folder and node, and names no setting', () => {
    const wire = 'agent/registry/wire/';
    deepEqual(
      breaches((file) =>
        file.startsWith(wire)
          ? [
              ...[...ours(file).filter((to) => !to.startsWith(wire)), ...thirdParty(file)],
              ...(text.get(file)!.match(/ZIDECAR_\w+/g) ?? []),
            ]
          : [],
      ),
      [],
    );
    ok(files.some((file) => file === `${wire}client.ts`));
  });

  it('loads what most sidecars never need on demand', () => {
    const always = (name: string): RegExp => new RegExp(`^import (?!type )[^;]*'${name}'`, 'm');
    deepEqual(
      breaches((file) => (file.startsWith('deploy/') ? [] : onDemand.filter((name) => always(name).test(text.get(file)!)))),
      [],
    );
  });

  it('does not import node:http, for which node would load its own undici (lb/node-http.ts)', () => {
    deepEqual(
      breaches((file) =>
        file.startsWith('deploy/webhook/')
          ? []
          : /^import (?!type )[^;]*'(node:https?)'/m.test(text.get(file)!)
            ? ['node:http']
            : [],
      ),
      [],
    );
  });

  it('loads what only calls that are not plain need by the first of them', () => {
    const always = new RegExp(`^import (?!type )[^;]*/(${onFirstCall.join('|')})\\.js'`, 'm');
    deepEqual(
      breaches((file) => (file.startsWith('lb/full/') ? (always.exec(text.get(file)!) ?? []).slice(1) : [])),
      [],
    );
    deepEqual(
      breaches((file) =>
        /^import (?!type )[^;]*'(undici|http-proxy)'/m.test(text.get(file)!) &&
        !onFirstCall.some((name) => file === `lb/full/${name}.ts`)
          ? ['undici or http-proxy at start']
          : [],
      ),
      [],
    );
  });

  it('has no import cycle', () => {
    const done = new Set<string>();
    const walk = (file: string, path: readonly string[]): string[] => {
      if (path.includes(file)) return [[...path.slice(path.indexOf(file)), file].join(' -> ')];
      if (done.has(file)) return [];
      const found = ours(file).flatMap((to) => (text.has(to) ? walk(to, [...path, file]) : []));
      done.add(file);
      return found;
    };
    deepEqual(
      files.flatMap((file) => walk(file, [])),
      [],
    );
  });

  it('reads time, chance and the environment at the edge only', () => {
    deepEqual(
      breaches((file) =>
        mayBeImpure.includes(file)
          ? []
          : text
              .get(file)!
              .split('\n')
              .flatMap((line, index) =>
                impure.test(line.replace(/^\s*(\/\/|\*).*/, '')) ? [`line ${index + 1}: ${line.trim()}`] : [],
              ),
      ),
      [],
    );
  });

  it('ends the process in one place', () => {
    deepEqual(
      breaches((file) => (file !== 'agent/main.ts' && /process\.exit\(/.test(text.get(file)!) ? ['process.exit'] : [])),
      [],
    );
  });

  it('keeps every file short enough to read in one sitting', () => {
    deepEqual(
      breaches((file) => (text.get(file)!.split('\n').length > 300 ? ['more than 300 lines'] : [])),
      [],
    );
  });
});
