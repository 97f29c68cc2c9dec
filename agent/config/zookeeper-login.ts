/** Who we are to ZooKeeper, as a setting says it. */
import type { Grammar } from './parse.js';

export interface ZookeeperLogin {
  /** `digest` is an auth packet, `sasl` a conversation by DIGEST-MD5. */
  readonly scheme: 'digest' | 'sasl';
  readonly user: string;
  readonly password: string;
}

/** In place of a file: the authorities that Node comes with. */
export const TRUSTED_BY_ALL = 'public';

/** A password may have a colon in it, a name may not. */
export const zookeeperLogin: Grammar<ZookeeperLogin> = {
  accepts: 'digest:USER:PASSWORD or sasl:USER:PASSWORD (DIGEST-MD5)',
  read(text) {
    const [, scheme, user, password] = /^(digest|sasl):([^:]{1,256}):(.{1,1024})$/su.exec(text) ?? [];
    if (user === undefined || password === undefined) return { problem: 'is no login' };
    return { value: { scheme: scheme as ZookeeperLogin['scheme'], user, password } };
  },
};
