/** Which client speaks to ZooKeeper, and who it says it is: from the settings to what the registry takes. */
import { readTextFile } from './config/file.js';
import type { Origin } from './config/layers.js';
import { readChecked } from './config/parse.js';
import type { ZookeeperLogin } from './config/zookeeper-login.js';
import { TRUSTED_BY_ALL, zookeeperLogin } from './config/zookeeper-login.js';
import { digestMd5 } from './registry/wire/digest-md5.js';
import type { Login } from './registry/wire/login.js';
import { tlsFrom } from './registry/wire/tls-files.js';
import type { ZooKeeperClient } from './registry/zookeeper.js';
import type { Access } from './registry/zookeeper/access.js';

export interface ClientSettings {
  readonly zookeeperClient: 'native' | 'wire';
  readonly zookeeperTlsCa: string | undefined;
  readonly zookeeperTlsCert: string | undefined;
  readonly zookeeperTlsKey: string | undefined;
  readonly zookeeperAuth: ZookeeperLogin | undefined;
  /** Who only reads has no use for it. */
  readonly zookeeperAcl?: Access;
  /** Where the settings came from; without it no file is read again. */
  readonly entries?: { readonly zookeeperAuth: { readonly origin: Origin } };
}

const MOST_BYTES = 64 * 1024;

export function clientOf(settings: ClientSettings, warn: (why: string) => void): ZooKeeperClient {
  const { zookeeperClient: kind, zookeeperTlsCa: ca, zookeeperTlsCert: cert, zookeeperTlsKey: key } = settings;
  if (kind === 'native') return { kind };
  const { zookeeperAuth, zookeeperAcl: access, entries } = settings;
  const path = entries?.zookeeperAuth.origin.path;
  return {
    kind,
    ...(ca !== undefined && { tls: tlsFrom({ ca: ca === TRUSTED_BY_ALL ? undefined : ca, cert, key }, warn) }),
    ...(zookeeperAuth && { login: path === undefined ? () => loginOf(zookeeperAuth) : renewed(path, zookeeperAuth, warn) }),
    ...(access && { access }),
  };
}

/** Reads the file each time. While there is no good login in it the last good one is used, and somebody is told once; never of the login. */
function renewed(path: string, first: ZookeeperLogin, warn: (why: string) => void): () => Login {
  let last = first;
  let told = '';
  return () => {
    const why = problemOf(() => {
      const read = readChecked(zookeeperLogin, readTextFile(path, MOST_BYTES).trim());
      if ('problem' in read) return `${read.problem}: it should be ${zookeeperLogin.accepts}`;
      last = read.value;
      return '';
    });
    if (why !== '' && why !== told) warn(`the login in ${path} ${why}; the one before is used`);
    told = why;
    return loginOf(last);
  };
}

function problemOf(read: () => string): string {
  try {
    return read();
  } catch (error) {
    return `cannot be read: ${(error as Error).message}`;
  }
}

function loginOf({ scheme, user, password }: ZookeeperLogin): Login {
  if (scheme === 'digest') return { credentials: [{ scheme, secret: Buffer.from(`${user}:${password}`) }] };
  return { credentials: [], sasl: () => digestMd5(user, password) };
}
