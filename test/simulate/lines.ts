/** Values over time as lines, as an SVG that needs nothing around it. */
export interface Lines {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly { readonly label: string; readonly values: readonly number[] }[];
  /** What is more is cut there. */
  readonly longest: number;
}

const COLOURS = ['#4c78a8', '#f58518', '#54a24b', '#b279a2', '#e45756', '#72b7b2', '#9d755d', '#bab0ac'];
/** In one row. */
const LABELS = 3;
const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [850, 380, 60, 60, 40];

/** The height is by the logarithm, from 1 up. */
export function lines({ title, unit, series, longest }: Lines): string {
  const count = Math.max(...series.map(({ values }) => values.length), 2);
  const x = (at: number): number => LEFT + (at / (count - 1)) * (WIDTH - LEFT - 20);
  const part = (value: number): number => Math.log(Math.max(1, Math.min(value, longest))) / Math.log(longest);
  const y = (value: number): number => HEIGHT - BOTTOM - part(value) * (HEIGHT - TOP - BOTTOM);
  const parts = [text(16, 24, title, 'font-size="16" font-weight="bold"'), text(16, 42, unit, 'fill="#555"')];
  for (let value = 1; value <= longest; value *= 10) {
    const at = y(value).toFixed(1);
    parts.push(`<line x1="${LEFT}" x2="${WIDTH - 20}" y1="${at}" y2="${at}" stroke="#ddd"/>`);
    parts.push(text(LEFT - 8, y(value) + 4, String(value), 'text-anchor="end" fill="#555"'));
  }
  series.forEach(({ label, values }, index) => {
    const colour = COLOURS[index % COLOURS.length]!;
    const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    parts.push(`<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${points}"/>`);
    const [row, column] = [Math.floor(index / LABELS), index % LABELS];
    parts.push(text(LEFT + column * 260, HEIGHT - 20 + row * 18, label, `fill="${colour}"`));
  });
  const height = HEIGHT + Math.ceil(series.length / LABELS) * 18 - 18;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    ...parts,
    '</svg>\n',
  ].join('\n');
}

const text = (x: number, y: number, words: string, attributes: string): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${words.replace(/[&<>]/g, (one) => `&#${one.charCodeAt(0)};`)}</text>`;
