/** What the servers and the C library answer, as errors of the port. The numbers are ZooKeeper's own and the same in every client. */
import { RegistryError } from '../tree.js';
import type { RegistryErrorCode } from '../tree.js';

export const OK = 0;
export const UNIMPLEMENTED = -6;
const NO_NODE = -101;

const meanings: Readonly<Record<number, readonly [RegistryErrorCode, string]>> = {
  [-4]: ['connection_lost', 'the connection was lost before an answer came'],
  [-7]: ['connection_lost', 'the server did not answer in time'],
  [-8]: ['bad_path', 'the client refuses the path'],
  [-9]: ['disconnected', 'there is no connection'],
  [NO_NODE]: ['no_node', 'there is no such node'],
  [-102]: ['no_auth', 'the access list of the node does not let us: ZIDECAR_ZOOKEEPER_AUTH says who we are'],
  [-103]: ['bad_version', 'it has another version by now'],
  [-108]: ['failed', 'the parent is an ephemeral, which cannot have children'],
  [-110]: ['node_exists', 'there is such a node already'],
  [-111]: ['not_empty', 'it has children'],
  [-112]: ['expired', 'the session has ended'],
  [-114]: ['no_auth', 'the servers do not know who we are, so the node can be given to nobody: ZIDECAR_ZOOKEEPER_AUTH says it'],
  [-115]: ['auth_failed', 'the server does not accept who we are: ZIDECAR_ZOOKEEPER_AUTH says it'],
  [-116]: ['connection_lost', 'we let go of the connection before an answer came'],
  [-118]: ['connection_lost', 'the session has moved to another server'],
  [-124]: ['auth_failed', 'the server demands a login: ZIDECAR_ZOOKEEPER_AUTH says who we are'],
  [-127]: ['connection_lost', 'the server has too much to do and dropped the request'],
};

/** `read /a: there is no such node (-101)`. A number that is not known is 'failed', with the library's own words. */
export function failure(op: string, path: string, number: number, words: string): RegistryError {
  const known = meanings[number];
  if (!known) return new RegistryError('failed', `${op} ${path}: ${words} (${number})`);
  const code = known[0] === 'no_node' && op === 'create' ? 'no_parent' : known[0];
  const meaning = code === 'no_parent' ? 'its parent is not there' : known[1];
  return new RegistryError(code, `${op} ${path}: ${meaning} (${number})`);
}
