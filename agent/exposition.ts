/**
 * The text that Prometheus reads (format 0.0.4) of metrics that keep nothing and are read while they are written. Hundreds of services have ten
 * thousands of series, so others have their turn after each few of them.
 */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Of a histogram's parts. */
  readonly metricName?: string;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Read one by one, with turns of others in between. */
  readonly read: () => Iterable<Sample>;
}

/** Series that are written in one go: about a millisecond's work. */
export const AT_ONCE = 500;

/** Ends with a line break. `rest`: lets others have their turn. */
export async function expose(families: Iterable<Family>, rest: () => Promise<void>): Promise<string> {
  const lines: string[] = [];
  let written = 0;
  for (const { name, type, help, read } of families) {
    lines.push(`# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n`);
    for (const { metricName = name, labels, value } of read()) {
      lines.push(`${metricName}${labelled(labels)} ${shown(value)}\n`);
      if (++written % AT_ONCE === 0) await rest();
    }
    lines.push('\n');
  }
  return lines.join('');
}

function labelled(labels: Readonly<Record<string, string>>): string {
  let text = '';
  for (const name in labels) text += `${text === '' ? '{' : ','}${name}="${escaped(labels[name]!).replaceAll('"', '\\"')}"`;
  return text === '' ? '' : `${text}}`;
}

const escaped = (text: string): string =>
  text.includes('\\') || text.includes('\n') ? text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n') : text;

const shown = (value: number): string => (Math.abs(value) === Infinity ? (value > 0 ? '+Inf' : '-Inf') : String(value));
