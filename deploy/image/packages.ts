/**
 * Which packages the image holds, worked out from package-lock.json alone: what the program loads, and what that loads in turn, found the
 * way Node looks for them. Left out is what some packages name as dependencies and never load in our process: the addon's build tools,
 * a formatter's own command line. CONTENTS.md lists the result with sizes; a test compares the two, so that nothing comes in unseen.
 */

/** As far as we read package-lock.json, version 3. */
export interface Lock {
  readonly packages: Readonly<Record<string, Locked>>;
}

export interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** By package: the dependencies that it needs for something else than being loaded by us. */
const notLoaded: Readonly<Record<string, readonly string[]>> = {
  zookeeper: ['nan', 'shelljs', 'tar'], // to unpack and compile the C client
  'pino-pretty': ['help-me', 'joycon', 'minimist', 'strip-json-comments'], // its command line
};

/** Paths below node_modules, such as `yargs/node_modules/cliui`, in the order of the alphabet. */
export function packagesAtRunTime({ packages }: Lock): ReadonlyMap<string, Locked> {
  const found = new Map<string, Locked>();
  const visit = (from: string): void => {
    const { dependencies = {}, optionalDependencies = {} } = packages[from] ?? {};
    const name = from.split('node_modules/').at(-1)!;
    for (const wanted of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (notLoaded[name]?.includes(wanted)) continue;
      const path = resolve(packages, from, wanted);
      const key = path?.replace('node_modules/', '');
      if (path === undefined || key === undefined || found.has(key)) continue;
      found.set(key, packages[path]!);
      visit(path);
    }
  };
  visit('');
  return new Map([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** As Node does: the nearest node_modules first. Undefined for an optional package that the lock has not. */
function resolve(packages: Lock['packages'], from: string, wanted: string): string | undefined {
  for (let at = from; ; at = at.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    const path = `${at}${at === '' ? '' : '/'}node_modules/${wanted}`;
    if (packages[path]) return path;
    if (at === '') return undefined;
  }
}
