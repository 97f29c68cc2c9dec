/** The dialects this release speaks, by the name that a setting gives them. */
import { curator } from './curator.js';
import type { Dialect } from './dialect.js';
import { spring } from './spring.js';

export const dialects: ReadonlyMap<string, Dialect> = new Map([curator, spring].map((dialect) => [dialect.name, dialect]));
