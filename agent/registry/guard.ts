/**
 * Whether an instance may be announced beside those who stand there already, decided by what their nodes look like. Two things speak
 * against it: the place is another system's, whose readers a node of ours would break; or the app has registered itself, so that we would
 * announce it a second time. Pure.
 */
import { address } from '../../lb/endpoint.js';
import { isInstance, type Dialect, type Instance } from './dialects/dialect.js';
import { openEnvelope } from './dialects/envelope.js';
import { recognise, type Kind } from './dialects/recognise.js';
import type { Neighbour } from './neighbours.js';
import type { Remedies } from './remedies.js';

export interface Objection {
  /** A sentence with what to do. */
  readonly why: string;
  /** The node that speaks against it, when it alone does. */
  readonly path?: string;
}

/** `path`: the parent. `aliases`: what else this machine is called, in small letters. Undefined: nothing speaks against it. */
export function objection(
  neighbours: readonly Neighbour[],
  instance: Instance,
  dialect: Dialect,
  path: string,
  aliases: ReadonlySet<string>,
  remedies: Remedies,
): Objection | undefined {
  const others = neighbours.filter(({ stat, said }) => stat.owner !== 'us' && !isOurs(instance, said));
  return selfRegistered(others, instance, dialect, aliases, remedies) ?? foreign(others, instance, dialect, path, remedies);
}

/** What has our id, host and port. */
export const isOurs = (instance: Instance, said: Neighbour['said']): boolean =>
  isInstance(said) && said.id === instance.id && said.host === instance.host && said.port === instance.port;

const SWITCH: Readonly<Record<string, string>> = {
  curator: 'take registerService out of the app',
  spring: 'spring.cloud.zookeeper.discovery.register=false',
  serverset: "take the serverset's join (or announce) out of the app",
  smartstack: "take the service out of nerve's configuration",
  dubbo: 'dubbo.registry.register=false',
};

/** Of these somebody stands for the same app: our address, or another name of this machine with our port. */
export function selfRegistered(
  others: readonly Neighbour[],
  instance: Instance,
  dialect: Dialect,
  aliases: ReadonlySet<string>,
  { leaveOut }: Remedies,
): Objection | undefined {
  const isHere = (host: string): boolean => host === instance.host || aliases.has(host.toLowerCase());
  const twin = others.find(
    ({ stat, said }) =>
      stat.owner !== 'us' && isInstance(said) && !isOurs(instance, said) && said.port === instance.port && isHere(said.host),
  );
  if (twin === undefined) return undefined;
  const where = isInstance(twin.said) ? address(twin.said) : '';
  const by = twin.stat.owner === 'none' ? 'by a node without a session' : `in session ${twin.stat.ownerId}`;
  const kind = recognise(twin.name, twin.data)?.dialect ?? dialect.name;
  const why =
    `${where} is registered already, ${by}, as ${twin.path.slice(0, 300)}: if the app does that itself, switch it off ` +
    `(${SWITCH[kind] ?? ''}) or ${leaveOut}; a node of an earlier run ends with its session. ${FORCE}`;
  return { why, path: twin.path };
}

/** What the readers of each do with a node that is not theirs. */
const BREAKS: Readonly<Record<string, string>> = {
  curator: 'Curator readers throw for the whole service',
  spring: 'Spring Cloud readers throw for the whole service',
  serverset: 'Finagle readers may hear of no change any more',
  smartstack: "synapse may freeze the service's list",
  dubbo: 'Dubbo readers lose updates',
};
const FORCE = 'ZIDECAR_FORCE=on announces all the same';

/** The place is theirs who are more: one stray node must not keep a whole fleet out. */
export function foreign(
  others: readonly Neighbour[],
  instance: Instance,
  dialect: Dialect,
  path: string,
  remedies: Remedies,
): Objection | undefined {
  const bare = isBare(instance, dialect);
  const fits = ({ dialect: theirs, javaClass }: Kind): boolean => theirs === dialect.name && (javaClass === undefined || bare);
  const kinds = others.flatMap(({ name, data, said }) => {
    const kind = recognise(name, data) ?? (isInstance(said) ? { dialect: dialect.name } : undefined);
    return kind ? [{ name, kind }] : [];
  });
  const strange = kinds.filter(({ kind }) => !fits(kind));
  const [first] = strange;
  if (first === undefined || strange.length * 2 <= kinds.length) return undefined;
  const { dialect: theirs, javaClass } = first.kind;
  const whose = javaClass === undefined ? `the dialect ${theirs}` : `payloads of the Java class ${javaClass}`;
  const remedy =
    javaClass === undefined
      ? `${remedies.speak(theirs)}, or a path of its own (${remedies.path})`
      : `announce without weight, zone and metadata, or in a path of its own (${remedies.path})`;
  return {
    why: `${path} is in use for ${whose} (${first.name.slice(0, 80)}), and beside a node of ${dialect.name} ${BREAKS[theirs]!}: ${remedy}. ${FORCE}`,
  };
}

/** A node without a payload, which readers of any class take. */
function isBare(instance: Instance, dialect: Dialect): boolean {
  const envelope = openEnvelope(dialect.place(instance).data);
  return !('skip' in envelope) && envelope.get('payload') === null;
}
