/** Whatever the pod: there and back again, as a patch and as text. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyPatch } from 'rfc6902';
import { parse, stringify } from 'yaml';
import { changes, pointer } from '../../../deploy/inject/changes.js';
import { inject } from '../../../deploy/inject/inject.js';
import { isMap, type Json, type JsonMap } from '../../../deploy/inject/json.js';
import { uninject } from '../../../deploy/inject/uninject.js';
import { fc } from '../../support/fast-check.js';
import { faults } from '../../support/kubernetes.js';
import { options, through } from './through.js';

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
