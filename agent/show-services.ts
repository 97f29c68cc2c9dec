/** `zidecar services`: a look at a fleet from outside, once or again and again, as tables or as JSON. Reads the registry and writes nothing. */
import type { Parsed } from './cli.js';
import type { commands } from './commands.js';
import type { Settings } from './config/schema.js';
import { openTree } from './open-tree.js';
import { quote } from './printable.js';
import { dialects } from './registry/dialects/dialects.js';
import { Refusals } from './refused.js';
import { RegistryError } from './registry/tree.js';
import { renderFleet, renderService } from './service-table.js';
import { scanServices, type Fleet } from './services.js';
import type { Surroundings } from './surroundings.js';
import { clock, random } from './system.js';
import { paintFor, widthOf } from './text.js';
import { watchServices } from './watch-services.js';

type Asked = Extract<Parsed, { command: 'services' }>;
type Of = Pick<Settings, Exclude<(typeof commands.services.settings)[number], 'config'>>;

/** Of the life of this process, so that with the good-bye it ends in ten seconds on a slow machine too. */
const DEADLINE_MS = 9_500;
const LEAST_LOOK_MS = 3_000;
const GOODBYE_MS = 300;
const NOT_FOUND = 1;

/** Rejects with a RegistryError where the registry does not answer. */
export async function showServices(asked: Asked, settings: Of, around: Surroundings): Promise<number> {
  const { stdout, stderr } = around;
  const refusals = new Refusals(settings);
  const tree = await openTree({ ...settings, clock, random, emit: refusals.emit, readOnly: true });
  const own = settings.registryPath ?? dialects.get(settings.dialect)!.defaultPath;
  const everywhere = [own, ...Array.from(dialects.values(), ({ defaultPath }) => defaultPath)];
  const tell = stderr.isTTY && !asked.json && !asked.watch;
  const onProgress = (read: number, all: number): void => {
    if (tell) stderr.write(read === all ? '\r\x1b[K' : `\rreading ${read} of ${all} services`);
  };
  let deadlineMs = Math.max(DEADLINE_MS - clock.now(), LEAST_LOOK_MS);
  const scan = (roots: readonly string[], within: number): Promise<Fleet> =>
    scanServices(tree, { dialects, clock, roots, only: asked.name, onProgress, deadlineMs: within });
  // one that does not stand where we would look for it stands elsewhere, or nowhere
  const look = async (): Promise<Fleet> => {
    const until = clock.now() + deadlineMs;
    const here = await scan(asked.all ? everywhere : [own], deadlineMs);
    if (asked.all || asked.name === undefined || here.rows.length > 0 || here.missing === 'the chroot') return here;
    return scan(everywhere, Math.max(until - clock.now(), 1_000));
  };
  try {
    const fleet = await Promise.race([look(), refusals.told]).catch((error: unknown) => {
      const { trouble } = refusals;
      if (!(error instanceof RegistryError) || trouble === '' || error.message.endsWith(trouble)) throw error;
      throw new RegistryError(error.code, `${error.message}: ${trouble}`, { cause: error });
    });
    deadlineMs = DEADLINE_MS; // of the looks that --watch takes later
    const why = nothing(fleet, asked, settings);
    if (why !== undefined && !asked.watch) {
      stderr.write(`${why}\n`);
      return NOT_FOUND;
    }
    const show = (seen: Fleet): string => nothing(seen, asked, settings) ?? render(seen, asked, around);
    if (asked.watch) await watchServices({ look, show, tree, around, trouble: () => refusals.trouble }, show(fleet));
    else stdout.write(`${show(fleet)}\n`);
    return 0;
  } finally {
    await Promise.race([tree.close(), clock.sleep(GOODBYE_MS)]);
  }
}

/** Why there is nothing to show, where what was asked for does not exist. */
function nothing({ rows, missing }: Fleet, { name }: Asked, { zookeeper }: Of): string | undefined {
  const chroot = zookeeper.kind === 'zookeeper' ? zookeeper.chroot : '';
  if (missing === 'the chroot' && chroot !== '') {
    return `there is no ${chroot} in this ZooKeeper, which --zookeeper names as the root of everything: a typing error, or nobody has started there yet`;
  }
  if (name === undefined || rows.length > 0) return undefined;
  return `no service ${quote(name)} in the registry; zidecar services --all lists those that are`;
}

function render(fleet: Fleet, { name, all, json }: Asked, { stdout, env }: Surroundings): string {
  const look = {
    paint: paintFor(stdout, env),
    width: widthOf(stdout),
    all,
  };
  if (name === undefined) return json ? JSON.stringify({ services: fleet.rows }, undefined, 2) : renderFleet(fleet, look);
  // one service may stand under the roots of several dialects
  if (json) return JSON.stringify(fleet.rows.length === 1 ? fleet.rows[0] : { services: fleet.rows }, undefined, 2);
  return fleet.rows.map((row) => renderService(row, look)).join('\n\n');
}
