/**
 * The list of peers in one text: `name[=source{+source}][@[tcp:]port]` with commas, `*` for any other name. The last `@` splits, since a
 * path may hold one.
 */
import { quote } from '../printable.js';
import { readParts, serviceName, type Grammar, type Reading } from './parse.js';
import { sources, type SourceText } from './sources.js';

export interface UpstreamPort {
  readonly port: number;
  /** Bytes, not HTTP. */
  readonly tcp: boolean;
}

export interface ListedUpstream {
  readonly name: string;
  readonly sources?: readonly SourceText[];
  readonly port?: UpstreamPort;
}

export interface UpstreamList {
  /** True: no other name can be called. */
  readonly closed: boolean;
  readonly named: readonly ListedUpstream[];
}

export const upstreamPort: Grammar<UpstreamPort> = {
  accepts: 'a port from 0 to 65535, 0 being any free one; tcp: before it for plain TCP',
  read(text) {
    const [, tcp, digits] = /^(tcp:)?(\d{1,5})$/.exec(text) ?? [];
    const port = Number(digits ?? NaN);
    return port <= 65535 ? { value: { port, tcp: tcp !== undefined } } : { problem: 'is not a port' };
  },
};

export const upstreamList: Grammar<UpstreamList> = {
  accepts: `name[=source][@[tcp:]port] with commas, * for any other name; a source is ${sources.accepts}`,
  list: ',',
  read(text) {
    const names = new Set<string>();
    const read = readParts(text, ',', (part): Reading<ListedUpstream | '*'> => {
      const one = readUpstream(part);
      if ('problem' in one || one.value === '*') return one;
      if (names.has(one.value.name)) return { problem: 'has a name that was there before' };
      names.add(one.value.name);
      return one;
    });
    if ('problem' in read) return read;
    const named = read.value.filter((upstream) => upstream !== '*');
    return { value: { closed: named.length === read.value.length, named } };
  },
};

function readUpstream(text: string): Reading<ListedUpstream | '*'> {
  if (text === '*') return { value: text };
  const at = text.lastIndexOf('@');
  const [, name = '', from] = /^([^=]*)(?:=(.*))?$/.exec(at < 0 ? text : text.slice(0, at)) ?? [];
  if (name === '') return { problem: 'lacks a name' };
  const checked = serviceName.read(name);
  if ('problem' in checked) return { problem: `has the name ${quote(name)}, which ${checked.problem}` };
  const read = from === undefined ? undefined : sources.read(from);
  if (read && 'problem' in read) return read;
  const port = at < 0 ? undefined : upstreamPort.read(text.slice(at + 1));
  if (port && 'problem' in port) return { problem: `has the port ${quote(text.slice(at + 1))}, which ${port.problem}` };
  return { value: { name, ...(read && { sources: read.value }), ...(port && { port: port.value }) } };
}
