/** What is read from the app, and what a person is told where that cannot be done, or no call could succeed. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inject } from '../../../deploy/inject/inject.js';
import type { JsonMap } from '../../../deploy/inject/json.js';
import { workloadOf } from '../../../deploy/inject/workloads.js';
import { answer } from '../../../deploy/webhook/review.js';
import { podOf as podMade, question } from '../webhook/question.js';
import { app, envOf, injected, of, options, podOf, said } from './pods.js';

const notesOf = (container: JsonMap, annotations: JsonMap = {}): readonly string[] => {
  const pod = { metadata: { annotations }, spec: { containers: [{ name: 'app', image: 'orders:1', ...container }] } };
  const made = inject(pod, { kind: 'Deployment', name: 'orders' }, options);
  if (made.kind !== 'injected') throw new Error(JSON.stringify(made));
  return made.notes;
};
const tls = (port: number): string =>
  `announces port ${port}, which looks like TLS: zidecar carries plain HTTP, so peers' calls will fail; config.zidecar.dev/app-port chooses another`;
const unlisted = 'no container lists a port, though one is probed on 8080: config.zidecar.dev/app-port: "8080" announces it';

describe('what is read from the app', () => {
  const http = (httpGet: JsonMap, more: JsonMap = {}): JsonMap => ({ readinessProbe: { httpGet, ...more } });
  for (const [what, container, probe] of [
    ['the path of its readiness probe', http({ path: '/ready', port: 8080 }), '/ready'],
    ['a path without its slash', http({ path: 'ready', port: 8080 }), '/ready'],
    ['a port by its name', { ...http({ path: '/r', port: 'web' }), ports: [{ containerPort: 8080, name: 'web' }] }, '/r'],
    ['a port of its own', http({ path: '/r', port: 8081 }), 'http://127.0.0.1:8081/r'],
    ['no path at all', http({ port: 8080 }), '/'],
    ['a connect', { readinessProbe: { tcpSocket: { port: 8080 } } }, 'tcp'],
    ['liveness where there is no readiness', { livenessProbe: { httpGet: { path: '/live', port: 8080 } } }, '/live'],
    [
      'readiness before liveness',
      { ...http({ path: '/r', port: 8080 }), livenessProbe: { httpGet: { path: '/l', port: 8080 } } },
      '/r',
    ],
    ['TLS', http({ path: '/r', port: 8080, scheme: 'HTTPS' }), 'tcp'],
    ['a command', { readinessProbe: { exec: { command: ['x'] } } }, 'tcp'],
    ['gRPC', { readinessProbe: { grpc: { port: 8080 } } }, 'tcp'],
    ['another host', http({ path: '/r', port: 8080, host: 'other' }), 'tcp'],
    ['a path with a space', http({ path: '/a b', port: 8080 }), 'tcp'],
    ['no probe', {}, 'tcp'],
  ] as const) {
    it(`turns ${what} into ${probe}`, () =>
      equal(envOf(injected(podOf({ containers: [app(container)] })).pod)['ZIDECAR_PROBE'], probe));
  }

  it('waits for a slow probe as long as the kubelet does', () => {
    const { pod } = injected(podOf({ containers: [app(http({ path: '/r', port: 8080 }, { timeoutSeconds: 7 }))] }));
    equal(envOf(pod)['ZIDECAR_PROBE_TIMEOUT'], '7s');
  });

  for (const [what, ports, port] of [
    ['the first', [{ containerPort: 7000 }, { containerPort: 7001 }], '7000'],
    [
      'the one named http',
      [
        { containerPort: 9090, name: 'metrics' },
        { containerPort: 80, name: 'http' },
      ],
      '80',
    ],
    [
      'the one named http-api',
      [
        { containerPort: 9090, name: 'metrics' },
        { containerPort: 80, name: 'http-api' },
      ],
      '80',
    ],
    ['none of UDP', [{ containerPort: 53, protocol: 'UDP' }, { containerPort: 80 }], '80'],
    ['the one of an annotation', [{ containerPort: 1 }], '2'],
  ] as const) {
    it(`announces of several ports ${what}`, () => {
      const annotations = what === 'the one of an annotation' ? { 'config.zidecar.dev/app-port': '2' } : {};
      equal(envOf(injected(podOf({ containers: [app({ ports })] }, said(annotations))).pod)['ZIDECAR_APP_PORT'], port);
    });
  }

  for (const [what, metadata, service] of [
    ['its well-known label', { labels: { app: 'b', 'app.kubernetes.io/name': 'a' } }, 'a'],
    ['its label app', { labels: { app: 'b', 'k8s-app': 'c' } }, 'b'],
    ['its workload where there is no label', {}, 'orders-v2'],
    ['an annotation before all', said({ 'config.zidecar.dev/service': 'said' }), 'said'],
  ] as const) {
    it(`names the service after ${what}`, () => equal(envOf(injected(podOf({}, metadata)).pod)['ZIDECAR_SERVICE'], service));
  }

  for (const restartPolicy of ['Never', 'OnFailure']) {
    it(`announces nothing that ends by itself (${restartPolicy}), unless it is told to`, () => {
      equal(envOf(injected(podOf({ restartPolicy }), {}, of('Job')).pod)['ZIDECAR_SERVICE'], undefined);
      const asked = podOf({ restartPolicy }, said({ 'config.zidecar.dev/service': 'once' }));
      equal(envOf(injected(asked, {}, of('Job')).pod)['ZIDECAR_SERVICE'], 'once');
    });
  }

  it('knows of a pod that a ReplicaSet made what the Deployment is called', () => {
    const metadata = {
      generateName: 'orders-5d4f8c7b9-',
      labels: { 'pod-template-hash': '5d4f8c7b9' },
      ownerReferences: [{ kind: 'ReplicaSet', name: 'orders-5d4f8c7b9', controller: true }],
    };
    deepEqual(workloadOf({ metadata }), { kind: 'ReplicaSet', name: 'orders' });
  });
});

describe('a note', () => {
  for (const [what, container, notes] of [
    ['a port that is probed and not listed', { readinessProbe: { httpGet: { path: '/', port: 8080 } } }, [unlisted]],
    ['the same by a connect', { livenessProbe: { tcpSocket: { port: 8080 } } }, [unlisted]],
    ['port 443', { ports: [{ containerPort: 443 }] }, [tls(443)]],
    ['port 8443 of another name', { ports: [{ containerPort: 8443, name: 'api' }] }, [tls(8443)]],
    ['a port named https', { ports: [{ containerPort: 9000, name: 'https' }] }, [tls(9000)]],
  ] as const) {
    it(`tells of ${what}`, () => deepEqual(notesOf(container), notes));
  }

  for (const [what, container, annotations] of [
    ['an app that only calls', {}, {}],
    ['a plain port', { ports: [{ containerPort: 8080 }] }, {}],
    ['port 8443 that is named http', { ports: [{ containerPort: 8443, name: 'http' }] }, {}],
    ['a port that somebody has chosen', { ports: [{ containerPort: 8443 }] }, { 'config.zidecar.dev/app-port': '8443' }],
    [
      'a probed port that is announced',
      { readinessProbe: { httpGet: { path: '/', port: 8080 } } },
      { 'config.zidecar.dev/app-port': '8080' },
    ],
  ] as const) {
    it(`tells nothing of ${what}`, () => deepEqual(notesOf(container, annotations), []));
  }

  it('stands in the log of the webhook, too', () => {
    const containers = [{ name: 'app', image: 'orders:1', ports: [{ containerPort: 8443 }] }];
    match(
      answer(question(podMade({}, { containers })), options)!.told,
      /announces \S+ on port 8443, probe tcp; announces port 8443, which/,
    );
  });
});
