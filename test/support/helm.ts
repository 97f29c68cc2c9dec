/** helm and kubectl, for what they do without a cluster. `.ci/run` says where they come from. */
import { execFileSync, spawnSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';
import { isMap, textAt, type Json, type JsonMap } from '../../deploy/inject/json.js';

let found: boolean | undefined;
/** False, and the test is skipped loudly, where one of them is missing. In CI that is a failure. */
export function requireHelm(t?: { skip?(message: string): void }): boolean {
  found ??= ['helm', 'kubectl'].every((program) => spawnSync(program, ['--help'], { stdio: 'ignore' }).status === 0);
  if (found) return true;
  const message = 'no helm or no kubectl here: .ci/run gets both';
  if (process.env['CI']) throw new Error(message);
  console.error(`\n*** SKIPPED, ${message} ***\n`);
  t?.skip?.(message);
  return false;
}

export const CHART = 'deploy/chart';

/** `helm template`; throws with what helm says against the values. */
export function render(values: Json, namespace = 'zidecar-system'): string {
  const args = ['template', 'zidecar', CHART, '--namespace', namespace, '--values', '-'];
  const { status, stdout, stderr } = spawnSync('helm', args, { input: JSON.stringify(values), encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

export const objectsIn = (text: string): readonly JsonMap[] =>
  parseAllDocuments(text, { version: '1.1' }).flatMap((document) => {
    const value = document.toJS() as Json;
    return isMap(value) ? [value] : [];
  });

export const kustomize = (folder: string): string => execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });

/** What the kustomize bases hold: the chart, with what kustomize itself brings left out. */
export const bases: Readonly<Record<string, () => string>> = {
  'deploy/kustomize/webhook/objects.yaml': () =>
    base(
      render({ sidecars: { zookeeper: 'zookeeper:2181' } }),
      (object) => textAt(object, 'metadata', 'name') !== 'sidecar-settings',
    ),
  'deploy/kustomize/zookeeper/objects.yaml': () =>
    base(
      render({ webhook: { enabled: false }, zookeeper: { enabled: true, clientAuth: false, quorumAuth: false } }, 'zookeeper'),
      () => true,
    ),
};

const base = (text: string, wanted: (object: JsonMap) => boolean): string =>
  `# Made from deploy/chart by npm run kustomize; a test compares.\n${text
    .split(/^---\n/m)
    .filter((part) => objectsIn(part).some(wanted))
    .map((part) => `---\n${part.replace(/^# Source: .*\n/m, '').trimEnd()}\n`)
    .join('')
    .replaceAll('app.kubernetes.io/managed-by: Helm', 'app.kubernetes.io/managed-by: kustomize')}`;
