import { equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { envName, keys } from '../../agent/config/schema.js';
import { settingsTable, withSettings } from '../../agent/config/settings-table.js';

describe('the README', () => {
  it('has the table of settings that the schema makes', () => {
    const readme = readFileSync('README.md', 'utf8');
    const fresh = withSettings(readme);
    ok(fresh !== undefined, 'README.md lacks the marks <!-- settings --> and <!-- /settings -->');
    ok(readme === fresh, 'the table of settings in README.md is not that of agent/config/schema.ts: npm run docs writes it anew');
  });
});

describe('the table of settings', () => {
  it('has a row for each setting, and four cells in each row', () => {
    const rows = settingsTable()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    equal(rows.length, keys.length);
    for (const key of keys) equal(rows.filter((row) => row.startsWith(`| \`${envName(key)}\``)).length, 1, key);
    for (const row of rows) equal(row.split(/(?<!\\)\|/).length, 6, row);
  });

  it('replaces what stands between its marks and nothing else', () => {
    const readme = 'before\n<!-- settings -->\nold\n<!-- /settings -->\nafter';
    const fresh = withSettings(readme);
    ok(fresh?.startsWith('before\n<!-- settings -->\n\n**') && fresh.endsWith('file.\n\n<!-- /settings -->\nafter'), fresh);
    equal(withSettings(fresh!), fresh);
    equal(withSettings('no marks'), undefined);
  });
});
