/**
 * How the app is asked how it is: `http://…`, a path on the app's own port, `tcp` or `none`. A comma separates several only where one
 * of these words follows, since a path and a command may hold commas themselves.
 */
import { readParts, type Grammar, type Reading } from './parse.js';

export type ProbeText =
  /** `url` is complete, or a path on the app's port. */
  { readonly kind: 'http'; readonly url: string } | { readonly kind: 'tcp' } | { readonly kind: 'none' };

const next = /,\s*(?=https?:\/\/|\/|exec:|(?:tcp|grpc|none|http)\s*(?:,|$))/;

export const probes: Grammar<readonly ProbeText[]> = {
  accepts: 'http://HOST:PORT/PATH, /PATH on the app port, tcp or none; several with commas must all pass',
  list: ',',
  read(text) {
    const read = readParts(text, next, readProbe);
    const contrary = 'value' in read && read.value.length > 1 && read.value.some(({ kind }) => kind === 'none');
    return contrary ? { problem: 'has none beside others' } : read;
  },
};

function readProbe(text: string): Reading<ProbeText> {
  if (text === 'tcp' || text === 'none') return { value: { kind: text } };
  if (text === 'http') return { value: { kind: 'http', url: '/healthz' } };
  if (text === 'grpc' || text.startsWith('exec:')) return { problem: 'is not in this release yet, which probes by http and tcp' };
  if (text.startsWith('https:')) return { problem: 'asks for TLS: probes speak plain http, or tcp' };
  if (/\s/.test(text)) return { problem: 'has a space in it' };
  if (/^\/(?!\/)/.test(text)) return { value: { kind: 'http', url: text } };
  if (/^http:\/\/\/(?!\/)/.test(text)) return { value: { kind: 'http', url: text.slice('http://'.length) } }; // no host: the app's own
  if (!text.startsWith('http://')) return { problem: 'is not a probe' };
  if (/^http:\/\/[/\\]/.test(text) || !URL.canParse(text)) return { problem: 'is not a URL' };
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return { problem: 'has a user name or password, which a probe cannot send' };
  return url.port === '0' ? { problem: 'has port 0' } : { value: { kind: 'http', url: url.href } };
}

/** The probes of one app: every URL complete. */
export const probesOf = (probes: readonly ProbeText[], host: string, port: number): readonly ProbeText[] =>
  probes.map((probe) =>
    probe.kind === 'http'
      ? { kind: 'http', url: new URL(probe.url, `http://${host.includes(':') ? `[${host}]` : host}:${port}`).href }
      : probe,
  );
