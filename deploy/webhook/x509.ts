/**
 * A certificate for the webhook, and the authority that signed it, made of nothing but node:crypto. X.509 (RFC 5280) is large, but this
 * writes one shape of it only, and never reads any: ECDSA on P-256 with SHA-256, names as a SAN. The authority's key signs once and is
 * forgotten: nobody can make a second certificate that API servers would believe.
 */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface Certified {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

const DAY = 24 * 3_600_000;
/** Clocks differ. */
const EARLIER = 3_600_000;

/** `now` in milliseconds since 1970. */
export function certify(names: readonly string[], now: number, days: number): Certified {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = `zidecar webhook ${randomBytes(4).toString('hex')}`;
  const validity = sequence(time(now - EARLIER), time(now + days * DAY));
  const make = (subject: string, key: KeyObject, extensions: readonly Buffer[]): string => {
    const info = sequence(
      tagged(0xa0, integer(Buffer.from([2]))),
      integer(Buffer.concat([Buffer.from([0x40 | (randomBytes(1)[0]! & 0x3f)]), randomBytes(15)])),
      ECDSA_WITH_SHA256,
      name(issuer),
      validity,
      name(subject),
      key.export({ type: 'spki', format: 'der' }),
      tagged(0xa3, sequence(...extensions)),
    );
    return pem('CERTIFICATE', sequence(info, ECDSA_WITH_SHA256, bits(sign('sha256', info, authority.privateKey))));
  };
  const authorityId = keyId(authority.publicKey);
  const from = extension('2.5.29.35', false, sequence(tagged(0x80, authorityId)));
  return {
    ca: make(issuer, authority.publicKey, [
      extension('2.5.29.19', true, sequence(TRUE, integer(Buffer.from([0])))), // an authority, of none below
      extension('2.5.29.15', true, tagged(0x03, Buffer.from([2, 0x04]))), // that signs certificates
      extension('2.5.29.14', false, tagged(0x04, authorityId)),
    ]),
    cert: make(names[0]!.slice(0, 64), own.publicKey, [
      extension('2.5.29.19', true, sequence()),
      extension('2.5.29.15', true, tagged(0x03, Buffer.from([7, 0x80]))), // signs handshakes
      extension('2.5.29.37', false, sequence(identifier('1.3.6.1.5.5.7.3.1'))), // as a server
      extension('2.5.29.17', false, sequence(...names.map((one) => tagged(0x82, Buffer.from(one, 'ascii'))))),
      extension('2.5.29.14', false, tagged(0x04, keyId(own.publicKey))),
      from,
    ]),
    key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

// DER: a tag, a length, the bytes

function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const size = body.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => tagged(0x30, ...parts);
const integer = (bytes: Buffer): Buffer => tagged(0x02, bytes);
const bits = (bytes: Buffer): Buffer => tagged(0x03, Buffer.from([0]), bytes);
const TRUE = tagged(0x01, Buffer.from([0xff]));

function identifier(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number);
  const bytes = rest.flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return tagged(0x06, Buffer.from([first! * 40 + second!, ...bytes]));
}

const ECDSA_WITH_SHA256 = sequence(identifier('1.2.840.10045.4.3.2'));

const name = (text: string): Buffer =>
  sequence(tagged(0x31, sequence(identifier('2.5.4.3'), tagged(0x0c, Buffer.from(text, 'utf8')))));

/** UTCTime until 2049, GeneralizedTime from then on, as the RFC wants it. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return digits < '2050' ? tagged(0x17, Buffer.from(digits.slice(2), 'ascii')) : tagged(0x18, Buffer.from(digits, 'ascii'));
}

const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  sequence(identifier(id), ...(critical ? [TRUE] : []), tagged(0x04, value));

const keyId = (key: KeyObject): Buffer =>
  createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }).subarray(-65)) // the point alone
    .digest();

const pem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
