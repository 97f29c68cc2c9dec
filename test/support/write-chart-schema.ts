/** Writes the names of settings into deploy/chart/values.schema.json: `npm run docs`, after a change of agent/config/schema.ts. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Json } from '../../deploy/inject/json.js';
import { withNames } from './chart-schema.js';

const path = 'deploy/chart/values.schema.json';
writeFileSync(path, `${JSON.stringify(withNames(JSON.parse(readFileSync(path, 'utf8')) as Json), undefined, 2)}\n`);
