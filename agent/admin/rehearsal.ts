/**
 * The call that `GET /call` asks about, out of its query: `url`, `method` and any number of `header`. A path is one that came to this machine
 * (`/svc/NAME/…`, or with a Host among the headers); a URL is one that came as to a proxy.
 */
import type { Rehearsed } from '../../lb/rehearse.js';
import type { Problem } from './body.js';

const MOST_HEADERS = 100;

export function rehearsedOf(query: URLSearchParams): Rehearsed | Problem {
  const bad = (message: string): Problem => ({ error: 'bad_call', message });
  const url = query.get('url') ?? '';
  const method = query.get('method') ?? 'GET';
  const headers = query.getAll('header');
  if (!/^(\/|http:\/\/)[\x21-\x7e]*$/.test(url)) return bad('url must be http://NAME/… or a path, such as /svc/NAME/…');
  if (!/^[A-Z]{1,20}$/.test(method)) return bad('method must be one of HTTP, such as GET');
  if (headers.length > MOST_HEADERS) return bad(`there are ${headers.length} headers; at most ${MOST_HEADERS} are accepted`);
  const raw: string[] = [];
  for (const header of headers) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]*)$/.exec(header) ?? [];
    if (name === undefined || value === undefined) return bad('a header must be NAME: VALUE');
    raw.push(name, value);
  }
  const named = raw.some((text, index) => index % 2 === 0 && text.toLowerCase() === 'host');
  const authority = /^http:\/\/([^/?#]*)/.exec(url)?.[1] ?? 'localhost';
  return { method, target: url, raw: named ? raw : ['Host', authority, ...raw] };
}
