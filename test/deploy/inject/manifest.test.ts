/** Text in, text out: what is not changed stays to the byte, what is changed can be taken back, and every object is a valid one. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { at, mapsAt, type Json } from '../../../deploy/inject/json.js';
import { uninject } from '../../../deploy/inject/uninject.js';
import { findWorkloads } from '../../../deploy/inject/workloads.js';
import { asMap, containersOf, faults, notRestricted } from '../../support/kubernetes.js';
import { put, through } from './through.js';

const read = (name: string): string =>
  readFileSync(new URL(`../../../../test/deploy/inject/manifests/${name}.yaml`, import.meta.url), 'utf8');
/** As Kubernetes reads it: YAML 1.1, every document. */
const objects = (text: string): readonly Json[] =>
  parseAllDocuments(text, { version: '1.1' }).flatMap((document) => {
    const value = document.toJS() as Json;
    const items = at(value, ['items']);
    return value === null ? [] : Array.isArray(items) ? (items as Json[]) : [value];
  });
const linesOf = (text: string): Map<string, number> => {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) found.set(line, (found.get(line) ?? 0) + 1);
  return found;
};

describe('a manifest', () => {
  for (const name of ['shop', 'database', 'batch', 'shared', 'hard']) {
    it(`comes out with every object valid, and every sidecar fit for Pod Security "restricted": ${name}`, () => {
      const { text, remarks } = through(read(name), put);
      ok(remarks.some(({ kind }) => kind === 'injected'));
      deepEqual(
        remarks.filter(({ kind }) => kind === 'wrong'),
        [],
      );
      const all = objects(text);
      equal(all.length, objects(read(name)).length);
      for (const object of all) {
        deepEqual(name === 'hard' ? [] : faults(object), []);
        for (const { path } of findWorkloads(object)) {
          const pod = asMap(at(object, path));
          const ours = containersOf(pod).filter((container) => container['name'] === 'zidecar');
          equal(ours.length, 1);
          deepEqual(notRestricted(pod, ours[0]!), []);
        }
      }
    });

    it(`is left alone when it has its sidecars already: ${name}`, () => {
      const once = through(read(name), put).text;
      const twice = through(once, put);
      equal(twice.text, once);
      deepEqual(new Set(twice.remarks.map(({ kind }) => kind)), new Set(['left']));
    });

    it(`means what it meant when they are taken out again: ${name}`, () => {
      const back = through(through(read(name), put).text, uninject).text;
      // an empty `annotations:` means the same as none
      const bare = (value: unknown): unknown =>
        JSON.parse(JSON.stringify(value, (_, inner: unknown) => (inner === null ? undefined : inner)));
      deepEqual(bare(objects(back)), bare(objects(read(name))));
    });
  }

  for (const name of ['shop', 'database', 'batch']) {
    it(`keeps every line that was there, and comes back to the byte: ${name}`, () => {
      for (const source of [read(name), read(name).replaceAll('\n', '\r\n'), `\ufeff${read(name)}`, read(name).trimEnd()]) {
        const { text } = through(source, put);
        // in a flow map the sidecar has to stand in its line, and a grace period is another number
        const gone = [...linesOf(source)].filter(([line, count]) => (linesOf(text).get(line) ?? 0) < count).map(([line]) => line);
        ok(
          gone.every((line) => /Grace|containers: \[|^spec:? *$|metadata: \{|lifecycle: \{\}|restartPolicy: Never/.test(line)),
          gone.join('\n'),
        );
        equal(through(text, uninject).text.trimEnd(), source.trimEnd());
      }
    });
  }

  it('is written with the line ends that it has', () => {
    const { text } = through(read('database').replaceAll('\n', '\r\n'), put);
    deepEqual(text.match(/[^\r]\n/g), null);
  });

  it('has lists indented as its own are', () => {
    match(through(read('database'), put).text, /\n {6}initContainers:\n {6}- name: zidecar\n {8}image/);
    match(through(read('batch'), put).text, /\n {10}initContainers:\n {12}- name: zidecar\n {14}image/);
  });

  it('is left to the byte where nothing can be put in, and each reason is told', () => {
    const { text, remarks } = through(read('left'), put);
    equal(text, read('left'));
    deepEqual(
      remarks.map(({ about, text: why }) => `${about}: ${why}`),
      [
        'pod/in-quiet: its namespace quiet says zidecar.dev/inject: disabled',
        "pod/host: it uses the network of its host, where a sidecar's ports would meet others'",
        'pod/no-thanks: it says zidecar.dev/inject: disabled',
        'pod/label-wins: it says zidecar.dev/inject: disabled',
        'pod/has-it: it has a container named zidecar already',
        'pod/win: it runs on Windows, for which there is no image',
        "rollout/canary: the kind Rollout is not one of Kubernetes' own",
        'deployment/odd: it has no containers',
      ],
    );
  });

  it('that is JSON stays JSON', () => {
    const list = { apiVersion: 'v1', kind: 'List', items: objects(read('database')) } as Json;
    for (const indent of [undefined, 2, '\t']) {
      const source = `${JSON.stringify(list, undefined, indent)}\n`;
      const { text } = through(source, put);
      deepEqual(mapsAt(JSON.parse(text), 'items').map(faults), [[]]);
      equal(text.split('\n')[1]?.match(/^\s*/)?.[0], source.split('\n')[1]?.match(/^\s*/)?.[0]);
      equal(through(text, uninject).text, source);
    }
  });

  it('gives two workloads that share a template by an alias a sidecar each', () => {
    const { text, remarks } = through(read('shared'), put);
    deepEqual(
      objects(text).map((object) => mapsAt(object, 'spec', 'template', 'spec', 'initContainers').map(({ name }) => name)),
      [['zidecar'], ['zidecar']],
    );
    match(text, /# shared by both/);
    ok(remarks.some(({ kind, text: what }) => kind === 'note' && /line by line/.test(what)));
  });

  it('keeps a key named __proto__ as what it is', () => {
    const { text } = through(read('hard'), put);
    match(text, /\n {8}__proto__: a-label-like-any-other\n/);
    equal(Object.getPrototypeOf({}), Object.prototype);
    equal(({} as Record<string, unknown>)['a-label-like-any-other'], undefined);
  });

  const pod = (spec: string): string => `kind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n${spec}`;
  const nested = (depth: number): string => pod(`  - name: a\n    env: ${'['.repeat(depth)}${']'.repeat(depth)}\n`);
  const bomb = [
    'a: &a [x, x, x, x, x, x, x, x, x, x]',
    ...'bcdefghi'.split('').map((key, index) => `${key}: &${key} [${`*${'abcdefgh'[index]!}, `.repeat(10)}]`),
  ].join('\n');
  for (const [what, text, problem] of [
    ['a tab', pod('\t- name: a\n'), /Tabs are not allowed as indentation at line 5, column 1/],
    [
      'a key twice',
      pod('  - name: a\n    image: x\n    image: y\n'),
      /the key "image" stands twice in a map, again at line 7, column 5/,
    ],
    ['a bracket that is not closed', pod('  - {name: a\n'), /must be sufficiently indented and end with a } at line 7/],
    ['depth', nested(100_000), /it is nested more than 100 deep/],
    ['aliases without end', `containers: 1\n${bomb}`, /alias/],
  ] as const) {
    it(`with ${what} stays as it was, and the others are served`, () => {
      const { text: out, remarks } = through(`${text}\n---\n${read('batch')}`, put);
      ok(out.startsWith(`${text}\n---\n`));
      const [wrong] = remarks;
      equal(`${wrong!.kind} ${wrong!.about}`, 'wrong document 1 (from line 1)');
      match(wrong!.text, problem);
      equal(remarks.filter(({ kind }) => kind === 'injected').length, 3);
    });
  }

  it('has what is wrong with a document told though no pod is in it, by number, line and reason', () => {
    const source = `# all of it\n%YAML 1.1\n---\nkind: ConfigMap\n---\nkind: Service\nspec:\n  ports: [\n---\n${read('batch')}`;
    const { text, remarks } = through(source, put);
    match(text, /^# all of it\n%YAML 1\.1\n---\nkind: ConfigMap\n---\nkind: Service\nspec:\n {2}ports: \[\n---\n/);
    deepEqual(
      remarks.filter(({ kind }) => kind !== 'injected').map(({ kind, about, text: what }) => `${kind} ${about}: ${what}`),
      [
        'wrong document 2 (from line 5): Flow sequence in block collection must be sufficiently indented and end with a ] at line 9, column 1',
      ],
    );
    equal(remarks.filter(({ kind }) => kind === 'injected').length, 3);
  });

  it('of a megabyte is changed pod by pod in one reading', () => {
    const one = read('shop').split('---\n')[2]!;
    const source = Array.from({ length: 530 }, (_, index) => `---\n${one.replaceAll('cart', `cart-${index}`)}`).join('');
    ok(source.length > 1024 * 1024 * 0.9, String(source.length));
    const { text, remarks } = through(source, put);
    equal(remarks.filter(({ kind }) => kind === 'injected').length, 530);
    equal(through(text, uninject).text, source);
  });
});
