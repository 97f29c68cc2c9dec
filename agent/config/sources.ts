/**
 * Where the instances of a service are looked for: `dialect[:path]`, several joined by `+`. The path is the parent of the instances;
 * `{service}` in it stands for the service's name. Behind a serverset's path, `!NAME` is the additional endpoint to be called.
 */
import { quote } from '../printable.js';
import { dialects } from '../registry/dialects/dialects.js';
import type { Source } from '../registry/registry.js';
import { integer, oneOf, readParts, type Grammar, type Reading } from './parse.js';

export const SERVICE = '{service}';

export const dialectName = oneOf([...dialects.keys()]);

/** A source as written: without a path the registry path holds, or the dialect's own. */
export interface SourceText {
  readonly dialect: string;
  readonly path?: string;
  readonly endpoint?: string;
  /** The address of another registry than the main one. */
  readonly registry?: string;
}

/** What ZooKeeper would refuse in a path, said of it; undefined when it is good. */
export function pathProblem(path: string): string | undefined {
  if (!path.startsWith('/')) return 'does not begin with "/"';
  if (path.endsWith('/')) return 'ends with "/"';
  const parts = path.slice(1).split('/');
  if (parts.includes('')) return 'has an empty part';
  if (parts.includes('.') || parts.includes('..')) return 'has "." or ".." as a part';
  if (parts[0] === 'zookeeper') return "lies in ZooKeeper's own /zookeeper";
  if (/[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/.test(path)) return 'has a character that ZooKeeper refuses';
  const other = path.replaceAll(SERVICE, '').match(/[{}][^{}/]*\}?/)?.[0];
  return other === undefined ? undefined : `has ${quote(other)} in it, where only ${SERVICE} is known`;
}

export const registryPath: Grammar<string> = {
  accepts: `an absolute path with ${SERVICE} in it, such as /services/${SERVICE}`,
  read(text) {
    const problem = pathProblem(text);
    return problem === undefined ? { value: text } : { problem };
  },
};

/** Of one peer: `{service}` may be left out. */
export const sourcePath: Grammar<string> = {
  accepts: `an absolute path, such as /services/${SERVICE}`,
  read(text) {
    const problem = pathProblem(text);
    return problem === undefined ? { value: text } : { problem };
  },
};

export const endpointName: Grammar<string> = {
  accepts: 'the name of an additional endpoint: letters, digits, ".", "_" and "-"',
  read: (text) => (/^[A-Za-z0-9._-]{1,253}$/.test(text) ? { value: text } : { problem: 'is no name of an endpoint' }),
};

const MOST_ENDPOINTS = 16;

export const endpointPorts: Grammar<Readonly<Record<string, number>>> = {
  accepts: `name=port,name=port, such as admin=9990, at most ${MOST_ENDPOINTS} of them`,
  list: ',',
  map: true,
  read(text) {
    const found = new Map<string, number>();
    const read = readParts(text, ',', (pair): Reading<unknown> => {
      const [name = '', port = ''] = pair.split(/=(?=[^=]*$)/);
      if ('problem' in endpointName.read(name) || name === '__proto__') return { problem: 'has no name in front of "="' };
      const number = integer(1, 65_535).read(port);
      if ('problem' in number) return { problem: `has a port that ${number.problem}` };
      if (found.has(name)) return { problem: 'has a name that was there before' };
      return { value: found.set(name, number.value) };
    });
    if ('problem' in read) return read;
    return found.size > MOST_ENDPOINTS ? { problem: `has ${found.size} ports` } : { value: Object.fromEntries(found) };
  },
};

export const sources: Grammar<readonly SourceText[]> = {
  accepts: `dialect[:path]{+dialect[:path]}, a dialect being ${dialectName.accepts}; serverset:path!NAME for an additional endpoint`,
  list: '+',
  read: (text) => readParts(text, '+', readSource),
};

function readSource(text: string): Reading<SourceText> {
  const [, name = '', rest] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? [];
  const dialect = dialectName.read(name);
  if ('problem' in dialect) return { problem: `has the dialect ${quote(name)}, which ${dialect.problem}` };
  if (rest === undefined) return { value: { dialect: dialect.value } };
  const cut = dialect.value === 'serverset' ? rest.lastIndexOf('!') : -1;
  const [path, endpoint] = cut < 0 ? [rest] : [rest.slice(0, cut), rest.slice(cut + 1)];
  const wrong = pathProblem(path);
  if (wrong !== undefined) return { problem: `has the path ${quote(path)}, which ${wrong}` };
  if (endpoint !== undefined && 'problem' in endpointName.read(endpoint)) {
    return { problem: `has ${quote(endpoint)} behind "!", where the name of an additional endpoint is expected` };
  }
  return { value: { dialect: dialect.value, path, ...(endpoint !== undefined && { endpoint }) } };
}

/** Complete: the path as written, else the registry path, else the dialect's own; with the name in it. `main`: the registry that needs no name. */
export const sourceOf = (
  service: string,
  { dialect, path, endpoint, registry }: SourceText,
  fallback: string | undefined,
  main: string,
): Source => ({
  dialect,
  ...(endpoint !== undefined && { endpoint }),
  ...(registry !== undefined && registry !== main && { registry }),
  path: (path ?? fallback ?? dialects.get(dialect)!.defaultPath).replaceAll(SERVICE, service),
});
