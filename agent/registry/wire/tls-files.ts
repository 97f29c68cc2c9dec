/**
 * TLS from files that others renew while we run: read anew for every connection, and used from the next one on. While they cannot be used (half
 * written, a key that does not fit its certificate) the last good ones are, and somebody is told once. Keys are never told.
 */
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { Tls } from './connection.js';

export interface TlsFiles {
  /** Whom we trust; undefined for the authorities that Node comes with. */
  readonly ca?: string | undefined;
  /** Who we are, for servers that ask: both or none. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Rejects only while there never were good files; the message names the file. */
export function tlsFrom(files: TlsFiles, trouble: (why: string) => void): () => Promise<Tls> {
  let good: { readonly text: string; readonly secureContext: SecureContext } | undefined;
  let told = '';
  return async () => {
    try {
      const [ca, cert, key] = await Promise.all([files.ca, files.cert, files.key].map(read));
      const text = [ca, cert, key].join('\0');
      if (good?.text !== text) {
        const context = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
        good = { text, secureContext: createSecureContext(context) };
      }
      told = '';
    } catch (error) {
      const why = wording(error as NodeJS.ErrnoException, files);
      if (!good) throw new Error(why, { cause: error });
      if (why !== told) trouble(`${why}; the ones before are used`);
      told = why;
    }
    return { secureContext: good.secureContext };
  };
}

const read = async (path: string | undefined): Promise<string | undefined> =>
  path === undefined ? undefined : readFile(path, 'utf8');

function wording({ code, path, message }: NodeJS.ErrnoException, { ca, cert, key }: TlsFiles): string {
  if (path !== undefined) return `the TLS file ${path} cannot be read: ${code ?? message}`;
  const names = [ca, cert, key].filter((name) => name !== undefined).join(', ');
  return `the TLS files ${names} cannot be used: ${message}`;
}
