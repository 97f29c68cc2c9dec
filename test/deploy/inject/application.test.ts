/** What a person is told of an app that cannot be read, or not be called, as it is. */
import { deepEqual, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inject } from '../../../deploy/inject/inject.js';
import type { JsonMap } from '../../../deploy/inject/json.js';
import { answer } from '../../../deploy/webhook/review.js';
import { podOf, question } from '../webhook/question.js';

const options = { settings: { zookeeper: 'zk:2181' }, container: { image: 'zidecar:1' } };
const notesOf = (container: JsonMap, annotations: JsonMap = {}): readonly string[] => {
  const pod = { metadata: { annotations }, spec: { containers: [{ name: 'app', image: 'orders:1', ...container }] } };
  const made = inject(pod, { kind: 'Deployment', name: 'orders' }, options);
  if (made.kind !== 'injected') throw new Error(JSON.stringify(made));
  return made.notes;
};
const tls = (port: number): string =>
  `announces port ${port}, which looks like TLS: zidecar carries plain HTTP, so peers' calls will fail; config.zidecar.dev/app-port chooses another`;
const unlisted = 'no container lists a port, though one is probed on 8080: config.zidecar.dev/app-port: "8080" announces it';

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
      answer(question(podOf({}, { containers })), options)!.told,
      /announces \S+ on port 8443, probe tcp; announces port 8443, which/,
    );
  });
});
