/**
 * SASL GSSAPI (RFC 4752), which is Kerberos. The tokens come from the npm package `kerberos`, or from whatever has its shape: it is handed in by
 * who wants it, and this client does not depend on it. First the tickets are exchanged, then both agree that nothing beyond the login is
 * protected by it: that is what TLS is for.
 */
import type { Mechanism } from './login.js';

/** The part of the package that is needed. Tokens are base64. */
export interface Kerberos {
  initializeClient(service: string, options: { readonly principal?: string }): Promise<KerberosClient>;
}
export interface KerberosClient {
  readonly contextComplete: boolean;
  /** Of the principal that the ticket is for; known when the context is complete. */
  readonly username: string;
  step(challenge: string): Promise<string | null>;
  unwrap(challenge: string): Promise<string>;
  wrap(challenge: string, options: { readonly user: string }): Promise<string>;
}

/** `service`: such as `zookeeper@zk1.example.com`. The ticket is the environment's: a cache, or a keytab (KRB5_CLIENT_KTNAME). */
export function gssapi(kerberos: Kerberos, service: string, principal?: string): Mechanism {
  let client: KerberosClient | undefined;
  let isAgreed = false;
  const step = async (challenge: Buffer): Promise<Buffer> =>
    Buffer.from((await client!.step(challenge.toString('base64'))) ?? '', 'base64');
  return {
    async first() {
      client = await kerberos.initializeClient(service, principal === undefined ? {} : { principal });
      return step(Buffer.alloc(0));
    },
    async next(challenge) {
      if (isAgreed) return undefined;
      if (!client!.contextComplete) return step(challenge);
      isAgreed = true;
      const offer = await client!.unwrap(challenge.toString('base64'));
      return Buffer.from(await client!.wrap(offer, { user: client!.username }), 'base64');
    },
  };
}
