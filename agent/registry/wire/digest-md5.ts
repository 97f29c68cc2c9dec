/**
 * SASL DIGEST-MD5 (RFC 2831), as ZooKeeper's servers offer it: proves that we know the password without sending it, and that the server
 * knows it too. MD5 is what the servers speak; who can read the connection should be kept from it by TLS.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Mechanism } from './login.js';

/** The names that ZooKeeper's servers give themselves for this, whatever they are called. */
const URI = 'zookeeper/zk-sasl-md5';
const COUNT = '00000001';
const LONGEST_CHALLENGE = 2_048;

const md5 = (...parts: readonly (string | Buffer)[]): Buffer => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** `nonce` is for tests. */
export function digestMd5(user: string, password: string, nonce = randomBytes(24).toString('base64')): Mechanism {
  let expected: string | undefined;
  return {
    first: () => new Uint8Array(),
    next(challenge) {
      if (expected !== undefined) {
        const given = Buffer.from(read(challenge).get('rspauth') ?? '');
        const proof = Buffer.from(expected);
        if (given.length !== proof.length || !timingSafeEqual(given, proof))
          throw new Error('does not prove that it knows our password');
        return undefined;
      }
      const said = read(challenge);
      const [realm = '', theirs] = [said.get('realm'), said.get('nonce')];
      if (theirs === undefined || said.get('algorithm') !== 'md5-sess') throw new Error('offers no SASL login by DIGEST-MD5');
      const secret = md5(md5(`${user}:${realm}:${password}`), `:${theirs}:${nonce}`).toString('hex');
      const proof = (a2: string): string =>
        md5(`${secret}:${theirs}:${COUNT}:${nonce}:auth:${md5(a2).toString('hex')}`).toString('hex');
      expected = proof(`:${URI}`);
      const fields = [
        'charset=utf-8',
        `username=${quoted(user)}`,
        `realm=${quoted(realm)}`,
        `nonce=${quoted(theirs)}`,
        `nc=${COUNT}`,
        `cnonce=${quoted(nonce)}`,
        `digest-uri=${quoted(URI)}`,
        'maxbuf=65536',
        `response=${proof(`AUTHENTICATE:${URI}`)}`,
        'qop=auth',
      ];
      return Buffer.from(fields.join(','));
    },
  };
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** `name=value` and `name="value"` with commas; of a name that comes twice the first counts. */
function read(challenge: Buffer): ReadonlyMap<string, string> {
  if (challenge.length > LONGEST_CHALLENGE) throw new Error(`sent a challenge of ${challenge.length} bytes`);
  const fields = new Map<string, string>();
  for (const [, name, text, word] of challenge.toString().matchAll(/([a-z0-9-]+)=(?:"((?:[^"\\]|\\.)*)"|([^",\s]*))/gi)) {
    const key = name!.toLowerCase();
    if (!fields.has(key)) fields.set(key, text === undefined ? word! : text.replace(/\\(.)/gs, '$1'));
  }
  return fields;
}
