/** The dialects of the field, by the name that a setting gives them. */
import { curator } from './curator.js';
import type { Dialect } from './dialect.js';
import { dubbo } from './dubbo.js';
import { serverset } from './serverset.js';
import { smartstack } from './smartstack.js';
import { spring } from './spring.js';

export const dialects: ReadonlyMap<string, Dialect> = new Map(
  [curator, spring, serverset, smartstack, dubbo].map((dialect) => [dialect.name, dialect]),
);
