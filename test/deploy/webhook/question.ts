/** A question as an API server of Kubernetes 1.34 asks it. */
import type { JsonMap } from '../../../deploy/inject/json.js';

export const podOf = (more: JsonMap = {}, spec: JsonMap = {}): JsonMap => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    generateName: 'orders-5d4f8c7b9-',
    creationTimestamp: null,
    labels: { app: 'orders', 'pod-template-hash': '5d4f8c7b9' },
    ownerReferences: [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: 'orders-5d4f8c7b9',
        uid: 'u',
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
    ...more,
  },
  spec: {
    volumes: [
      { name: 'kube-api-access-x7k2p', projected: { sources: [{ serviceAccountToken: { path: 'token' } }], defaultMode: 420 } },
    ],
    containers: [
      {
        name: 'app',
        image: 'orders:1',
        ports: [{ containerPort: 8080, protocol: 'TCP' }],
        readinessProbe: { httpGet: { path: '/ready', port: 8080, scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10 },
        resources: {},
        terminationMessagePath: '/dev/termination-log',
      },
    ],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    securityContext: {},
    ...spec,
  },
  status: {},
});

export const question = (object: unknown = podOf(), request: JsonMap = {}): JsonMap => ({
  kind: 'AdmissionReview',
  apiVersion: 'admission.k8s.io/v1',
  request: {
    uid: '0b4e3c02-9c1b-4a1f-9d7e-3b8f1f4c9a11',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    requestKind: { group: '', version: 'v1', kind: 'Pod' },
    requestResource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'shop',
    operation: 'CREATE',
    userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller', groups: ['system:authenticated'] },
    object: object as JsonMap,
    oldObject: null,
    dryRun: false,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    ...request,
  },
});
