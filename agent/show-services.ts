/** `zidecar services`: a look at a fleet from outside, once or again and again, as tables or as JSON. Reads the registry and writes nothing. */
import type { Parsed } from './cli.js';
import type { Settings } from './config/schema.js';
import type { Emit } from './events.js';
import { openTree } from './open-tree.js';
import { quote } from './printable.js';
import { dialects } from './registry/dialects/dialects.js';
import { RegistryError, type Tree } from './registry/tree.js';
import { renderService, renderServices } from './service-table.js';
import type { ServiceRow } from './service-row.js';
import { scanServices } from './services.js';
import type { Surroundings } from './surroundings.js';
import { clock, random } from './system.js';
import { paintFor } from './text.js';

type Asked = Extract<Parsed, { command: 'services' }>;
type Of = Pick<Settings, 'zookeeper' | 'sessionTimeout' | 'dialect' | 'registryPath'>;

const WATCH_MS = 2_000;
const NOT_FOUND = 1;
/** Clears a terminal and goes to its first line. */
const CLEAR = '\x1b[2J\x1b[H';

/** Rejects with a RegistryError where the registry does not answer. */
export async function showServices(asked: Asked, settings: Of, around: Surroundings): Promise<number> {
  const { stdout, stderr } = around;
  const troubles: string[] = [];
  const emit: Emit = (fact) => {
    if (fact.kind === 'session_trouble') troubles.push(fact.why);
  };
  const tree = await openTree({ ...settings, clock, random, emit, readOnly: true });
  try {
    for (;;) {
      const rows = await scan(tree, asked, settings, around).catch((error: unknown) => {
        throw error instanceof RegistryError && troubles.length > 0
          ? new RegistryError(error.code, `${error.message}: ${troubles.at(-1)!}`, { cause: error })
          : error;
      });
      const text = render(rows, asked, around);
      if (text === undefined) {
        stderr.write(`no service ${quote(asked.name ?? '')} in the registry; zidecar services lists those that are\n`);
        return NOT_FOUND;
      }
      stdout.write(`${asked.watch && stdout.isTTY ? CLEAR : ''}${text}\n`);
      if (!asked.watch) return 0;
      await clock.sleep(WATCH_MS);
    }
  } finally {
    await tree.close();
  }
}

function scan(
  tree: Tree,
  { name, json }: Asked,
  { dialect, registryPath }: Of,
  { stderr }: Surroundings,
): Promise<readonly ServiceRow[]> {
  const roots = [registryPath ?? dialects.get(dialect)!.defaultPath];
  const tell = stderr.isTTY && !json;
  const onProgress = (read: number, all: number): void => {
    if (tell) stderr.write(read === all ? '\r\x1b[K' : `\rreading ${read} of ${all} services`);
  };
  return scanServices(tree, { dialects, clock, roots, only: name, onProgress });
}

/** Undefined: there is no service of that name. */
function render(rows: readonly ServiceRow[], { name, all, json }: Asked, { stdout, env }: Surroundings): string | undefined {
  const look = { paint: paintFor(stdout, env), width: stdout.isTTY ? stdout.columns : 80, all };
  if (name === undefined) return json ? JSON.stringify({ services: rows }, undefined, 2) : renderServices(rows, look);
  const [row] = rows;
  if (row === undefined) return undefined;
  return json ? JSON.stringify(row, undefined, 2) : renderService(row, look);
}
