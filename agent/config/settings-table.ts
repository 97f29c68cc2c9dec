/** The table of settings for the README, made from the schema, and its place there. A test holds the README to it. */
import { envName, groups } from './schema.js';

const code = (text: string): string => `\`${text}\``;

/** Markdown, one table for each group. */
export const settingsTable = (): string => `${tables()}

\\* can be set for one peer alone too, under \`upstreams.NAME\` in the YAML file. † can change while the sidecar runs, with the YAML file.`;

const tables = (): string =>
  Object.entries(groups)
    .map(([group, rows]) =>
      [
        `**${group}**`,
        '',
        '| setting | meaning | accepted | default |',
        '|---|---|---|---|',
        ...Object.entries(rows).map(([key, { about, grammar, fallback, unset, scope, reloadable }]) =>
          [
            '',
            ` ${code(envName(key))}${scope === 'upstream' ? ' \\*' : ''}${reloadable ? ' †' : ''} `,
            ` ${about} `,
            ` ${grammar.accepts.replaceAll('*', '\\*')} `,
            ` ${fallback === undefined ? unset : code(fallback)} `,
            '',
          ].join('|'),
        ),
      ].join('\n'),
    )
    .join('\n\n');

const BEGIN = '<!-- settings -->';
const END = '<!-- /settings -->';

/** The text with the table between its two marks; undefined when it has no such marks. */
export function withSettings(readme: string): string | undefined {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END, begin);
  return begin < 0 || end < 0 ? undefined : `${readme.slice(0, begin)}${BEGIN}\n\n${settingsTable()}\n\n${readme.slice(end)}`;
}
