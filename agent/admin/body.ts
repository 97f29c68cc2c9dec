/**
 * The bodies of changes: one small JSON object each. Whatever comes instead is a problem with a sentence, never an exception. Fields are
 * kept in a Map, so that one named `__proto__` is only a field that nobody knows.
 */
import type { IncomingMessage } from 'node:http';
import { printable } from '../printable.js';
import { levels, type Level } from '../sentences.js';
import type { AnnouncementChange } from './views.js';

export const MOST_BODY_BYTES = 64 * 1024;
/** The bound of the setting ZIDECAR_WEIGHT. */
export const MOST_WEIGHT = 1_000_000;

export type Fields = ReadonlyMap<string, unknown>;
export interface Problem {
  readonly error: string;
  readonly message: string;
}
export const isProblem = (value: object): value is Problem => 'error' in value;
const problem = (error: string, message: string): Problem => ({ error, message });

/** Never rejects. */
export async function readBody(request: IncomingMessage): Promise<Fields | Problem> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      // What is too much is read on and forgotten: a caller that is still writing would not hear an answer.
      if (size <= MOST_BODY_BYTES) chunks.push(chunk);
    }
  } catch {
    return problem('cut', 'the body was cut off'); // and nobody is left to hear it
  }
  if (size > MOST_BODY_BYTES)
    return problem('body_too_large', `the body has ${size} bytes; at most ${MOST_BODY_BYTES} are accepted`);
  return parseFields(Buffer.concat(chunks).toString('utf8'));
}

export function parseFields(text: string): Fields | Problem {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return problem('bad_json', 'the body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return problem('bad_json', 'the body is not a JSON object');
  return new Map<string, unknown>(Object.entries(value));
}

/** The one field that there is. More than one would leave open what a caller meant. */
function only(fields: Fields, names: readonly string[]): string | Problem {
  const [first, ...more] = fields.keys();
  if (first !== undefined && more.length === 0 && names.includes(first)) return first;
  const found = [...fields.keys()].slice(0, 5).map((name) => printable(name, 40));
  return problem(
    'bad_body',
    `the body must have ${names.join(' or ')}, and nothing else; it has ${found.join(', ') || 'nothing'}`,
  );
}

export function readAnnouncementChange(fields: Fields): AnnouncementChange | Problem {
  const name = only(fields, ['weight', 'status']);
  if (typeof name !== 'string') return name;
  const value = fields.get(name);
  if (name === 'status')
    return value === 'up' || value === 'drain' ? { status: value } : problem('bad_status', 'status must be "up" or "drain"');
  return typeof value === 'number' && value >= 0 && value <= MOST_WEIGHT
    ? { weight: value }
    : problem('bad_weight', `weight must be a number from 0 to ${MOST_WEIGHT}`);
}

export function readOverruling(fields: Fields): { readonly what: 'trust' | 'drop' } | Problem {
  const name = only(fields, ['doubtful']);
  if (typeof name !== 'string') return name;
  const what = fields.get(name);
  return what === 'trust' || what === 'drop' ? { what } : problem('bad_doubtful', 'doubtful must be "trust" or "drop"');
}

export function readLevel(fields: Fields): { readonly level: Level } | Problem {
  const name = only(fields, ['level']);
  if (typeof name !== 'string') return name;
  const level = levels.find((one) => one === fields.get('level'));
  return level === undefined ? problem('bad_level', `level must be one of ${levels.join(', ')}`) : { level };
}
