/**
 * What is to be said of one service after its nodes have been read: how many there are, how many of them get calls, and what somebody should
 * look at. Knows what hurts readers that are not ours. Pure.
 */
import { address } from '../lb/endpoint.js';
import { endpointsOf } from './endpoints.js';
import type { Instance, Skip } from './registry/dialects/dialect.js';

/** One node as it was read. `dialect`: undefined where its bytes do not tell. */
export interface ReadNode {
  readonly name: string;
  readonly dialect: string | undefined;
  readonly said: Instance | Skip;
  /** Why its owner is held for dead. */
  readonly orphaned?: string | undefined;
}

export interface ServiceNode {
  readonly name: string;
  readonly dialect: string;
  /** Empty where it could not be read. */
  readonly address: string;
  readonly weight: number | undefined;
  readonly zone: string;
  readonly state: 'routable' | 'down' | 'no calls';
  /** A sentence, or empty. */
  readonly problem: string;
}

export interface ServiceRow {
  readonly service: string;
  /** The parent of its nodes. */
  readonly path: string;
  /** `mixed` where there are several, `-` where nothing tells. */
  readonly dialect: string;
  /** Undefined where they are not read. */
  readonly instances: number | undefined;
  readonly routable: number | undefined;
  readonly problems: readonly string[];
  readonly nodes: readonly ServiceNode[];
}

/** `complete`: false where time was up before all of its nodes had been read. */
export function serviceRow(service: string, path: string, read: readonly ReadNode[], complete: boolean): ServiceRow {
  const nodes = read.map(describe).sort((one, other) => (one.name < other.name ? -1 : 1));
  const kinds = [...new Set(read.flatMap(({ dialect }) => dialect ?? []))];
  const routable = new Set(nodes.filter(({ state }) => state === 'routable').map((node) => node.address)).size;
  const problems = [
    ...(complete ? [] : [read.length === 0 ? UNREAD : `only ${read.length} of its nodes were read: time was up`]),
    ...(kinds.length > 1 ? [sideBySide(kinds)] : []),
    ...nodes.filter(({ problem }) => problem !== '').map(({ name, problem }) => `node ${short(name)}: ${problem}`),
    ...duplicates(nodes),
  ];
  if (complete && read.length === 0) problems.push(NOBODY);
  else if (complete && routable === 0 && problems.length === 0)
    problems.push('nobody gets calls: all are drained or have weight 0');
  const dialect = kinds.length > 1 ? 'mixed' : (kinds[0] ?? '-');
  return { service, path, dialect, instances: read.length, routable, problems, nodes };
}

const sideBySide = (kinds: readonly string[]): string =>
  kinds.every((kind) => kind === 'curator' || kind === 'spring')
    ? "Curator's and Spring's nodes side by side, a plain Curator reader throws"
    : `nodes of ${[...kinds].sort().join(' and ')} side by side, and not every reader takes both: zidecar lint says which`;

/**
 * Trouble first, those whom nobody can call at their head, then those without instances, those that are well, those that were not read, and
 * last what is only told of; each by name.
 */
export function inOrder(rows: readonly ServiceRow[]): readonly ServiceRow[] {
  const rank = ({ instances, routable, problems }: ServiceRow): number => {
    if (instances === undefined) return 5;
    if (problems[0] === UNREAD) return 4;
    if (problems.length === 0) return 3;
    return problems[0] === NOBODY ? 2 : routable === 0 ? 0 : 1;
  };
  return [...rows].sort((one, other) => rank(one) - rank(other) || (one.service < other.service ? -1 : 1));
}

/** It looks the same whether all have withdrawn, were drained, died, or never came. */
const NOBODY = 'nobody is registered: never, or not any more';
const UNREAD = 'not read: time was up';
const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five'];

function describe({ name, dialect = '-', said, orphaned }: ReadNode): ServiceNode {
  if ('skip' in said) {
    return { name, dialect, address: '', weight: undefined, zone: '', state: 'no calls', problem: said.detail };
  }
  const { weight, zone = '', up } = said;
  // a name counts as an address here: nothing is resolved for a look
  const { refused } = endpointsOf([said], { addressOf: () => '192.0.2.1', isOwnListener: () => false });
  const left = orphaned === undefined ? '' : `${orphaned}; the next sidecar that comes removes it`;
  const problem = left || (refused[0] ? `gets no calls: ${refused[0].why}` : '');
  const state = !up ? 'down' : weight === 0 || problem !== '' ? 'no calls' : 'routable';
  return { name, dialect, address: address(said), weight, zone, state, problem };
}

function duplicates(nodes: readonly ServiceNode[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { address: at, state } of nodes) if (state === 'routable') counts.set(at, (counts.get(at) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > 1).map(([at, count]) => `${NUMBERS[count] ?? count} nodes with ${at}`);
}

/** A UUID by its beginning, which is enough to find it; other names say something, so they stay. */
const short = (name: string): string =>
  /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(name) ? `${name.slice(0, 4)}…` : name.length > 40 ? `${name.slice(0, 39)}…` : name;
