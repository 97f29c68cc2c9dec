/**
 * Who we are, told to each server anew: `auth` packets as they are, and SASL, where each side says something in turn until both are content.
 * What a mechanism says is its own affair; DIGEST-MD5 is in digest-md5.ts, and Kerberos can be brought in from outside as one more.
 */
import type { Writer } from './jute.js';
import { op } from './protocol.js';
import type { Operation } from './operations.js';

/** For the scheme `digest` the secret is `user:password`. */
export interface Credentials {
  readonly scheme: string;
  readonly secret: Uint8Array;
}

/** One conversation. */
export interface Mechanism {
  /** What to say first; often nothing. */
  first(): Uint8Array | Promise<Uint8Array>;
  /** The answer to what the server said; undefined when there is nothing left to say. Throws when the server is not who it should be. */
  next(challenge: Buffer): Uint8Array | undefined | Promise<Uint8Array | undefined>;
}

export interface Login {
  readonly credentials: readonly Credentials[];
  /** A new conversation with the server of that name. */
  readonly sasl?: ((server: string) => Mechanism) | undefined;
}

export const present = ({ scheme, secret }: Credentials): Operation<undefined> => ({
  op: op.auth,
  name: `the login by ${scheme}`,
  path: '',
  write: (writer: Writer) => void writer.int(0).text(scheme).bytes(secret),
  read: () => undefined,
});
