/**
 * A look at every service of a registry, for a person: reads, never writes, arms no watch, and has an end. What was read when time is up is
 * what is told. Roots of the other dialects are told of where they are not asked for, so that nobody wonders where their services are.
 */
import { isInstance, type Dialect, type Said, type Skip } from './registry/dialects/dialect.js';
import { recognise } from './registry/dialects/recognise.js';
import { weigher } from './registry/dialects/vectors.js';
import { ReadSlots } from './registry/read-slots.js';
import { isSessionTrouble, MAX_NODE_BYTES, RegistryError } from './registry/tree.js';
import type { Stat, Tree } from './registry/tree.js';
import { inOrder, serviceRow, type ReadNode, type ServiceRow } from './service-row.js';
import type { Clock } from './system.js';

export interface Scan {
  readonly dialects: ReadonlyMap<string, Dialect>;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  /** Parents of instances with `{service}` in them. */
  readonly roots?: readonly string[];
  /** Only this service. */
  readonly only?: string | undefined;
  readonly deadlineMs?: number;
  readonly onProgress?: (read: number, services: number) => void;
}

const READS_IN_FLIGHT = 16;
const SERVICES_AT_ONE_TIME = 16;
/** Of one service in flight or in the queue, so that one with thousands of nodes does not keep the others from being read. */
const READS_OF_ONE = 16;
/** Where serversets often are beside their default, without a rule for what is below it. */
const AURORA = { name: 'serverset', defaultPath: '/aurora/{service}' };

/** Reads when a slot is free, again when a connection was lost meanwhile; undefined once time is up. */
type Ask = <T>(read: () => Promise<T>) => Promise<T | undefined>;

interface Found {
  readonly service: string;
  readonly path: string;
  /** That of the root: of a node that does not tell its own. */
  readonly dialect: string;
  readonly nodes: SeenNode[];
  complete: boolean;
}

/** A node, be it an instance, a vector that weighs others, or neither. */
type SeenNode = Omit<ReadNode, 'said'> & { readonly said: Said };

/** What there is to see: a service or more, or why there is none. */
export interface Fleet {
  readonly rows: readonly ServiceRow[];
  /** A sentence where a place in which services are looked for does not exist. */
  readonly missing: string | undefined;
  /** False where time was up, or the connection lost for good, before all was read. */
  readonly complete: boolean;
}

/** Fails with 'disconnected' when no session could be had in time. */
export async function scanServices(tree: Tree, scan: Scan): Promise<Fleet> {
  const { clock, roots = ['/services/{service}'], deadlineMs = 10_000, only } = scan;
  let stop = (): void => undefined;
  let over = false;
  const deadline = new Promise<void>((resolve) => {
    stop = clock.after(deadlineMs, () => {
      over = true;
      resolve();
    });
  });
  const seen = { roots: false };
  const found: Found[] = [];
  const missing: string[] = [];
  const told: ServiceRow[] = [];
  const look = async (): Promise<void> => {
    await connected(tree);
    const slots = new ReadSlots(READS_IN_FLIGHT);
    const ask: Ask = (read) => slots.run(() => patiently(tree, read, () => over));
    const miss = (what: string): void => void missing.push(what);
    const bar = (path: string): void => {
      if (only === undefined) told.push(rowOf(path, '-', 'no permission to list it'));
    };
    for (const root of new Set(roots)) found.push(...(await servicesUnder(tree, root, scan, ask, miss, bar)));
    seen.roots = true;
    if (only === undefined) told.push(...(await notRead(tree, roots, ask, scan.dialects)));
    await readAll(tree, found, ask, scan);
  };
  try {
    await Promise.race([look(), deadline]);
  } finally {
    over = true;
    stop();
  }
  const patience = `${Math.round(deadlineMs / 1_000)} s`;
  if (tree.session.epoch === 0) throw new RegistryError('disconnected', `no session with the registry within ${patience}`);
  if (!seen.roots) throw new RegistryError('connection_lost', `the registry did not list its services within ${patience}`);
  const rows = found.map(({ service, path, dialect, nodes, complete }) => {
    const row = serviceRow(service, path, weighed(nodes), complete);
    return row.dialect === '-' && roots.length > 1 ? { ...row, dialect } : row;
  });
  return {
    rows: [...inOrder(rows), ...told],
    missing: missing[0],
    complete: found.every(({ complete }) => complete),
  };
}

async function patiently<T>(tree: Tree, read: () => Promise<T>, isOver: () => boolean): Promise<T | undefined> {
  while (!isOver()) {
    try {
      return await read();
    } catch (error) {
      if (!isSessionTrouble(error) || tree.session.state === 'closed') throw error;
      await connected(tree);
    }
  }
  return undefined;
}

function connected(tree: Tree): Promise<void> {
  if (tree.session.state === 'connected') return Promise.resolve();
  return new Promise((resolve) => {
    const stop = tree.onSession(({ state }) => {
      if (state !== 'connected') return;
      stop();
      resolve();
    });
  });
}

async function servicesUnder(
  tree: Tree,
  root: string,
  { only, dialects, roots = [] }: Scan,
  ask: Ask,
  miss: (what: string) => void,
  bar: (path: string) => void,
): Promise<readonly Found[]> {
  const [parent = '', rest = ''] = root.split('/{service}');
  // among several roots one that an access list keeps from us hides no other
  const listed = await ask(() => tree.children(parent === '' ? '/' : parent)).catch((error: unknown) => {
    if (roots.length > 1 && error instanceof RegistryError && error.code === 'no_auth') return 'forbidden' as const;
    throw error;
  });
  if (listed === 'forbidden') {
    bar(parent);
    return [];
  }
  if (listed === undefined) miss((await ask(() => tree.exists('/'))) === undefined ? 'the chroot' : parent);
  const dialect = [...dialects.values()].find(({ defaultPath }) => defaultPath === root)?.name ?? 'curator';
  return (listed?.names ?? [])
    .filter((service) => only === undefined || service === only)
    .map((service) => ({ service, path: `${parent}/${service}${rest}`, dialect, nodes: [], complete: false }));
}

async function notRead(
  tree: Tree,
  roots: readonly string[],
  ask: Ask,
  dialects: Scan['dialects'],
): Promise<readonly ServiceRow[]> {
  const rows: ServiceRow[] = [];
  for (const { name: dialect, defaultPath } of [...dialects.values(), AURORA]) {
    const path = defaultPath.split('/{service}')[0]!;
    if (path === '/services' || roots.some((root) => root.startsWith(`${path}/`))) continue;
    const names = (await ask(() => tree.children(path)).catch(() => undefined))?.names ?? [];
    if (names.length === 0) continue;
    const how = defaultPath === AURORA.defaultPath ? '--registry-path, with {service} in it,' : '--all';
    const what = `${names.length} ${names.length === 1 ? 'folder' : 'folders'} of ${dialect}: ${how} reads ${names.length === 1 ? 'it' : 'them'}`;
    rows.push(rowOf(path, dialect, what));
  }
  return rows;
}

/** Of a folder of services that was not read. */
const rowOf = (path: string, dialect: string, why: string): ServiceRow => {
  return { service: path, path, dialect, instances: undefined, routable: undefined, problems: [why], nodes: [] };
};

/** The instances and what was skipped, each instance with the weight that the vectors beside it give it. */
function weighed(nodes: readonly SeenNode[]): readonly ReadNode[] {
  const weigh = weigher(nodes.flatMap(({ said }) => ('factors' in said ? said : [])));
  return nodes.flatMap(({ said, ...node }): ReadNode[] =>
    'factors' in said ? [] : [{ ...node, said: isInstance(said) ? weigh(node.name, said) : said }],
  );
}

async function readAll(tree: Tree, found: readonly Found[], ask: Ask, { dialects, onProgress }: Scan): Promise<void> {
  let [next, done] = [0, 0];
  const reader = async (): Promise<void> => {
    for (let one = found[next++]; one !== undefined; one = found[next++]) {
      await readOne(tree, one, ask, dialects);
      if (one.complete) onProgress?.(++done, found.length);
    }
  };
  await Promise.all(Array.from({ length: SERVICES_AT_ONE_TIME }, reader));
}

async function readOne(tree: Tree, one: Found, ask: Ask, dialects: Scan['dialects']): Promise<void> {
  const listed = await ask(() => tree.children(one.path)).catch((error: unknown) => refusal(error));
  if (listed === undefined) return;
  if ('skip' in listed) {
    one.nodes.push({ name: '(the folder itself)', dialect: undefined, said: listed });
    one.complete = true;
    return;
  }
  const own = new ReadSlots(READS_OF_ONE);
  const readChild = async (name: string): Promise<boolean> => {
    const path = `${one.path}/${name}`;
    const node = await ask(() => readNode(tree, path, recognise(name, new Uint8Array())?.dialect === 'dubbo')).catch(
      (error: unknown) => refusal(error),
    );
    if (node === undefined) return false;
    if (node !== 'gone') one.nodes.push({ name, ...understand(one, name, node, dialects) });
    return true;
  };
  const read = await Promise.all(listed.names.map((name) => own.run(() => readChild(name))));
  one.complete = read.every(Boolean);
}

/** Bytes of a node; a word when it has gone meanwhile, a reason when it is too large. `bare`: its data means nothing. */
async function readNode(
  tree: Tree,
  path: string,
  bare: boolean,
): Promise<{ readonly data: Uint8Array; readonly stat: Stat } | Skip | 'gone'> {
  const stat = await tree.exists(path);
  if (stat === undefined) return 'gone';
  if (bare) return { data: new Uint8Array(), stat };
  if (stat.size > MAX_NODE_BYTES) return { skip: 'too_large', detail: `${stat.size} bytes, at most ${MAX_NODE_BYTES} are read` };
  return (await tree.read(path)) ?? 'gone';
}

function understand(
  one: Found,
  name: string,
  node: { readonly data: Uint8Array; readonly stat: Stat } | Skip,
  dialects: Scan['dialects'],
): Omit<SeenNode, 'name'> {
  if ('skip' in node) return { dialect: undefined, said: node };
  const dialect = recognise(name, node.data)?.dialect;
  const said = dialects.get(dialect ?? one.dialect)!.read(one.service, name, node.data, node.stat);
  return { dialect: isInstance(said) ? (dialect ?? one.dialect) : dialect, said, orphaned: node.stat.orphaned };
}

const refusal = (error: unknown): Skip => {
  if (error instanceof RegistryError && error.code === 'no_auth')
    return { skip: 'unreadable', detail: 'no permission to read it' };
  return { skip: 'unreadable', detail: (error instanceof Error ? error.message : String(error)).slice(0, 200) };
};
