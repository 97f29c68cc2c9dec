/**
 * A tree by the wire client in a process of its own, as a sidecar has it: what others do in the process, and the hooks of the test runner, would be
 * measured too. Does what it is told, and answers with what it saw.
 */
import { TreeRegistry } from '../../../../agent/registry/tree-registry.js';
import { dialects } from '../../../../agent/registry/dialects/dialects.js';
import type { InstanceList } from '../../../../agent/registry/registry.js';
import { openZooKeeper } from '../../../../agent/registry/zookeeper.js';
import { clock, random } from '../../../../agent/system.js';
import { each, memory } from '../../../support/memory.js';
import { TurnMeter } from '../../../support/turn-meter.js';
import { connected, until } from '../tree-contract.js';

const [host, port, folder, last] = process.argv.slice(2);
const count = Number(last);
const emit = (): void => undefined;
const servers = [{ host: host!, port: Number(port) }];
const tree = openZooKeeper({
  ...{ servers, chroot: '', sessionTimeoutMs: 40_000, client: { kind: 'wire' } },
  ...{ clock, random, emit },
});
let fired = 0;
const hear = (): void => {
  fired++;
};
const path = (index: number): string => `${folder!}/10.0.${index >> 8}.${index & 255}:8080`;
const asked = async (onChange?: () => void): Promise<void> => {
  for (let from = 0; from < count; from += 500)
    await Promise.all(Array.from({ length: 500 }, (_, index) => tree.exists(path(from + index), onChange)));
};
let before = memory();
let meter: TurnMeter | undefined;

export interface Seen {
  readonly session: string;
  readonly watches: number;
  readonly fired: number;
  readonly count?: number;
  /** The longest turn while it did it. */
  readonly turn?: string;
  /** More than before the watches, for each of them. */
  readonly each?: { readonly resident: number; readonly heap: number };
}

const acts = {
  async list(): Promise<Partial<Seen>> {
    await connected(tree);
    await asked(); // so that what grows later is what is kept, and not what was needed for a moment
    before = memory();
    meter = new TurnMeter();
    const count = (await tree.children(folder!, hear))?.names.length ?? 0;
    return { count, turn: meter.end() };
  },
  async arm(): Promise<Partial<Seen>> {
    meter = new TurnMeter();
    await asked(hear);
    const turn = meter.end();
    return { turn, each: each(before, memory(), count) };
  },
  /** Until the connection is lost; what was told before is forgotten. */
  async lose(): Promise<Partial<Seen>> {
    await until(() => tree.session.state === 'suspended', 'the loss');
    fired = 0;
    meter = new TurnMeter();
    return {};
  },
  async connect(): Promise<Partial<Seen>> {
    await connected(tree);
    await tree.exists('/');
    return { turn: meter!.end() };
  },
  /** Until each who waited in this session is told that it is over. */
  async end(): Promise<Partial<Seen>> {
    const { watches } = tree;
    fired = 0;
    meter = new TurnMeter();
    await until(() => fired >= watches, 'all to be told');
    return { turn: meter.end() };
  },
  /** The service that the folder is. */
  async watch(): Promise<Partial<Seen>> {
    await connected(tree);
    const lists: InstanceList[] = [];
    meter = new TurnMeter();
    const registry = new TreeRegistry({ tree, dialects, clock, random, emit });
    registry.watch('many', { dialect: 'curator', path: folder! }, (list) => void lists.push(list));
    await until(() => lists.length > 0 && lists.at(-1)!.partial !== true, 'the whole list');
    return { count: lists.at(-1)!.instances.length, turn: meter.end() };
  },
};
export type Act = keyof typeof acts;

process.on('message', (act: Act) => {
  void acts[act]().then((seen) => process.send!({ session: tree.session.id, watches: tree.watches, fired, ...seen }));
});
process.on('disconnect', () => process.exit());
