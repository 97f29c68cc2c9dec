/** Text in, text out: what is not changed stays to the byte, what is changed can be taken back, and every object is a valid one. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import { applyPatch } from 'rfc6902';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { changes, pointer } from '../../../deploy/inject/changes.js';
import { inject, type InjectOptions } from '../../../deploy/inject/inject.js';
import { at, isMap, mapsAt, type Json, type JsonMap } from '../../../deploy/inject/json.js';
import { changePart, parts, unwantedNamespaces, type Remark, type Transform } from '../../../deploy/inject/manifest.js';
import { uninject } from '../../../deploy/inject/uninject.js';
import { findWorkloads } from '../../../deploy/inject/workloads.js';
import { asMap, containersOf, faults, notRestricted } from '../../support/kubernetes.js';

const options: InjectOptions = { settings: { zookeeper: 'zk:2181' }, container: { image: 'zidecar:1', 'http-proxy': true } };
const put: Transform = (pod, workload) => inject(pod, workload, options);

function through(text: string, transform: Transform): { readonly text: string; readonly remarks: readonly Remark[] } {
  const all = parts(text);
  const done = all.map((part) => changePart(part, transform, unwantedNamespaces(all)));
  return { text: done.map((part) => part.text).join(''), remarks: done.flatMap((part) => part.remarks) };
}
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
      equal(`${wrong!.kind} ${wrong!.about}`, 'wrong the document at line 1');
      match(wrong!.text, problem);
      equal(remarks.filter(({ kind }) => kind === 'injected').length, 3);
    });
  }

  it('of a megabyte is changed pod by pod in one reading', () => {
    const one = read('shop').split('---\n')[2]!;
    const source = Array.from({ length: 530 }, (_, index) => `---\n${one.replaceAll('cart', `cart-${index}`)}`).join('');
    ok(source.length > 1024 * 1024 * 0.9, String(source.length));
    const { text, remarks } = through(source, put);
    equal(remarks.filter(({ kind }) => kind === 'injected').length, 530);
    equal(through(text, uninject).text, source);
  });
});

const name = fc.stringMatching(/^[a-z]([-a-z0-9]{0,8}[a-z0-9])?$/);
const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const port = fc.record(
  { containerPort: fc.integer({ min: 1, max: 6000 }), name: some(name) },
  { requiredKeys: ['containerPort'] },
);
const hook = fc.constantFrom({ exec: { command: ['x'] } }, { sleep: { seconds: 3 } });
const probe = fc.record({
  httpGet: fc.record({ path: fc.constantFrom('/', '/a', 'b c'), port: fc.constantFrom(80, 'http', 'x') }),
});
const container = fc.record(
  {
    name,
    image: fc.constantFrom('a:1', 'b'),
    ports: fc.array(port, { maxLength: 3 }),
    env: fc.array(fc.record({ name: fc.constantFrom('A', 'http_proxy', 'NO_PROXY'), value: fc.string() }), { maxLength: 2 }),
    lifecycle: fc.record({ preStop: hook, postStart: hook }, { requiredKeys: [] }),
    readinessProbe: probe,
  },
  { requiredKeys: ['name', 'image'] },
);
const containers = (minLength: number): fc.Arbitrary<JsonMap[]> =>
  fc.uniqueArray(container, { minLength, maxLength: 3, selector: (one) => one.name });
/** Cloned, as what comes from YAML and JSON has the usual prototype. */
const podArbitrary: fc.Arbitrary<JsonMap> = fc
  .record(
    {
      metadata: fc.record(
        {
          labels: fc.dictionary(fc.constantFrom('app', 'k8s-app', 'x/y~z'), name),
          annotations: fc.dictionary(
            fc.constantFrom('a', 'prometheus.io/port', 'config.zidecar.dev/zone', 'zidecar.dev/sidecar'),
            fc.constantFrom('classic', 'native'),
          ),
        },
        { requiredKeys: [] },
      ),
      spec: fc.record(
        {
          containers: containers(1),
          initContainers: containers(0),
          volumes: fc.constantFrom([], [{ name: 'v', emptyDir: {} }]),
          terminationGracePeriodSeconds: fc.integer({ min: 0, max: 100 }),
          restartPolicy: fc.constantFrom('Always', 'Never'),
          securityContext: fc.constantFrom({}, { runAsUser: 0 }, { fsGroup: 1 }),
        },
        { requiredKeys: ['containers'] },
      ),
    },
    { requiredKeys: ['spec'] },
  )
  .map((pod) => JSON.parse(JSON.stringify(pod)) as JsonMap);
const workload = { kind: 'Deployment', name: 'w' };

describe('any pod', () => {
  it('comes back from inject and uninject as it was; is valid between; and is injected once', () => {
    fc.assert(
      fc.property(podArbitrary, (pod) => {
        const before = structuredClone(pod);
        const made = inject(pod, workload, options);
        deepEqual(pod, before, 'what came in was changed');
        if (made.kind !== 'injected') return;
        deepEqual(faults({ apiVersion: 'v1', kind: 'Pod', ...made.pod }), []);
        equal(inject(made.pod, workload, options).kind, 'left');
        deepEqual(uninject(made.pod), { kind: 'uninjected', pod });
      }),
      { numRuns: 150 },
    );
  });

  it('becomes by the JSON patch of the changes what inject made of it', () => {
    fc.assert(
      fc.property(podArbitrary, (pod) => {
        const made = inject(pod, workload, options);
        if (made.kind !== 'injected') return;
        const patched = structuredClone(pod);
        const patch = changes(pod, made.pod).map((change) => ({ ...change, path: pointer(change.path) }));
        deepEqual(
          applyPatch(patched, patch).filter((error) => error !== null),
          [],
        );
        deepEqual(patched, made.pod);
      }),
      { numRuns: 150 },
    );
  });

  it('means in YAML, however it is written, what inject made of it', () => {
    fc.assert(
      fc.property(
        podArbitrary,
        fc.boolean(),
        fc.constantFrom('any', 'flow', 'plain') as fc.Arbitrary<'any' | 'flow'>,
        (pod, indentSeq, style) => {
          const made = inject(pod, workload, options);
          const object = { apiVersion: 'v1', kind: 'Pod', ...pod };
          const source = stringify(object, { version: '1.1', indentSeq, collectionStyle: style === 'flow' ? 'flow' : 'any' });
          const { text } = through(source, (one) => inject(one, workload, options));
          deepEqual(
            parse(text, { version: '1.1' }),
            made.kind === 'injected' ? { apiVersion: 'v1', kind: 'Pod', ...made.pod } : object,
          );
          deepEqual(parse(through(text, uninject).text, { version: '1.1' }), object);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('of any shape at all is answered, never thrown at', () => {
    const odd = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, 0, '', 'Always', true),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(
          fc.constantFrom(
            'metadata',
            'spec',
            'containers',
            'initContainers',
            'name',
            'annotations',
            'labels',
            'lifecycle',
            'env',
            'ports',
            'volumes',
            '__proto__',
            'zidecar.dev/injected',
            'httpGet',
            'readinessProbe',
            'containerPort',
          ),
          tie('value'),
        ),
      ),
    })).value as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(odd, odd, (spec, metadata) => {
        const pod: JsonMap = { metadata, spec: isMap(spec) ? { containers: [{ name: 'a' }], ...spec } : spec };
        ok(['injected', 'left', 'refused'].includes(inject(pod, workload, options).kind));
        ok(['uninjected', 'left', 'refused'].includes(uninject(pod).kind));
      }),
      { numRuns: 1000 },
    );
  });

  it('with a record that somebody has written is refused, not cut apart', () => {
    for (const record of ['', '{}', '[]', '{"version":2}', '{"version":1,"made":"x"}', 'null']) {
      const pod = {
        metadata: { annotations: { 'zidecar.dev/injected': record } },
        spec: { containers: [{ name: 'a', image: 'a' }] },
      };
      equal(uninject(pod).kind, 'refused');
    }
  });
});
