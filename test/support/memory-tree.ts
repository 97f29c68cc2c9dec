/**
 * The port of agent/registry/tree.ts in memory, with switches to lose a connection, end a session, hold answers and fail calls. It is
 * held to the same contract as the real adapters (test/agent/registry/memory-tree.test.ts), so that what is tested on it is honest.
 */
import { checkPath } from '../../agent/registry/node-path.js';
import { MAX_NODE_BYTES, RegistryError } from '../../agent/registry/tree.js';
import type { List, Mode, OnChild, RegistryErrorCode, Session, Stat, Tree } from '../../agent/registry/tree.js';

type Operation = 'exists' | 'read' | 'children' | 'create' | 'write' | 'remove' | 'sync';
interface Node {
  data: Uint8Array;
  version: number;
  mzxid: bigint;
  readonly czxid: bigint;
  readonly ctime: number;
  readonly owner: string;
  readonly names: Set<string>;
  made: number;
}
interface Watch {
  readonly of: 'node' | 'list';
  readonly path: string;
  readonly onChange: () => void;
  readonly onChild?: OnChild | undefined;
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** What every tree of a test looks at: the server, or the folder. */
export class MemoryStore {
  readonly nodes = new Map<string, Node>();
  readonly trees = new Set<MemoryTree>();
  readonly wall: () => number;
  #zxid = 0n;
  #sessions = 0;

  constructor(wall: () => number = Date.now) {
    this.wall = wall;
    this.nodes.set('/', this.#node(new Uint8Array(), ''));
  }

  newSession(): string {
    return `0x${(++this.#sessions).toString(16)}`;
  }

  /** Creates a node and whatever is missing above it, as a foreign program would, or replaces its data. */
  plant(path: string, data: Uint8Array | string, owner = ''): void {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    if (!this.nodes.has(parentOf(path))) this.plant(parentOf(path), '');
    if (this.nodes.has(path)) this.write(path, bytes);
    else this.add(path, bytes, owner);
  }

  add(path: string, data: Uint8Array, owner: string): void {
    const parent = this.nodes.get(parentOf(path))!;
    this.nodes.set(path, this.#node(data, owner));
    parent.names.add(nameOf(path));
    parent.made++;
    this.#tellOfChild(path, true);
    this.#tell([path, 'node'], [path, 'list']);
  }

  write(path: string, data: Uint8Array): void {
    const node = this.nodes.get(path)!;
    node.data = data.slice();
    node.version++;
    node.mzxid = ++this.#zxid;
    this.#tell([path, 'node']);
  }

  delete(path: string): void {
    this.nodes.delete(path);
    this.nodes.get(parentOf(path))!.names.delete(nameOf(path));
    this.#tellOfChild(path, false);
    this.#tell([path, 'node'], [path, 'list']);
  }

  endSession(id: string): void {
    for (const [path, { owner }] of [...this.nodes]) if (owner === id && id !== '') this.delete(path);
  }

  #node(data: Uint8Array, owner: string): Node {
    const zxid = ++this.#zxid;
    return { data: data.slice(), version: 0, mzxid: zxid, czxid: zxid, ctime: this.wall(), owner, names: new Set(), made: 0 };
  }

  #tellOfChild(path: string, isThere: boolean): void {
    for (const tree of this.trees) tree.fire(parentOf(path), 'list', { name: nameOf(path), isThere });
  }

  #tell(...events: readonly (readonly [string, Watch['of']])[]): void {
    for (const tree of this.trees) for (const [path, of] of events) tree.fire(path, of);
  }
}

export class MemoryTree implements Tree {
  /** What was asked, in order: `read /services/orders/a`. */
  readonly calls: string[] = [];
  /** The most calls that were out at one time. */
  mostInFlight = 0;
  /** Watches are taken and forgotten, as when a bound refuses them. */
  deaf = false;
  readonly #store: MemoryStore;
  readonly #auto: boolean;
  readonly #tells: boolean;
  #session: Session;
  #reachable = true;
  #watches: Watch[] = [];
  #fired: Watch[] = [];
  #listeners = new Set<(session: Session) => void>();
  #failures: { readonly operation: Operation; readonly code: RegistryErrorCode; readonly done: boolean }[] = [];
  #held: Promise<void> | undefined;
  #inFlight = 0;

  /** `auto`: a new session follows an expired one by itself, as the port wants it; without, the test says when (`connect`). `tells`: which child came or went. */
  constructor(store: MemoryStore, { timeoutMs = 30_000, auto = false, connected = true, tells = false } = {}) {
    this.#store = store;
    this.#auto = auto;
    this.#tells = tells;
    this.#session = { state: 'connecting', id: '', epoch: 0, timeoutMs };
    store.trees.add(this);
    if (connected) this.connect();
  }

  get session(): Session {
    return this.#session;
  }

  get watches(): number {
    return this.#watches.length;
  }

  get watched(): readonly string[] {
    return this.#watches.map(({ of, path }) => `${of} ${path}`).sort();
  }

  // switches

  /** Connects: with the session it has, or a new one where that has ended. */
  connect(): void {
    this.#reachable = true;
    const { state, epoch, timeoutMs } = this.#session;
    if (state === 'closed' || state === 'connected') return;
    if (state === 'suspended') this.#become({ ...this.#session, state: 'connected' });
    else this.#become({ state: 'connected', id: this.#store.newSession(), epoch: epoch + 1, server: 'memory', timeoutMs });
    for (const watch of this.#fired.splice(0)) this.#call(watch);
  }

  /** The connection is gone; the session lives on. */
  lose(): void {
    this.#reachable = false;
    if (this.#session.state === 'connected') this.#become({ ...this.#session, state: 'suspended' });
  }

  /** The session is over, and every watch with it. */
  expire(): void {
    this.#store.endSession(this.#session.id);
    this.#become({ ...this.#session, state: 'expired' });
    for (const watch of [...this.#fired.splice(0), ...this.#watches.splice(0)]) this.#call(watch);
    if (this.#auto) queueMicrotask(() => this.#reachable && this.connect());
  }

  /** The next call of this kind fails; `done`: only its answer is lost. */
  fail(operation: Operation, code: RegistryErrorCode, done = false): void {
    this.#failures.push({ operation, code, done });
  }

  /** No call is answered until the returned function is called. */
  hold(): () => void {
    let release = (): void => undefined;
    this.#held = new Promise((resolve) => (release = resolve));
    return () => {
      this.#held = undefined;
      release();
    };
  }

  fire(path: string, of: Watch['of'], child?: { readonly name: string; readonly isThere: boolean }): void {
    const all = this.#watches.filter((watch) => watch.path === path && watch.of === of);
    const told = child && this.#session.state === 'connected' ? all.filter(({ onChild }) => onChild) : [];
    for (const watch of told)
      setImmediate(() => {
        if (this.#session.state === 'closed' || watch.onChild!(child!.name, child!.isThere)) return;
        this.#watches = this.#watches.filter((other) => other !== watch);
      });
    const due = all.filter((watch) => !told.includes(watch));
    this.#watches = this.#watches.filter((watch) => !due.includes(watch));
    if (this.#session.state === 'connected') for (const watch of due) this.#call(watch);
    else this.#fired.push(...due);
  }

  // the port

  onSession(listener: (session: Session) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  exists(path: string, onChange?: () => void): Promise<Stat | undefined> {
    return this.#ask('exists', path, () => this.#look(path, 'node', onChange, (_, stat) => stat));
  }

  read(
    path: string,
    onChange?: () => void,
    unmeasured = false,
  ): Promise<{ readonly data: Uint8Array; readonly stat: Stat } | undefined> {
    return this.#ask('read', path, () => {
      const size = this.#store.nodes.get(path)?.data.length ?? 0;
      if (size > MAX_NODE_BYTES) throw new RegistryError('too_large', `read ${path}: ${size} bytes`);
      const watch = unmeasured && !this.#store.nodes.has(path) ? undefined : onChange;
      return this.#look(path, 'node', watch, ({ data }, stat) => ({ data: data.slice(), stat }));
    });
  }

  children(path: string, onChange?: () => void, onChild?: OnChild): Promise<List | undefined> {
    const tells = this.#tells && onChild ? onChild : undefined;
    return this.#ask('children', path, () =>
      this.#look(
        path,
        'list',
        onChange,
        ({ names }, stat) => ({ names: [...names], stat, ...(tells && !this.deaf && { tells: true }) }),
        tells,
      ),
    );
  }

  create(path: string, data: Uint8Array, mode: Mode): Promise<{ readonly path: string; readonly stat: Stat }> {
    return this.#ask('create', path, () => {
      const { nodes } = this.#store;
      const parent = nodes.get(parentOf(path));
      if (data.length > MAX_NODE_BYTES) throw new RegistryError('too_large', `create ${path}: ${data.length} bytes`);
      if (!parent) throw new RegistryError('no_parent', `create ${path}: no parent`);
      if (parent.owner) throw new RegistryError('failed', `create ${path}: an ephemeral has no children`);
      const made = mode === 'ephemeral_sequential' ? path + String(parent.made).padStart(10, '0') : path;
      if (nodes.has(made)) throw new RegistryError('node_exists', `create ${made}: it exists`);
      this.#store.add(made, data, mode.startsWith('ephemeral') ? this.#session.id : '');
      return { path: made, stat: this.#stat(nodes.get(made)!) };
    });
  }

  write(path: string, data: Uint8Array, version: number): Promise<Stat> {
    return this.#ask('write', path, () => {
      const node = this.#store.nodes.get(path);
      if (data.length > MAX_NODE_BYTES) throw new RegistryError('too_large', `write ${path}: ${data.length} bytes`);
      if (!node) throw new RegistryError('no_node', `write ${path}: no node`);
      if (node.version !== version)
        throw new RegistryError('bad_version', `write ${path}: version ${node.version}, not ${version}`);
      this.#store.write(path, data);
      return this.#stat(node);
    });
  }

  remove(path: string, version?: number): Promise<boolean> {
    return this.#ask('remove', path, () => {
      const node = this.#store.nodes.get(path);
      if (!node) return false;
      if (version !== undefined && node.version !== version)
        throw new RegistryError('bad_version', `remove ${path}: not ${version}`);
      if (node.names.size > 0) throw new RegistryError('not_empty', `remove ${path}: it has children`);
      this.#store.delete(path);
      return true;
    });
  }

  sync(path: string): Promise<void> {
    return this.#ask('sync', path, () => undefined);
  }

  async close(): Promise<void> {
    if (this.#session.state === 'closed') return;
    this.#watches = this.#fired = [];
    this.#store.trees.delete(this);
    this.#store.endSession(this.#session.id);
    this.#become({ ...this.#session, state: 'closed' });
  }

  async #ask<T>(operation: Operation, path: string, answer: () => T): Promise<T> {
    const now = this.#session.state;
    if (now !== 'connected')
      throw new RegistryError(now === 'closed' ? 'closed' : 'disconnected', `${operation} ${path}: ${now}`);
    checkPath(path);
    this.calls.push(`${operation} ${path}`);
    this.mostInFlight = Math.max(this.mostInFlight, ++this.#inFlight);
    const { epoch } = this.#session;
    try {
      await this.#held;
      if (this.#session.state === 'closed') throw new RegistryError('closed', `${operation} ${path}: closed`);
      if (this.#session.epoch !== epoch || this.#session.state === 'expired')
        throw new RegistryError('expired', `${operation} ${path}`);
      if (this.#session.state !== 'connected') throw new RegistryError('connection_lost', `${operation} ${path}: no answer`);
      const failure = this.#failures.find((each) => each.operation === operation);
      if (failure) this.#failures = this.#failures.filter((each) => each !== failure);
      if (failure?.done) answer();
      if (failure) throw new RegistryError(failure.code, `${operation} ${path}: ${failure.code}`);
      return answer();
    } finally {
      this.#inFlight--;
    }
  }

  #look<T>(
    path: string,
    of: Watch['of'],
    onChange: (() => void) | undefined,
    tell: (node: Node, stat: Stat) => T,
    onChild?: OnChild,
  ): T | undefined {
    if (onChange && !this.deaf) this.#watches.push({ of, path, onChange, onChild });
    const node = this.#store.nodes.get(path);
    return node && tell(node, this.#stat(node));
  }

  #stat({ data, czxid, mzxid, version, ctime, owner }: Node): Stat {
    const whose = owner === '' ? 'none' : owner === this.#session.id ? 'us' : 'other';
    return { czxid, mzxid, version, size: data.length, owner: whose, ownerId: owner, ctime };
  }

  #become(session: Session): void {
    this.#session = session;
    for (const listener of this.#listeners) listener(session);
  }

  #call({ onChange }: Watch): void {
    setImmediate(() => this.#session.state !== 'closed' && onChange());
  }
}
