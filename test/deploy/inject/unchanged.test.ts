/** Pods that come out as they went in: those that are not for a sidecar, and those in which somebody has to mend something first. */
import { deepEqual, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { app, injected, of, podOf, said, verdict, wishing } from './pods.js';

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
    [
      /^ZIDECAR_ADMIN=unix:\/run\/admin\.sock is not below \/var\/lib\/zidecar, the one folder in which the sidecar can write$/,
      podOf({}, said({ 'config.zidecar.dev/admin': 'unix:/run/admin.sock' })),
    ],
    [/needs ZIDECAR_APP_PORT/, podOf({ containers: [{ name: 'a', image: 'a' }] }, said({ 'config.zidecar.dev/service': 'x' }))],
  ] as const) {
    it(`says ${problem.source}`, () => {
      const made = verdict(pod, settings ? { settings } : {});
      ok(made.kind === 'refused', JSON.stringify(made));
      match(made.problems.join('\n'), problem);
    });
  }
});
