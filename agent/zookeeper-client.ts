/** Which client speaks to ZooKeeper, and who it says it is: from the settings to what the registry takes. */
import type { ZookeeperLogin } from './config/zookeeper-login.js';
import { TRUSTED_BY_ALL } from './config/zookeeper-login.js';
import type { ZooKeeperClient } from './registry/zookeeper.js';
import { digestMd5 } from './registry/wire/digest-md5.js';
import { tlsFrom } from './registry/wire/tls-files.js';

export interface ClientSettings {
  readonly zookeeperClient: 'native' | 'wire';
  readonly zookeeperTlsCa: string | undefined;
  readonly zookeeperTlsCert: string | undefined;
  readonly zookeeperTlsKey: string | undefined;
  readonly zookeeperAuth: ZookeeperLogin | undefined;
}

export function clientOf(settings: ClientSettings, warn: (why: string) => void): ZooKeeperClient {
  const { zookeeperClient: kind, zookeeperTlsCa: ca, zookeeperTlsCert: cert, zookeeperTlsKey: key, zookeeperAuth } = settings;
  if (kind === 'native') return { kind };
  return {
    kind,
    ...(ca !== undefined && { tls: tlsFrom({ ca: ca === TRUSTED_BY_ALL ? undefined : ca, cert, key }, warn) }),
    ...(zookeeperAuth && { login: loginOf(zookeeperAuth) }),
  };
}

function loginOf({ scheme, user, password }: ZookeeperLogin): NonNullable<Extract<ZooKeeperClient, { kind: 'wire' }>['login']> {
  if (scheme === 'digest') return { credentials: [{ scheme, secret: Buffer.from(`${user}:${password}`) }] };
  return { credentials: [], sasl: () => digestMd5(user, password) };
}
