/** Bars, as an SVG that needs nothing around it: groups one below the other, in each a bar for everybody, with its number behind it. */
export interface Bars {
  readonly title: string;
  /** What the numbers are. */
  readonly unit: string;
  readonly groups: readonly {
    readonly label: string;
    readonly bars: readonly { readonly label: string; readonly value: number }[];
  }[];
  /** A bar that is longer is cut there, and shown to be; its number says how long it is. */
  readonly longest: number;
  /** A line at this value. */
  readonly mark?: number;
}

const COLOURS = ['#4c78a8', '#f58518', '#54a24b', '#b279a2', '#e45756', '#72b7b2', '#9d755d', '#bab0ac', '#eeca3b'];
const [WIDTH, LEFT, RIGHT, BAR, GAP, HEAD] = [850, 230, 110, 15, 14, 56];

export function bars({ title, unit, groups, longest, mark }: Bars): string {
  const names = [...new Set(groups.flatMap((group) => group.bars.map(({ label }) => label)))];
  const scale = (value: number): number => (Math.min(value, longest) / longest) * (WIDTH - LEFT - RIGHT);
  const parts: string[] = [];
  let y = HEAD;
  for (const group of groups) {
    parts.push(text(16, y + BAR - 4, group.label, 'font-weight="bold"'));
    if (group.label !== '') y += BAR + 3;
    for (const { label, value } of group.bars) {
      const length = Math.max(1, scale(value));
      const colour = COLOURS[names.indexOf(label) % COLOURS.length]!;
      const cut = value > longest ? ` <tspan fill="#888">(cut)</tspan>` : '';
      parts.push(text(LEFT - 8, y + BAR - 4, label, 'text-anchor="end"'));
      parts.push(`<rect x="${LEFT}" y="${y}" width="${length.toFixed(1)}" height="${BAR - 2}" fill="${colour}"/>`);
      parts.push(text(LEFT + length + 5, y + BAR - 4, numeral(value), '', cut));
      y += BAR;
    }
    y += GAP;
  }
  if (mark !== undefined) {
    const x = (LEFT + scale(mark)).toFixed(1);
    parts.push(`<line x1="${x}" x2="${x}" y1="${HEAD - 6}" y2="${y - GAP + 4}" stroke="#333" stroke-dasharray="3 3"/>`);
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(16, 24, title, 'font-size="16" font-weight="bold"'),
    text(16, 42, unit, 'fill="#555"'),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

const text = (x: number, y: number, words: string, attributes = '', after = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(words)}${after}</text>`;

const escaped = (words: string): string => words.replace(/[&<>]/g, (one) => `&#${one.charCodeAt(0)};`);

const numeral = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
