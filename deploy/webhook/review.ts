/**
 * One question of an API server and its answer: an AdmissionReview in, an AdmissionReview out. Every pod is allowed, whatever is wrong with
 * it or with us: a webhook that says no stops a cluster. A pod that gets no sidecar comes back with a warning, which kubectl shows. The
 * answer depends on the question alone, so a dry run is like any other.
 */
import { printable } from '../../agent/printable.js';
import { wish } from '../inject/annotations.js';
import { changes, pointer } from '../inject/changes.js';
import { complete } from '../inject/complete.js';
import { inject, type InjectOptions, type Verdict } from '../inject/inject.js';
import { at, isMap, mapAt, member, nameOf, textAt, type Json, type JsonMap } from '../inject/json.js';
import { NAME } from '../inject/sidecar.js';
import { workloadOf } from '../inject/workloads.js';

export type Result = 'injected' | 'left' | 'refused' | 'failed';

export interface Answer {
  readonly review: JsonMap;
  readonly result: Result;
  /** For the log: `orders/orders-5d4f8c7b9-: announces orders on port 8080`. */
  readonly told: string;
}

/** Undefined: this is no AdmissionReview of version 1. Never throws. */
export function answer(question: Json, options: InjectOptions): Answer | undefined {
  const request = member(question, 'request');
  const uid = textAt(request, 'uid');
  const right = textAt(question, 'kind') === 'AdmissionReview' && textAt(question, 'apiVersion') === 'admission.k8s.io/v1';
  if (!right || uid === undefined || uid === '' || uid.length > 256) return undefined;
  const pod = member(request, 'object');
  const about = printable(`${textAt(request, 'namespace') ?? ''}/${podName(request, pod)}`, 300);
  const reply = (result: Result, told: string, more: JsonMap = {}): Answer => ({
    review: {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid, allowed: true, ...more },
    },
    result,
    told: `${about}: ${told}`,
  });
  const patched = (to: JsonMap, told: string): Answer => {
    const patch = changes(pod as JsonMap, to).map((change) => ({ ...change, path: pointer(change.path) }));
    return reply('injected', told, { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') });
  };
  const warned = (result: Result, why: string): Answer => reply(result, why, { warnings: [warning(why)] });

  if (!isPodBeingMade(request) || !isMap(pod)) return reply('left', 'it is not a pod that is being made');
  let verdict: Verdict;
  try {
    verdict = inject(pod, workloadOf(pod), options);
  } catch (error) {
    return warned('failed', `a fault of ours: ${printable((error as Error).message)}`);
  }
  switch (verdict.kind) {
    case 'left': {
      const whole = complete(pod);
      if (whole !== undefined) return patched(whole, 'a container that came later waits as the others do');
      return wanted(pod) ? warned('left', verdict.reason) : reply('left', verdict.reason);
    }
    case 'refused':
      return warned('refused', verdict.problems.map((problem) => printable(problem)).join('; '));
    case 'injected':
      return patched(verdict.pod, [verdict.told, ...verdict.notes.map((note) => printable(note, 300))].join('; '));
  }
}

const isPodBeingMade = (request: Json | undefined): boolean =>
  textAt(request, 'operation') === 'CREATE' &&
  textAt(request, 'resource', 'resource') === 'pods' &&
  (textAt(request, 'subResource') ?? '') === '';

const podName = (request: Json | undefined, pod: Json | undefined): string =>
  [textAt(request, 'name'), textAt(pod, 'metadata', 'name'), textAt(pod, 'metadata', 'generateName')].find((name) => name) ?? '';

/** Nobody asked for none, and it has none yet. */
const wanted = (pod: JsonMap): boolean => {
  const containers = ['initContainers', 'containers'].flatMap((key) => at(pod, ['spec', key]) ?? []) as readonly Json[];
  return wish(mapAt(pod, 'metadata')) !== 'disabled' && !containers.some((container) => nameOf(container) === NAME);
};

/** What an API server shows of a warning. */
const MOST_SHOWN = 256;
const warning = (why: string): string => {
  const text = `no zidecar sidecar: ${why}`;
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN - 1)}…` : text;
};

const WARM_ROUNDS = 30;

/** The first answer costs ten times the hundredth, until the code is compiled: better before somebody waits for it. */
export function warmUp({ settings, container }: InjectOptions): void {
  const options = { settings, container }; // all of it each time, as for a pod with settings of its own
  const containers = [
    { name: 'app', image: 'app', ports: [{ containerPort: 8080 }], readinessProbe: { httpGet: { port: 8080 } } },
  ];
  const request = {
    uid: 'warm',
    operation: 'CREATE',
    resource: { resource: 'pods' },
    object: { metadata: {}, spec: { containers } },
  };
  for (let round = 0; round < WARM_ROUNDS; round++)
    answer({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request }, options);
}
