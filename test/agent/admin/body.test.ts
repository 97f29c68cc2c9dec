import { deepEqual } from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  isProblem,
  parseFields,
  readAnnouncementChange,
  readLevel,
  type Fields,
  type Problem,
} from '../../../agent/admin/body.js';

/** The value that was read, or the code of the problem. */
function read<T extends object>(text: string, reader: (fields: Fields) => T | Problem): T | string {
  const fields = parseFields(text);
  const value = isProblem(fields) ? fields : reader(fields);
  return isProblem(value) ? value.error : value;
}

describe('the body of POST /announcement', () => {
  const bodies: readonly (readonly [string, unknown])[] = [
    ['{"weight": 5}', { weight: 5 }],
    ['{"weight": 0}', { weight: 0 }],
    ['{"weight": 0.5}', { weight: 0.5 }],
    ['{"status": "up"}', { status: 'up' }],
    ['{"status": "drain"}', { status: 'drain' }],
    ['{"weight": -1}', 'bad_weight'],
    ['{"weight": 1e7}', 'bad_weight'],
    ['{"weight": 1e999}', 'bad_weight'],
    ['{"weight": "5"}', 'bad_weight'],
    ['{"weight": null}', 'bad_weight'],
    ['{"status": "down"}', 'bad_status'],
    ['{"status": {"up": true}}', 'bad_status'],
    ['{"weight": 5, "status": "up"}', 'bad_body'],
    ['{"weight": 5, "wait": 1}', 'bad_body'],
    ['{}', 'bad_body'],
    ['{"__proto__": {"weight": 5}}', 'bad_body'],
    ['{"toString": 1}', 'bad_body'],
    ['[{"weight": 5}]', 'bad_json'],
    ['null', 'bad_json'],
    ['5', 'bad_json'],
    ['', 'bad_json'],
    ['{"weight": 5', 'bad_json'],
    ['['.repeat(60_000), 'bad_json'],
  ];
  for (const [text, value] of bodies)
    it(`${text.slice(0, 40)} is ${JSON.stringify(value)}`, () => deepEqual(read(text, readAnnouncementChange), value));
});

describe('the body of POST /log-level', () => {
  const bodies: readonly (readonly [string, unknown])[] = [
    ['{"level": "debug"}', { level: 'debug' }],
    ['{"level": "silent"}', { level: 'silent' }],
    ['{"level": "DEBUG"}', 'bad_level'],
    ['{"level": "constructor"}', 'bad_level'],
    ['{"level": 20}', 'bad_level'],
    ['{}', 'bad_body'],
  ];
  for (const [text, value] of bodies) it(`${text} is ${JSON.stringify(value)}`, () => deepEqual(read(text, readLevel), value));
});
