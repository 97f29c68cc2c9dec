/**
 * Which system wrote a node, by its name and its bytes: what cannot be told is nobody's. Knows the shapes of the writers in the field, and
 * not whether a node is any good.
 */
import { MAX_NODE_BYTES } from '../tree.js';
import { SPRING_CLASS } from './classes.js';
import { openEnvelope, payloadClass } from './envelope.js';

export interface Kind {
  readonly dialect: string;
  /** Of an envelope: the Java class of its payload, where that is neither a map nor Spring's. */
  readonly javaClass?: string;
}

const MAP_CLASS = /^java\.util\.\w*Map$/;

export function recognise(name: string, data: Uint8Array): Kind | undefined {
  if (/^(?:member|vector)_/.test(name)) return { dialect: 'serverset' };
  if (/^base64_\d+_/.test(name)) return { dialect: 'smartstack' };
  if (/^[A-Za-z][\w+.-]*%3A%2F%2F/i.test(name)) return { dialect: 'dubbo' };
  if (data.length === 0 || data.length > MAX_NODE_BYTES) return undefined;
  const json = openEnvelope(data);
  if ('skip' in json) return undefined;
  if (json.has('address') && (json.has('port') || json.has('sslPort'))) {
    const javaClass = payloadClass(json);
    if (javaClass === SPRING_CLASS) return { dialect: 'spring' };
    return { dialect: 'curator', ...(javaClass !== undefined && !MAP_CLASS.test(javaClass) && { javaClass }) };
  }
  if (json.has('serviceEndpoint')) return { dialect: 'serverset' };
  return json.has('host') && json.has('port') ? { dialect: 'smartstack' } : undefined;
}
