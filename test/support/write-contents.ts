/** Writes deploy/image/CONTENTS.md: `npm run docs`, after a change of the production packages. */
import { writeFileSync } from 'node:fs';
import { contents } from '../deploy/image/contents.js';

writeFileSync('deploy/image/CONTENTS.md', contents());
