/**
 * What is to be said of a peer beside its endpoints: why a list is not read, which nodes are passed over, who gets no call, and where nobody
 * is. The log told each once; here it stands for as long as it holds. Pure.
 */
import type { Endpoints } from './endpoints.js';
import type { Skipped, Source } from './registry/registry.js';

export interface SourceView extends Source {
  /** Undefined before the first list. */
  readonly confirmed: boolean | undefined;
  /** Milliseconds since 1970. */
  readonly asOf: number | undefined;
  readonly instances: number;
  readonly skipped: readonly Skipped[];
  /** Why it cannot be read. */
  readonly trouble: string | undefined;
}

export interface PeerView extends Pick<Endpoints, 'down' | 'refused' | 'unresolved'> {
  readonly sources: readonly SourceView[];
  /** How many doubtful ones an operator took out. */
  readonly dropped: number;
}

/** Of each kind; what is more is counted. */
const MOST = 3;

/** Sentences, those that stop a whole list first. `called`: somebody of it may be called. */
export function notesOf(
  name: string,
  { sources, down, refused, unresolved, dropped }: PeerView,
  called: boolean,
): readonly string[] {
  const nodes = sources.flatMap(({ skipped }) => skipped.map(({ name: node, detail }) => `node ${node} is ignored: ${detail}`));
  const silent = sources.filter(({ trouble, instances, skipped, asOf }) => {
    return trouble === undefined && asOf !== undefined && instances + skipped.length === 0;
  });
  return [
    ...sources.flatMap(({ trouble }) => trouble ?? []),
    ...some(nodes, 'nodes are ignored', name),
    ...some(
      refused.map(({ address, why }) => `${address} gets no call: ${why}`),
      'get no call',
      name,
    ),
    ...some(
      unresolved.map((host) => `the name ${host} does not resolve`),
      'names do not resolve',
      name,
    ),
    ...(called
      ? []
      : silent.map(({ path, dialect, registry }) => `nobody is in ${path} (${[dialect, registry].filter(Boolean).join(', ')})`)),
    ...(called || down.length === 0 ? [] : [`${down.length} registered, and drained or disabled`]),
    ...(called || dropped === 0 ? [] : [byOperator(dropped)]),
  ];
}

/** Why nobody of it may be called though somebody is registered, and what to do about it, for a caller; undefined: nobody is. */
export function whyNobody({ sources, down, refused, unresolved, dropped }: PeerView): string | undefined {
  const trouble = sources.find((source) => source.trouble !== undefined)?.trouble;
  const node = sources.find(({ skipped }) => skipped.length > 0)?.skipped[0];
  const [host, barred] = [unresolved[0], refused[0]];
  const reasons = [
    trouble,
    dropped > 0 && `${byOperator(dropped)}: they get calls again when the registry names them anew`,
    down.length > 0 &&
      `${down.length} registered, and drained or disabled (zidecar undrain beside one of them, or enable it in the registry)`,
    host !== undefined && `the name ${host} does not resolve${others(unresolved)} (does getent hosts ${host} find it here?)`,
    barred !== undefined && `${barred.address} gets no call: ${barred.why}${others(refused)}`,
    node !== undefined && `node ${node.name} is ignored: ${node.detail} (zidecar lint says more)`,
  ].filter((reason) => typeof reason === 'string');
  return reasons.length === 0 ? undefined : reasons.join('; ');
}

const byOperator = (dropped: number): string =>
  dropped === 1 ? '1 doubtful one was dropped by an operator' : `${dropped} doubtful ones were dropped by an operator`;

const others = ({ length }: readonly unknown[]): string => (length > 1 ? `, nor ${length - 1} more` : '');

const some = (sentences: readonly string[], what: string, name: string): readonly string[] =>
  sentences.length <= MOST
    ? sentences
    : [...sentences.slice(0, MOST), `${(sentences.length - MOST).toLocaleString('en')} more ${what}: zidecar services ${name}`];
