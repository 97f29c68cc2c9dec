/** What an API server gets for an answer, whatever it asks. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import { applyPatch, type Operation } from 'rfc6902';
import { inject } from '../../../deploy/inject/inject.js';
import { at, isMap, putAt, textAt, type Json, type JsonMap } from '../../../deploy/inject/json.js';
import { uninject } from '../../../deploy/inject/uninject.js';
import { answer } from '../../../deploy/webhook/review.js';
import { faults } from '../../support/kubernetes.js';
import { podOf, question } from './question.js';

const options = { settings: { zookeeper: 'zk:2181' }, container: { image: 'zidecar:1' } };
const response = (asked: Json): JsonMap => {
  const found = at(answer(asked, options)?.review, ['response']);
  ok(isMap(found));
  return found;
};
const patched = (pod: JsonMap): JsonMap => {
  const copy = structuredClone(pod);
  const patch = JSON.parse(Buffer.from(textAt(response(question(pod)), 'patch')!, 'base64').toString('utf8')) as Operation[];
  deepEqual(
    applyPatch(copy, patch).filter((error) => error !== null),
    [],
  );
  return copy;
};

describe('an answer', () => {
  it('is a JSON patch that makes of the pod what inject does, and a valid one', () => {
    const made = inject(podOf(), { kind: 'ReplicaSet', name: 'orders' }, options);
    ok(made.kind === 'injected');
    const copy = patched(podOf());
    deepEqual(copy, made.pod);
    deepEqual(faults(copy), []);
    equal(response(question())['patchType'], 'JSONPatch');
  });

  it('carries the uid of its question, and is the same in a dry run', () => {
    const dry = question(podOf(), { dryRun: true });
    equal(textAt(response(dry), 'uid'), textAt(dry, 'request', 'uid'));
    deepEqual(response(dry), response(question()));
  });

  it('is no patch when it is asked again about what it has patched', () => {
    const again = response(question(patched(podOf())));
    deepEqual([again['allowed'], again['patch'], again['warnings']], [true, undefined, undefined]);
  });

  it('lets a container that another webhook has put in wait as the others do, and takes that back again', () => {
    const once = patched(podOf());
    const later = { name: 'later', image: 'later:1' };
    const containers = at(once, ['spec', 'containers']) as readonly Json[];
    const grown = putAt(once, ['spec', 'containers'], [...containers, later]) as JsonMap;
    const twice = patched(grown);
    const hook = at(twice, ['spec', 'containers', 0, 'lifecycle', 'preStop']);
    deepEqual(at(twice, ['spec', 'containers', 1]), { ...later, lifecycle: { preStop: hook } });
    deepEqual(at(twice, ['spec', 'initContainers']), at(once, ['spec', 'initContainers']));
    equal(response(question(twice))['patch'], undefined);
    const bare = uninject(twice);
    ok(bare.kind === 'uninjected');
    const podAndLater = putAt(
      podOf(),
      ['spec', 'containers'],
      [...(at(podOf(), ['spec', 'containers']) as readonly Json[]), later],
    );
    deepEqual(bare.pod, podAndLater);
  });

  it('leaves a pod with a record that is none of ours as it is, whatever it says', () => {
    const record = (text: string): JsonMap =>
      putAt(patched(podOf()), ['metadata', 'annotations', 'zidecar.dev/injected'], text) as JsonMap;
    for (const text of ['', '{}', '{"version":1,"made":[],"annotations":[],"preStop":["nobody"],"proxy":[]}', '{"version":2}'])
      equal(response(question(record(text)))['patch'], undefined, text);
  });

  for (const [what, asked, warning] of [
    ['disabled by an annotation', question(podOf({ annotations: { 'zidecar.dev/inject': 'disabled' } })), undefined],
    [
      'on the network of its host',
      question(podOf({}, { hostNetwork: true })),
      /^no zidecar sidecar: it uses the network of its host/,
    ],
    [
      'with a wrong annotation',
      question(podOf({ annotations: { 'config.zidecar.dev/weight': 'x' } })),
      /metadata\.annotations\["config\.zidecar\.dev\/weight"\]: "x"/,
    ],
    ['with containers that are none', question(podOf({}, { containers: [null] })), /its spec\.containers\[0\] has no name$/],
    ['that is no map', question('x'), undefined],
    ['that is updated', question(podOf(), { operation: 'UPDATE' }), undefined],
    ['that gets a container for debugging', question(podOf(), { subResource: 'ephemeralcontainers' }), undefined],
    [
      'that is a Deployment',
      question({ kind: 'Deployment' }, { resource: { group: 'apps', version: 'v1', resource: 'deployments' } }),
      undefined,
    ],
  ] as const) {
    it(`allows a pod ${what}, without a patch${warning ? ' and with a warning' : ''}`, () => {
      const { allowed, patch, warnings } = response(asked);
      deepEqual([allowed, patch], [true, undefined]);
      if (warning === undefined) equal(warnings, undefined);
      else match((warnings as readonly string[])[0]!, warning);
    });
  }

  it('warns in no more words than an API server shows', () => {
    const annotations = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`config.zidecar.dev/x${index}`, 'y']));
    const [warning] = response(question(podOf({ annotations })))['warnings'] as readonly string[];
    equal(warning!.length, 256);
  });

  it('is given to nobody who asks something else', () => {
    const beta = { ...question(), apiVersion: 'admission.k8s.io/v1beta1' };
    for (const odd of [null, 7, [], {}, { kind: 'AdmissionReview' }, beta, question(podOf(), { uid: 7 })] as Json[])
      equal(answer(odd, options), undefined);
  });

  it('allows whatever a hostile question is made of', () => {
    const names = [
      'spec',
      'containers',
      'metadata',
      'annotations',
      'labels',
      'name',
      'ports',
      'env',
      '__proto__',
      'constructor',
      'volumes',
      'initContainers',
    ];
    const odd = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom<Json>(null, 0, 'app', true, [], {}),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...names), tie('value')),
      ),
    })).value;
    fc.assert(
      fc.property(odd, fc.constantFrom('object', 'operation', 'resource', 'namespace', 'subResource', 'name'), (value, where) => {
        equal(response(question(podOf(), { [where]: value }))['allowed'], true);
      }),
      { numRuns: 1000 },
    );
  });
});
