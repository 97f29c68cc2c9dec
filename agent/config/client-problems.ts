/** What only one of the two clients for ZooKeeper can do, which of its settings go together, and which of them a folder has no use for. */
import type { Zookeeper } from './addresses.js';
import { reason, type ReadFile } from './file.js';
import { written } from './problems.js';
import { envName, schema, type Key, type Settings } from './schema.js';
import { TRUSTED_BY_ALL } from './zookeeper-login.js';

const needs: Readonly<Partial<Record<Key, string>>> = {
  zookeeperTlsCa: 'has no TLS',
  zookeeperTlsCert: 'has no TLS',
  zookeeperTlsKey: 'has no TLS',
  zookeeperAuth: 'has no login',
  zookeeperAcl: 'sets no access lists',
};

/** Sentences. `values` may be a part of the settings. */
export function clientProblems(values: Readonly<Partial<Record<Key, unknown>>>): string[] {
  const isSet = (key: Key): boolean => values[key] !== undefined && values[key] !== schema[key].fallback;
  const problems =
    values.zookeeperClient === 'native'
      ? Object.entries(needs)
          .filter(([key]) => isSet(key as Key))
          .map(
            ([key, lack]) =>
              `${envName(key)} does nothing with ${envName('zookeeperClient')}=native, which ${lack}: leave out one of the two`,
          )
      : [];
  // a command that puts settings into a pod is told of no secrets
  const isAsked = 'zookeeperAuth' in values;
  if (isAsked && isSet('zookeeperAcl') && !isSet('zookeeperAuth') && !isSet('zookeeperTlsCert')) {
    const acl = `${envName('zookeeperAcl')}=${String(values.zookeeperAcl)}`;
    problems.push(`${acl} needs ${envName('zookeeperAuth')}, or ${envName('zookeeperTlsCert')}: without either we are nobody`);
  }
  const [cert, key] = ['zookeeperTlsCert', 'zookeeperTlsKey'] as const;
  if (isSet(cert) !== isSet(key)) {
    const [has, lacks] = isSet(cert) ? [cert, key] : [key, cert];
    problems.push(`${envName(has)} needs ${envName(lacks)}: a certificate and its key go together`);
  }
  if (isSet(cert) && isSet(key) && !isSet('zookeeperTlsCa')) {
    problems.push(`${envName(cert)} needs ${envName('zookeeperTlsCa')}: the file of those whom we trust, or ${TRUSTED_BY_ALL}`);
  }
  return problems;
}

const pem: Readonly<Partial<Record<Key, readonly [RegExp, string]>>> = {
  zookeeperTlsCa: [/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/, 'certificate'],
  zookeeperTlsCert: [/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/, 'certificate'],
  zookeeperTlsKey: [/-----BEGIN [A-Z ]*PRIVATE KEY-----/, 'private key'],
};

/** Sentences about files of TLS that no connection could be made with. */
export function pemProblems(values: Readonly<Partial<Record<Key, unknown>>>, readFile: ReadFile): string[] {
  return Object.entries(pem).flatMap(([key, [shape, what]]) => {
    const path = values[key as Key];
    if (typeof path !== 'string' || path === TRUSTED_BY_ALL) return [];
    const name = written(envName(key), path);
    try {
      return shape.test(readFile(path, 1024 * 1024)) ? [] : [`${name} has no ${what} in it; accepted: a file in PEM`];
    } catch (error) {
      return [`${name} cannot be read: ${reason(error)}`];
    }
  });
}

const FOLDER_HAS_NONE = ['zookeeperAuth', 'zookeeperAcl', 'zookeeperTlsCa', 'zookeeperTlsCert'] as const;

/**
 * A folder of this machine asks nobody who he is. `others`: registries beside the main one, which are read without our login, and by TLS if
 * it is ZooKeeper.
 */
export function clientDoubts(values: Readonly<Partial<Settings>>, others: readonly Zookeeper[]): string[] {
  if (values.zookeeper?.kind !== 'directory') return []; // not given, or not understood: told as a problem
  const keepsTls = others.some(({ kind }) => kind === 'zookeeper');
  const idle = FOLDER_HAS_NONE.filter((key) => values[key] !== undefined && values[key] !== schema[key].fallback).filter(
    (key) => !(keepsTls && key.startsWith('zookeeperTls')),
  );
  return idle.map(
    (key) =>
      `${envName(key)} has no effect: ${envName('zookeeper')} is a folder, and whoever may write in it may change every node`,
  );
}
