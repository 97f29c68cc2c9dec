/**
 * Servers of other versions than that of this machine, from other releases of Debian: fetched by apt with lists of its own, unpacked and not
 * installed. `ZOOKEEPER_CLASS_PATH` has the servers of a test run by one of them.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export interface Other {
  /** Such as 3.9.3. */
  readonly version: string;
  readonly classPath: string;
}

const PACKAGES = ['libzookeeper-java', 'libslf4j-java', 'liblog4j1.2-java'];
/** Of servers from 3.5 on. */
const NEWER = ['libdropwizard-metrics-java', 'libsnappy-java', 'libnetty-java', 'libcommons-cli-java', 'libcommons-io-java'];
/** ZooKeeper's own jar comes last: it names others of the machine, of the version that is installed there. */
const JARS = [
  ...['zookeeper-jute', 'slf4j-api', 'slf4j-log4j12', 'log4j-1.2', 'metrics-core', 'snappy-java', 'commons-cli', 'commons-io'],
  ...['buffer', 'codec', 'common', 'handler', 'resolver', 'transport', 'transport-native-unix-common'].map(
    (name) => `netty-${name}`,
  ),
  'zookeeper',
];

/** `suite`: a release of Debian. Throws where it cannot be had. */
export function otherZooKeeper(suite: string, isOld: boolean): Other {
  const folder = resolve('.build/zookeeper', suite);
  const java = join(folder, 'root/usr/share/java');
  if (!existsSync(java)) fetch(suite, folder, isOld ? PACKAGES : [...PACKAGES, ...NEWER]);
  const version = readdirSync(java).flatMap((name) => /^zookeeper-(\d+\.\d+\.\d+)\.jar$/.exec(name)?.[1] ?? [])[0];
  if (version === undefined) throw new Error(`there is no ZooKeeper in ${java}`);
  const jars = JARS.map((name) => join(java, `${name}.jar`)).filter((jar) => existsSync(jar));
  return { version, classPath: jars.join(':') };
}

function fetch(suite: string, folder: string, packages: readonly string[]): void {
  mkdirSync(join(folder, 'lists/partial'), { recursive: true });
  const sources = join(folder, 'sources.list');
  writeFileSync(sources, `deb http://deb.debian.org/debian ${suite} main\n`);
  const own = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
  };
  const options = Object.entries(own).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const run = (program: string, args: readonly string[]): unknown =>
    execFileSync(program, args, { cwd: folder, stdio: 'ignore' });
  run('apt-get', [...options, 'update']);
  run('apt-get', [...options, 'download', ...packages]);
  for (const name of readdirSync(folder)) if (name.endsWith('.deb')) run('dpkg-deb', ['-x', name, 'root']);
}
