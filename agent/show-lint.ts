/** `zidecar lint [SERVICE|PATH]`: where to look, what is printed, and the exit code. The looking is lint.ts. */
import type { Parsed } from './cli.js';
import type { commands } from './commands.js';
import type { Settings } from './config/schema.js';
import { forbidden, lintPath, lintPlace, MOST_NODES, unlessForbidden, type LintedNode, type LintedPath } from './lint.js';
import { openTree } from './open-tree.js';
import { Places } from './places.js';
import { quote } from './printable.js';
import { Refusals } from './refused.js';
import { RegistryError, type Tree } from './registry/tree.js';
import type { Surroundings } from './surroundings.js';
import { clock, random } from './system.js';
import { paintFor, table, titled, widthOf, type Cell, type Paint } from './text.js';

type Asked = Extract<Parsed, { command: 'lint' }>;
type Of = Pick<Settings, Exclude<(typeof commands.lint.settings)[number], 'config'>>;

/** Of the life of this process, as for `zidecar services`. */
const DEADLINE_MS = 9_500;
const LEAST_LOOK_MS = 3_000;
const GOODBYE_MS = 300;
const WRONG = 1;
/** EX_UNAVAILABLE of sysexits.h. */
const NOTHING_READ = 69;

/** Rejects with a RegistryError where the registry does not answer. */
export async function showLint(asked: Asked, settings: Of, around: Surroundings): Promise<number> {
  const { stdout, stderr, env } = around;
  const refusals = new Refusals(settings);
  const tree = await openTree({ ...settings, clock, random, emit: refusals.emit, readOnly: true });
  const patienceMs = Math.max(DEADLINE_MS - clock.now(), LEAST_LOOK_MS);
  const late = clock.sleep(patienceMs).then(() => {
    throw new RegistryError(
      'disconnected',
      `no answer from the registry within ${Math.round(patienceMs / 1_000)} s${refusals.trouble && `: ${refusals.trouble}`}`,
    );
  });
  try {
    const looked = connected(tree).then(() => lintAll(tree, asked.name, settings));
    const found = await Promise.race([looked, late, refusals.told]);
    if (found.length === 0) {
      stderr.write(
        `${asked.name === undefined ? 'no services in the registry' : `nothing at ${quote(asked.name)} in the registry`}\n`,
      );
      return WRONG;
    }
    if (asked.json) stdout.write(`${JSON.stringify({ paths: found }, undefined, 2)}\n`);
    else stdout.write(`${found.map((one) => render(one, asked, paintFor(stdout, env), widthOf(stdout))).join('\n\n')}\n`);
    if (found.some(({ broken }) => broken > 0)) return WRONG;
    return found.every(({ unread }) => unread.includes('.')) ? NOTHING_READ : 0;
  } finally {
    late.catch(() => undefined);
    await Promise.race([tree.close(), clock.sleep(GOODBYE_MS)]);
  }
}

function connected(tree: Tree): Promise<void> {
  if (tree.session.state === 'connected') return Promise.resolve();
  return new Promise((resolve) => {
    const stop = tree.onSession(({ state }) => state === 'connected' && (stop(), resolve()));
  });
}

/** A path as it stands, a service under each root, or every service under each root; those with trouble first. */
async function lintAll(tree: Tree, name: string | undefined, settings: Of): Promise<readonly LintedPath[]> {
  const places = new Places(settings);
  if (name?.startsWith('/')) {
    const one = await lintPlace(tree, name.replace(/(.)\/$/, '$1'), places);
    return one ? [one] : [];
  }
  const found: LintedPath[] = [];
  let room = MOST_NODES;
  for (const [root, dialect] of places.roots) {
    const [parent = '', rest = ''] = root.split('/{service}');
    const above = parent === '' ? '/' : parent;
    const listed = name === undefined ? await tree.children(above).catch(unlessForbidden) : { names: [name] };
    if (listed === 'forbidden') found.push(forbidden(above));
    const services = listed === 'forbidden' ? [] : (listed?.names ?? []);
    for (const service of [...services].sort()) {
      if (room <= 0) break;
      const one = await lintPath(tree, {
        path: `${parent}/${service}${rest}`,
        service,
        dialect,
        most: room,
      });
      if (one) found.push(one);
      room -= one?.nodes.length ?? 0;
    }
  }
  return found.sort((one, other) => other.broken - one.broken);
}

const PERHAPS_NODE = 'a folder without nodes, or one node that readers may break on: nothing tells which';

const OF_FOLDERS = 'a folder of folders: name one of them, or no path at all to look at every service';

function render(
  { path, dialects: spoken, nodes, broken, beyond, unread, perhapsNode, ofFolders }: LintedPath,
  { all, name }: Asked,
  paint: Paint,
  width: number | undefined,
): string {
  if (unread.includes('.')) return titled(path, 'no permission to list it', paint, width, paint.red);
  if (ofFolders) return titled(path, OF_FOLDERS, paint, width, paint.yellow);
  if (perhapsNode) return titled(path, PERHAPS_NODE, paint, width, paint.yellow);
  const count = `${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'} (${spoken.join(', ')})`;
  const wrong = broken === 0 ? 'none breaks a reader' : `${broken} ${broken === 1 ? 'breaks' : 'break'} readers there`;
  const more = beyond > 0 ? `, ${beyond} more were not looked at` : '';
  const title = titled(path, `${count}, ${wrong}${more}`, paint, width, broken === 0 ? String : paint.red);
  const shown = name === undefined && !all ? nodes.filter(isTrouble) : nodes;
  const barred = unread.map((node): Cell[] => [
    node,
    '',
    '',
    { text: 'not read', paint: paint.yellow },
    'no permission to read it',
  ]);
  const rows = [...shown.flatMap((node) => lines(node, all, paint)), ...barred];
  return rows.length === 0
    ? title
    : `${title}\n${table({ head: ['NODE', 'ADDRESS', 'READERS', 'DO', 'WHY'], rows, width, paint })}`;
}

const isTrouble = ({ verdicts }: LintedNode): boolean => verdicts.some(({ home, does }) => home && does === 'breaks');

/** A line for all readers who do the same for the same reason; the worst first, and those who do not live there only where asked for. */
function lines({ name, address, verdicts }: LintedNode, all: boolean, paint: Paint): Cell[][] {
  const groups = new Map<string, { readonly readers: string[]; readonly does: string; readonly why: string }>();
  const order = ['breaks', 'ignores', 'accepts'];
  const told = verdicts
    .filter(({ home }) => home || all)
    .sort((one, other) => order.indexOf(one.does) - order.indexOf(other.does));
  for (const { reader, home, does, why } of told) {
    const key = `${does} ${home} ${why}`;
    const group = groups.get(key) ?? {
      readers: [],
      does: `${does === 'breaks' ? 'break' : does.slice(0, -1)}${home ? '' : ', elsewhere'}`,
      why,
    };
    group.readers.push(reader);
    groups.set(key, group);
  }
  const marks: Readonly<Record<string, (text: string) => string>> = {
    break: paint.red,
    ignore: paint.yellow,
    accept: paint.green,
  };
  return [...groups.values()].map(({ readers, does, why }, index): Cell[] => [
    index === 0 ? (name.length > 40 ? `${name.slice(0, 39)}…` : name) : '',
    index === 0 ? address : '',
    readers.join(', '),
    { text: does, paint: marks[does] ?? paint.dim },
    why,
  ]);
}
