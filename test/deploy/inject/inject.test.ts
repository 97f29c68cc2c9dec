/** What is put into a pod: the order of ending, the container, its settings and volumes. */
import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { InjectOptions } from '../../../deploy/inject/inject.js';
import { at, mapAt, mapsAt, member, type JsonMap } from '../../../deploy/inject/json.js';
import { faults, notRestricted } from '../../support/kubernetes.js';
import { app, envOf, injected, podOf, said, sidecarOf, wishing } from './pods.js';

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
      ['/var/run/secrets/kubernetes.io/serviceaccount', '/var/lib/zidecar', '/etc/zidecar/config', '/etc/zidecar/secret'],
    );
    deepEqual(at(pod, ['spec', 'containers', 0, 'lifecycle']), { preStop: { sleep: { seconds: 5 } } }, 'the file may announce');
  });

  const told = (wanted: JsonMap, more: Partial<InjectOptions> = {}): readonly string[] =>
    injected(podOf({}, said({ 'zidecar.dev/config-map': 'orders', ...wanted })), more).notes;
  it('is timed for what is not known of its ConfigMap, with a word about that', () => {
    deepEqual(told({}), [
      'zidecar.yaml is not read here: the end of the pod is timed for a drain wait of 5 s and a grace of 25 s; where it says otherwise, or names another dialect, say so by config.zidecar.dev/drain-wait, config.zidecar.dev/grace too',
    ]);
    deepEqual(told({ 'config.zidecar.dev/grace': '40s', 'config.zidecar.dev/dialect': 'spring' }), [
      'zidecar.yaml is not read here: the end of the pod is timed for a drain wait of 40 s and a grace of 40 s; where it says otherwise, or names another dialect, say so by config.zidecar.dev/drain-wait too',
    ]);
    const both = { 'config.zidecar.dev/grace': '40s', 'config.zidecar.dev/drain-wait': '10s' };
    deepEqual(told(both), []);
    deepEqual(told({}, { settings: { zookeeper: 'zk:1', drainWait: '7s', grace: '9s' } }), []);
  });

  it('has no token of its service account in the sidecar, and has it in the app as before', () => {
    const { pod } = injected(podOf());
    const mount = mapsAt(sidecarOf(pod), 'volumeMounts').find(
      ({ mountPath }) => mountPath === '/var/run/secrets/kubernetes.io/serviceaccount',
    )!;
    deepEqual(
      mapsAt(pod, 'spec', 'volumes').find(({ name }) => name === mount['name']),
      {
        name: mount['name'],
        emptyDir: { sizeLimit: '1Mi' },
      },
    );
    equal(mount['readOnly'], true);
    equal(member(at(pod, ['spec', 'containers', 0]), 'volumeMounts'), undefined);
    equal(at(pod, ['spec', 'automountServiceAccountToken']), undefined);
  });

  for (const [what, wanted, notes] of [
    ['in the folder of its state', '/var/lib/zidecar/lists/of-orders.json', []],
    ['nowhere', 'off', []],
    [
      'elsewhere',
      '/cache/lists.json',
      [
        'ZIDECAR_SNAPSHOT=/cache/lists.json is not below /var/lib/zidecar, the one folder in which the sidecar can write: no list is kept',
      ],
    ],
  ] as const) {
    it(`keeps lists where it can write, and says where it cannot: ${what}`, () =>
      deepEqual(injected(podOf({}, said({ 'config.zidecar.dev/snapshot': wanted }))).notes, notes));
  }

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
