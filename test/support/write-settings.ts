/** Writes the table of settings into README.md, between its marks: `npm run docs`, after a change of agent/config/schema.ts. */
import { readFileSync, writeFileSync } from 'node:fs';
import { withSettings } from '../../agent/config/settings-table.js';

const fresh = withSettings(readFileSync('README.md', 'utf8'));
if (fresh === undefined) throw new Error('README.md lacks the marks <!-- settings --> and <!-- /settings -->');
writeFileSync('README.md', fresh);
