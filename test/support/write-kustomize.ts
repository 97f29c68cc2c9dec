/** `npm run kustomize`: writes the bases anew from the chart. */
import { writeFileSync } from 'node:fs';
import { bases } from './helm.js';

for (const [file, make] of Object.entries(bases)) writeFileSync(file, make());
