/** What is put into a pod: the order of ending, what is read from the app, what is said by annotations, what is left alone. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readFileSync } from 'node:fs';
import { container, containerKeys, type ContainerWishes } from '../../../agent/config/container.js';
import { inject, type InjectOptions, type Verdict } from '../../../deploy/inject/inject.js';
import { at, mapAt, mapsAt, member, nameOf, type JsonMap } from '../../../deploy/inject/json.js';
import { workloadOf, type Workload } from '../../../deploy/inject/workloads.js';
import { containersOf, faults, notRestricted } from '../../support/kubernetes.js';

const options: InjectOptions = { settings: { zookeeper: 'zk:2181' }, container: { image: 'zidecar:1' } };
const app = (more: JsonMap = {}): JsonMap => ({ name: 'app', image: 'orders:1', ports: [{ containerPort: 8080 }], ...more });
const podOf = (spec: JsonMap = {}, metadata: JsonMap = { labels: { app: 'orders' } }): JsonMap => ({
  metadata,
  spec: { containers: [app()], ...spec },
});
const said = (annotations: Record<string, string>): JsonMap => ({ labels: { app: 'orders' }, annotations });
const of = (kind: string): Workload => ({ kind, name: 'orders-v2' });

const verdict = (pod: JsonMap, more: Partial<InjectOptions> = {}, workload = of('Deployment')): Verdict =>
  inject(pod, workload, { ...options, ...more });
function injected(
  pod: JsonMap,
  more: Partial<InjectOptions> = {},
  workload = of('Deployment'),
): Extract<Verdict, { kind: 'injected' }> {
  const made = verdict(pod, more, workload);
  if (made.kind !== 'injected') throw new Error(JSON.stringify(made));
  return made;
}
const wishing = (wishes: ContainerWishes): Partial<InjectOptions> => ({ container: { image: 'zidecar:1', ...wishes } });
const sidecarOf = (pod: JsonMap): JsonMap => containersOf(pod).find(({ name }) => name === 'zidecar')!;
const envOf = (pod: JsonMap): Record<string, unknown> =>
  Object.fromEntries(mapsAt(sidecarOf(pod), 'env').map((row) => [nameOf(row), row['value'] ?? row['valueFrom']]));

describe('an injected pod', () => {
  it('has a native sidecar before all other init containers, so that they have a proxy too', () => {
    const { pod } = injected(podOf({ initContainers: [{ name: 'migrate', image: 'm' }] }));
    deepEqual(
      mapsAt(pod, 'spec', 'initContainers').map(({ name, restartPolicy }) => [name, restartPolicy]),
      [
        ['zidecar', 'Always'],
        ['migrate', undefined],
      ],
    );
  });

  it('has a classic one behind the containers of the app', () => {
    const { pod } = injected(podOf(), wishing({ sidecar: 'classic' }));
    deepEqual(
      mapsAt(pod, 'spec', 'containers').map(({ name }) => name),
      ['app', 'zidecar'],
    );
    equal(sidecarOf(pod)['restartPolicy'], undefined);
  });

  it('ends in order: the sidecar withdraws while the app waits, and the pod has time for both', () => {
    const { pod } = injected(podOf());
    deepEqual(at(sidecarOf(pod), ['lifecycle']), { preStop: { exec: { command: ['zidecar', 'drain'] } } });
    deepEqual(at(pod, ['spec', 'containers', 0, 'lifecycle']), { preStop: { sleep: { seconds: 5 } } });
    equal(at(pod, ['spec', 'terminationGracePeriodSeconds']), 35);
  });

  for (const [what, spec, metadata, expected] of [
    ['its own period where that is longer', { terminationGracePeriodSeconds: 300 }, said({}), 300],
    ['drain wait, grace and 5 s where its own is shorter', { terminationGracePeriodSeconds: 10 }, said({}), 35],
    ['the wait of the dialect', {}, said({ 'config.zidecar.dev/dialect': 'spring' }), 70],
    [
      'parts of seconds as whole ones',
      {},
      said({ 'config.zidecar.dev/drain-wait': '1500ms', 'config.zidecar.dev/grace': '40s' }),
      47,
    ],
    ['nothing where the default of 30 s is enough', {}, said({ 'config.zidecar.dev/grace': '1s' }), undefined],
  ] as const) {
    it(`gets ${what}`, () => equal(at(injected(podOf(spec, metadata)).pod, ['spec', 'terminationGracePeriodSeconds']), expected));
  }

  it('keeps a preStop hook of its own, with a word about how long it has to last', () => {
    const lifecycle = { preStop: { exec: { command: ['flush'] } }, postStart: { exec: { command: ['warm'] } } };
    const { pod, notes } = injected(podOf({ containers: [app({ lifecycle }), { name: 'log', image: 'log', lifecycle: {} }] }));
    deepEqual(at(pod, ['spec', 'containers', 0, 'lifecycle']), lifecycle);
    deepEqual(at(pod, ['spec', 'containers', 1, 'lifecycle']), { preStop: { sleep: { seconds: 5 } } });
    deepEqual(notes, ['container app keeps its own preStop hook, which has to last 5 s at the least']);
  });

  for (const [wishes, hook] of [
    [{ sidecar: 'classic' }, { preStop: { exec: { command: ['sleep', '5'] } } }],
    [{ 'pre-stop': 'exec' }, { preStop: { exec: { command: ['sleep', '5'] } } }],
    [{ sidecar: 'classic', 'pre-stop': 'sleep' }, { preStop: { sleep: { seconds: 5 } } }],
    [{ 'pre-stop': 'none' }, undefined],
  ] as const) {
    it(`waits as ${JSON.stringify(wishes)} says`, () =>
      deepEqual(at(injected(podOf(), wishing(wishes)).pod, ['spec', 'containers', 0, 'lifecycle']), hook));
  }

  it('that nobody hears of need not wait for anybody', () => {
    const { pod, told } = injected(podOf({ containers: [{ name: 'app', image: 'a' }] }));
    equal(told, 'announces nothing');
    equal(member(at(pod, ['spec', 'containers', 0]), 'lifecycle'), undefined);
    equal(sidecarOf(pod)['lifecycle'], undefined);
    equal(at(pod, ['spec', 'terminationGracePeriodSeconds']), undefined);
  });

  it('starts the app when the proxy is ready, and Prometheus finds its metrics', () => {
    const { pod } = injected(podOf({}, said({ 'config.zidecar.dev/health': '[::]:7191' })));
    deepEqual(at(sidecarOf(pod), ['startupProbe', 'httpGet']), { path: '/ready', port: 7191 });
    equal(at(pod, ['metadata', 'annotations', 'prometheus.io/port']), '7191');
  });

  it('keeps the annotations of its own metrics', () => {
    const { pod } = injected(podOf({}, said({ 'prometheus.io/port': '9090' })));
    deepEqual(Object.keys(mapAt(pod, 'metadata', 'annotations')), ['prometheus.io/port', 'zidecar.dev/injected']);
  });

  it('tells the sidecar who and where it is', () => {
    const env = envOf(injected(podOf()).pod);
    deepEqual(env['POD_IP'], { fieldRef: { fieldPath: 'status.podIP' } });
    deepEqual(env['POD_NAME'], { fieldRef: { fieldPath: 'metadata.name' } });
    deepEqual(env['POD_UID'], { fieldRef: { fieldPath: 'metadata.uid' } });
    deepEqual(env['ZIDECAR_ZONE'], { fieldRef: { fieldPath: "metadata.labels['topology.kubernetes.io/zone']" } });
    equal(envOf(injected(podOf({}, said({ 'config.zidecar.dev/zone': 'b' }))).pod)['ZIDECAR_ZONE'], 'b');
  });

  it('leaves the proxy to the app unless it is asked for', () => {
    equal(member(at(injected(podOf()).pod, ['spec', 'containers', 0]), 'env'), undefined);
    const asked = {
      'zidecar.dev/http-proxy': 'on',
      'zidecar.dev/no-proxy': 'example.com',
      'config.zidecar.dev/outbound': '127.0.0.1:7140',
    };
    const own = app({ name: 'own', ports: [], env: [{ name: 'HTTP_PROXY', value: 'http://proxy' }] });
    const { pod } = injected(podOf({ containers: [app(), own] }, said(asked)));
    deepEqual(at(pod, ['spec', 'containers', 0, 'env']), [
      { name: 'http_proxy', value: 'http://127.0.0.1:7140' },
      { name: 'no_proxy', value: 'example.com' },
    ]);
    deepEqual(at(pod, ['spec', 'containers', 1, 'env']), own['env']);
  });

  it('takes settings from a ConfigMap and secrets from a Secret', () => {
    const { pod, told } = injected(podOf({}, said({ 'zidecar.dev/config-map': 'orders', 'zidecar.dev/secret': 'zk' })), {
      settings: {},
    });
    equal(told, 'reads /etc/zidecar/config/zidecar.yaml');
    equal(envOf(pod)['ZIDECAR_CONFIG'], '/etc/zidecar/config/zidecar.yaml');
    deepEqual(
      mapsAt(sidecarOf(pod), 'volumeMounts').map(({ mountPath }) => mountPath),
      ['/var/lib/zidecar', '/etc/zidecar/config', '/etc/zidecar/secret'],
    );
    deepEqual(at(pod, ['spec', 'containers', 0, 'lifecycle']), { preStop: { sleep: { seconds: 5 } } }, 'the file may announce');
  });

  it('takes a login from a file of its Secret', () => {
    const login = {
      'config.zidecar.dev/zookeeper-client': 'wire',
      'config.zidecar.dev/zookeeper-auth-file': '/etc/zidecar/secret/login',
      'config.zidecar.dev/zookeeper-acl': 'owner',
    };
    const env = envOf(injected(podOf({}, said({ ...login, 'zidecar.dev/secret': 'zk' }))).pod);
    equal(env['ZIDECAR_ZOOKEEPER_AUTH_FILE'], '/etc/zidecar/secret/login');
    equal(env['ZIDECAR_ZOOKEEPER_ACL'], 'owner');
  });

  it('speaks TLS by files of its Secret, which nobody can read while it is made', () => {
    const files = Object.fromEntries(
      ['ca', 'cert', 'key'].map((file) => [`config.zidecar.dev/zookeeper-tls-${file}`, `/etc/zidecar/secret/${file}.pem`]),
    );
    const annotations = { ...files, 'config.zidecar.dev/zookeeper-client': 'wire', 'zidecar.dev/secret': 'zk' };
    const env = envOf(injected(podOf({}, said(annotations))).pod);
    equal(env['ZIDECAR_ZOOKEEPER_TLS_KEY'], '/etc/zidecar/secret/key.pem');
  });

  it('has a dollar sign of a setting for what it is', () => {
    const { pod } = injected(podOf({}, said({ 'config.zidecar.dev/meta': 'price=$(COST)' })));
    equal(envOf(pod)['ZIDECAR_META'], 'price=$$(COST)');
  });

  for (const [name, spec] of [
    ['a plain pod', {}],
    ['a pod that runs as root', { securityContext: { runAsUser: 0 } }],
    ['a pod with a user of its own', { securityContext: { runAsUser: 10001, runAsNonRoot: true } }],
  ] as const) {
    it(`is valid, with a sidecar that Pod Security "restricted" takes: ${name}`, () => {
      for (const wishes of [
        {},
        { sidecar: 'classic', 'http-proxy': true, 'config-map': 'c', secret: 's', 'cpu-limit': '1' },
      ] as const) {
        const { pod } = injected(podOf(spec), wishing(wishes));
        deepEqual(faults({ apiVersion: 'v1', kind: 'Pod', ...pod }), []);
        deepEqual(notRestricted(pod, sidecarOf(pod)), []);
      }
    });
  }
});

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

describe('a pod that is left as it was', () => {
  for (const [reason, pod] of [
    ['it says zidecar.dev/inject: disabled', podOf({}, said({ 'zidecar.dev/inject': 'disabled' }))],
    ['it has a container named zidecar already', podOf({ containers: [app(), { name: 'zidecar', image: 'x' }] })],
    ['it has a container named zidecar already', injected(podOf()).pod],
    ["it uses the network of its host, where a sidecar's ports would meet others'", podOf({ hostNetwork: true })],
    ['it runs on Windows, for which there is no image', podOf({ os: { name: 'windows' } })],
    ['it has no spec', { metadata: {} }],
    ['it has no containers', podOf({ containers: [] })],
    ['its spec.containers[0] has no name', podOf({ containers: [7] })],
    ['its spec.containers has the name app twice', podOf({ containers: [app(), app()] })],
    ['its spec.initContainers is not a list', podOf({ initContainers: {} })],
    ['its metadata.annotations is not a map', podOf({}, { annotations: [] })],
    ['its spec.containers[0].lifecycle is not a map', podOf({ containers: [app({ lifecycle: 'x' })] })],
  ] as const) {
    it(`because ${reason}`, () => deepEqual(verdict(pod), { kind: 'left', reason }));
  }

  it('because a classic sidecar would keep a Job from ending', () => {
    const made = verdict(podOf({ restartPolicy: 'Never' }), wishing({ sidecar: 'classic' }), of('Job'));
    ok(made.kind === 'left');
    match(made.reason, /keep it from ending: use the native one/);
  });
});

describe('a pod that is refused', () => {
  for (const [problem, pod, settings] of [
    [
      /^metadata\.annotations\["config\.zidecar\.dev\/weight"\]: "heavy" is not a number; accepted: a number from 0/,
      podOf({}, said({ 'config.zidecar.dev/weight': 'heavy' })),
    ],
    [
      /^metadata\.annotations\["config\.zidecar\.dev\/wieght"\] is not known; the nearest is config\.zidecar\.dev\/weight$/,
      podOf({}, said({ 'config.zidecar.dev/wieght': '1' })),
    ],
    [
      /^metadata\.annotations\["zidecar\.dev\/imgae"\] is not known; the nearest is zidecar\.dev\/image$/,
      podOf({}, said({ 'zidecar.dev/imgae': '1' })),
    ],
    [
      /^metadata\.annotations\["zidecar\.dev\/inject"\]: "yes" is not known; accepted: one of enabled, disabled$/,
      podOf({}, said({ 'zidecar.dev/inject': 'yes' })),
    ],
    [
      /^metadata\.annotations\["zidecar\.dev\/cpu-request"\]: "lots" is not a quantity/,
      podOf({}, said({ 'zidecar.dev/cpu-request': 'lots' })),
    ],
    [
      /is a secret, which whoever sees the pod could read: name a Secret in zidecar\.dev\/secret and its file in config\.zidecar\.dev\/zookeeper-auth-file$/,
      podOf({}, said({ 'config.zidecar.dev/zookeeper-auth': 'digest:a:b' })),
    ],
    [/is not a text; put it between quotation marks$/, podOf({}, { annotations: { 'config.zidecar.dev/weight': 5 } })],
    [/^no ZooKeeper is named: --zookeeper for all pods, or the annotation config\.zidecar\.dev\/zookeeper/, podOf(), {}],
    [
      /^port 6191 of container app is where ZIDECAR_HEALTH would listen/,
      podOf({ containers: [app({ ports: [{ containerPort: 80 }, { containerPort: 6191 }] })] }),
    ],
    [/^the volume zidecar-state has a name of ours: rename it$/, podOf({ volumes: [{ name: 'zidecar-state', emptyDir: {} }] })],
    [/needs ZIDECAR_APP_PORT/, podOf({ containers: [{ name: 'a', image: 'a' }] }, said({ 'config.zidecar.dev/service': 'x' }))],
  ] as const) {
    it(`says ${problem.source}`, () => {
      const made = verdict(pod, settings ? { settings } : {});
      ok(made.kind === 'refused', JSON.stringify(made));
      match(made.problems.join('\n'), problem);
    });
  }
});

describe('the README of deploy', () => {
  it('has a row for each thing that can be said of the container', () => {
    const rows = readFileSync('deploy/README.md', 'utf8').split('\n');
    for (const key of containerKeys) {
      const { about, unset } = container[key];
      ok(rows.includes(`| \`zidecar.dev/${key}\` | \`--${key}\` | ${about} | ${unset} |`), key);
    }
  });
});
