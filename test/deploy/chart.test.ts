/** The chart and the bases as a cluster would get them: valid, locked down, and saying what the program understands. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { before, describe, it } from 'node:test';
import { parseCli } from '../../agent/cli.js';
import { at, isMap, mapAt, mapsAt, nameOf, textAt, type Json, type JsonMap } from '../../deploy/inject/json.js';
import { defaultsOf } from '../../deploy/inject/defaults.js';
import { inject } from '../../deploy/inject/inject.js';
import { findWorkloads } from '../../deploy/inject/workloads.js';
import { answer } from '../../deploy/webhook/review.js';
import { bases, CHART, kustomize, objectsIn, render, requireHelm } from '../support/helm.js';
import { asMap, containersOf, faults, notRestricted } from '../support/kubernetes.js';
import { podOf, question } from './webhook/question.js';

const zk = { sidecars: { zookeeper: 'zk1:2181,zk2:2181/apps' } };
const shapes: Readonly<Record<string, Json>> = {
  'the webhook alone': zk,
  'with an ensemble': { zookeeper: { enabled: true } },
  'an ensemble alone, of five, for a laptop, without passwords': {
    webhook: { enabled: false },
    zookeeper: {
      enabled: true,
      replicas: 5,
      antiAffinity: 'preferred',
      quorumAuth: false,
      clientAuth: false,
      storage: { size: '1Gi', className: 'fast' },
    },
  },
  'an ensemble with TLS alone, by cert-manager, which its sidecars use': {
    zookeeper: {
      enabled: true,
      tls: { enabled: true, only: true, quorum: true, issuer: { name: 'ca' }, clientAuth: 'need' },
    },
  },
  'an ensemble with TLS alone, of a Secret': {
    ...zk,
    zookeeper: { enabled: true, tls: { enabled: true, only: true, quorum: true, secretName: 'zk-tls', clientAuth: 'need' } },
  },
  'with certificates of cert-manager and a ServiceMonitor': {
    ...zk,
    webhook: {
      certificates: { source: 'cert-manager', issuer: { name: 'ca' } },
      metrics: { serviceMonitor: { enabled: true, labels: { team: 'x' } } },
    },
  },
  'with everything said': {
    image: { repository: 'registry.example.com/zidecar', tag: '1.2.3' },
    imagePullSecrets: [{ name: 'pull' }],
    sidecars: {
      zookeeper: 'zk:2181',
      settings: { probeInterval: '2s', retries: 2, dialect: 'spring' },
      container: { 'http-proxy': 'on', 'memory-limit': '512Mi' },
    },
    webhook: {
      replicas: 3,
      failurePolicy: 'Fail',
      priorityClassName: 'high',
      nodeSelector: { a: 'b' },
      tolerations: [{ operator: 'Exists' }],
      podDisruptionBudget: false,
      networkPolicy: false,
    },
  },
};

const pods = (objects: readonly JsonMap[]): readonly JsonMap[] =>
  objects.flatMap((object) => findWorkloads(object).map(({ path }) => asMap(at(object, path))));
const one = (objects: readonly JsonMap[], kind: string, name?: string): JsonMap => {
  const found = objects.filter(
    (object) => object['kind'] === kind && (name === undefined || textAt(object, 'metadata', 'name') === name),
  );
  equal(found.length, 1, `${found.length} of ${kind} ${name ?? ''}`);
  return found[0]!;
};

function sound(objects: readonly JsonMap[]): void {
  for (const object of objects) {
    deepEqual(faults(object), []);
    if (object['kind'] === 'Service')
      ok(!textAt(object, 'metadata', 'name')!.startsWith('zidecar'), 'Kubernetes would set ZIDECAR_ variables');
  }
  for (const pod of pods(objects)) {
    for (const container of containersOf(pod)) {
      deepEqual(notRestricted(pod, container), []);
      equal(at(container, ['securityContext', 'readOnlyRootFilesystem']), true);
      ok(at(container, ['resources', 'limits', 'memory']) && at(container, ['resources', 'requests', 'cpu']));
    }
    equal(
      inject(pod, { kind: 'Pod', name: 'x' }, { settings: { zookeeper: 'z:1' }, container: { image: 'i' } }).kind,
      'left',
      'has a sidecar itself',
    );
  }
  const names = objects.map((object) => `${textAt(object, 'kind')!} ${textAt(object, 'metadata', 'name')!}`);
  equal(new Set(names).size, names.length);
}

describe('the chart', () => {
  let helm = false;
  before(() => void (helm = requireHelm()));

  const [install] = /^helm install (?:.*\\\n)*.*/m.exec(readFileSync(`${CHART}/README.md`, 'utf8'))!;
  const shell = (line: string): string => execFileSync('sh', ['-c', line], { encoding: 'utf8', stdio: 'pipe' });

  it('has nothing that helm lint objects to, warnings included, with the values of the first command of its README', (t) => {
    if (!requireHelm(t)) return;
    const sets = [...install.matchAll(/--set (?:'[^']*'|\S+)/g)].join(' ');
    match(shell(`helm lint ${CHART} --strict ${sets}`), / 0 chart\(s\) failed/);
  });

  it('takes both servers that this command names', (t) => {
    if (!requireHelm(t)) return;
    const objects = objectsIn(shell(install.replace('install', 'template')));
    equal(textAt(one(objects, 'ConfigMap', 'sidecar-settings'), 'data', 'ZIDECAR_ZOOKEEPER'), 'zk1:2181,zk2:2181');
  });

  for (const [shape, values] of Object.entries(shapes)) {
    it(`makes valid objects that Pod Security "restricted" takes: ${shape}`, (t) => {
      if (!requireHelm(t)) return;
      const objects = objectsIn(render(values));
      ok(objects.length >= 6);
      sound(objects);
    });

    it(`starts the webhook with words that it understands: ${shape}`, async (t) => {
      if (!requireHelm(t)) return;
      const objects = objectsIn(render(values));
      const deployment = objects.find(({ kind }) => kind === 'Deployment');
      if (deployment === undefined) return ok(shape.startsWith('an ensemble alone'));
      const args = at(deployment, ['spec', 'template', 'spec', 'containers', 0, 'args']) as readonly string[];
      const parsed = await parseCli(args, '1');
      ok(parsed.command === 'webhook', JSON.stringify(parsed));
      const env = mapAt(one(objects, 'ConfigMap', 'sidecar-settings'), 'data') as Record<string, string>;
      const options = defaultsOf({ env, flags: parsed.flags, options: parsed.options }, '1');
      equal(answer(question(podOf()), options)?.result, 'injected');
      equal(parsed.options['image'], at(deployment, ['spec', 'template', 'spec', 'containers', 0, 'image']));
    });
  }

  it('gives the webhook no right but to its own Secret and its own configuration', (t) => {
    if (!requireHelm(t)) return;
    const objects = objectsIn(render(zk));
    deepEqual(at(one(objects, 'ClusterRole'), ['rules']), [
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['mutatingwebhookconfigurations'],
        resourceNames: ['zidecar-injector'],
        verbs: ['get', 'patch'],
      },
    ]);
    deepEqual(at(one(objects, 'Role'), ['rules']), [
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['injector-tls'], verbs: ['get', 'update'] },
    ]);
    const certManager = objectsIn(render(shapes['with certificates of cert-manager and a ServiceMonitor']!));
    deepEqual(
      certManager.filter(({ kind }) => /Role|Binding/.test(kind as string)),
      [],
    );
    equal(at(one(certManager, 'Deployment'), ['spec', 'template', 'spec', 'automountServiceAccountToken']), false);
  });

  it('asks about pods that want a sidecar, and never about its own or those of the cluster', (t) => {
    if (!requireHelm(t)) return;
    const webhooks = mapsAt(one(objectsIn(render(zk)), 'MutatingWebhookConfiguration'), 'webhooks');
    const matches = (selector: JsonMap, labels: Record<string, string>): boolean =>
      mapsAt(selector, 'matchExpressions').every(({ key, operator, values }) => {
        const has = (values as readonly string[]).includes(labels[key as string] ?? '');
        return operator === 'In' ? has : !has;
      });
    const asked = (namespace: Record<string, string>, pod: Record<string, string>): number =>
      webhooks.filter(
        (webhook) => matches(mapAt(webhook, 'namespaceSelector'), namespace) && matches(mapAt(webhook, 'objectSelector'), pod),
      ).length;
    const [on, off] = [{ 'zidecar.dev/inject': 'enabled' }, { 'zidecar.dev/inject': 'disabled' }];
    deepEqual(
      [asked(on, {}), asked(on, on), asked(on, off), asked({}, on), asked({}, {}), asked(off, on), asked(off, {})],
      [1, 1, 0, 1, 0, 1, 0],
    );
    for (const own of ['kube-system', 'zidecar-system']) equal(asked({ ...on, 'kubernetes.io/metadata.name': own }, on), 0, own);
    for (const webhook of webhooks)
      deepEqual(
        [webhook['failurePolicy'], webhook['sideEffects'], webhook['reinvocationPolicy']],
        ['Ignore', 'None', 'IfNeeded'],
      );
  });

  it('keeps servers of an ensemble apart, ready in a quorum only, and their passwords out of ConfigMaps', (t) => {
    if (!requireHelm(t)) return;
    const objects = objectsIn(render(shapes['with an ensemble']!));
    const set = one(objects, 'StatefulSet');
    equal(at(set, ['spec', 'podManagementPolicy']), 'Parallel', 'one server alone would wait for a quorum for ever');
    ok(at(set, ['spec', 'template', 'spec', 'affinity', 'podAntiAffinity', 'requiredDuringSchedulingIgnoredDuringExecution', 0]));
    match(textAt(one(objects, 'ConfigMap', 'zookeeper'), 'data', 'in-quorum.sh')!, /leader\|follower/);
    const passwords = objects.filter(({ kind }) => kind === 'Secret').map((secret) => textAt(secret, 'stringData', 'password')!);
    equal(new Set(passwords).size, 2);
    ok(passwords.every((password) => password.length === 32));
    const others = JSON.stringify(objects.filter(({ kind }) => kind !== 'Secret'));
    ok(passwords.every((password) => !others.includes(password)));
    const zookeeper = textAt(one(objects, 'ConfigMap', 'sidecar-settings'), 'data', 'ZIDECAR_ZOOKEEPER')!;
    equal(zookeeper.split(',').length, 3);
    match(zookeeper, /^zookeeper-0\.zookeeper-nodes\.zidecar-system\.svc:2181,/);
  });

  it('has sidecars speak to the ensemble as its switches say, with what one Secret of their namespace holds', (t) => {
    if (!requireHelm(t)) return;
    const settings = (values: JsonMap): Json => {
      const { ZIDECAR_ZOOKEEPER: list, ...others } = mapAt(
        one(objectsIn(render({ zookeeper: { enabled: true, ...values } })), 'ConfigMap', 'sidecar-settings'),
        'data',
      );
      return { port: (list as string).split(':').at(-1)!, ...others };
    };
    const login = { ZIDECAR_ZOOKEEPER_AUTH_FILE: '/etc/zidecar/secret/login' };
    const ca = { ZIDECAR_ZOOKEEPER_TLS_CA: '/etc/zidecar/secret/ca.crt' };
    const tls = { enabled: true, secretName: 's' };
    deepEqual(settings({ clientAuth: false }), { port: '2181' });
    deepEqual(settings({}), { port: '2181', ...login });
    deepEqual(settings({ clientAuth: false, tls }), { port: '2182', ...ca });
    deepEqual(settings({ tls: { ...tls, clientAuth: 'need' } }), {
      ...{ port: '2182', ...login, ...ca },
      ZIDECAR_ZOOKEEPER_TLS_CERT: '/etc/zidecar/secret/tls.crt',
      ZIDECAR_ZOOKEEPER_TLS_KEY: '/etc/zidecar/secret/tls.key',
    });
  });

  it('switches off what ZooKeeper 3.9 refuses the logins of servers and clients by', (t) => {
    if (!requireHelm(t)) return;
    const objects = objectsIn(render(shapes['with an ensemble']!));
    match(textAt(one(objects, 'ConfigMap', 'zookeeper'), 'data', 'zoo.cfg')!, /^fips-mode=false$/m);
  });

  it('is what the bases of kustomize are made of', (t) => {
    if (!requireHelm(t)) return;
    for (const [file, make] of Object.entries(bases))
      equal(readFileSync(file, 'utf8'), make(), `${file}: npm run kustomize writes it anew`);
  });

  it('has a base over which the overlay that it shows is built, with our ZooKeeper and our image in both places', (t) => {
    if (!helm) return t.skip();
    const base = 'deploy/kustomize/webhook';
    const [shown] = /^# {3}resources:.*\n(?:# {3}.*\n)*/m.exec(readFileSync(`${base}/kustomization.yaml`, 'utf8'))!;
    const folder = mkdtempSync(join(tmpdir(), 'zidecar-overlay-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const there = relative(realpathSync(folder), realpathSync(base));
    const overlay = shown.replaceAll(/^# {3}/gm, '').replace(/github\.com\/[^\]]*/, there);
    writeFileSync(join(folder, 'kustomization.yaml'), overlay);
    const objects = objectsIn(kustomize(folder));
    sound(objects);
    const settings = objects.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && nameOf(metadata).startsWith('sidecar-settings'),
    )!;
    equal(textAt(settings, 'data', 'ZIDECAR_ZOOKEEPER'), 'zk1:2181,zk2:2181');
    const webhook = asMap(at(one(objects, 'Deployment'), ['spec', 'template', 'spec', 'containers', 0]));
    equal(webhook['image'], 'registry.example.com/zidecar:0.1.0');
    equal((webhook['args'] as string[]).filter((word) => word === `--image=${webhook['image'] as string}`).length, 1);
  });

  for (const folder of ['deploy/kustomize/webhook', 'deploy/kustomize/zookeeper']) {
    it(`has a base that kubectl builds, valid and locked down: ${folder}`, (t) => {
      if (!helm) return t.skip();
      const objects = objectsIn(kustomize(folder));
      sound(objects);
      equal(mapsAt({ objects }, 'objects').filter((object) => isMap(object) && nameOf(object['metadata']) === '').length, 0);
    });
  }
});
