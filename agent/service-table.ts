/** What `zidecar services` prints: one line a service, or one service with its nodes. */
import { printable } from './printable.js';
import type { ServiceNode, ServiceRow } from './service-row.js';
import type { Fleet } from './services.js';
import { fold, table, titled, type Cell, type Paint } from './text.js';

export interface TableLook {
  readonly paint: Paint;
  /** Undefined: there is no terminal, and each row is one line. */
  readonly width: number | undefined;
  /** Every problem on a line of its own, instead of the first and how many there are. */
  readonly all?: boolean;
}

/** The table, or a sentence where there is nothing to put into one. */
export function renderFleet({ rows, missing }: Fleet, look: TableLook): string {
  if (rows.length > 0) return renderServices(rows, look);
  const elsewhere = 'nobody has announced yet, or they do so elsewhere (--registry-path)';
  return missing === undefined ? `no services: ${elsewhere}` : `no services, for there is no ${printable(missing)}: ${elsewhere}`;
}

export function renderServices(rows: readonly ServiceRow[], { paint, width, all = false }: TableLook): string {
  return table({
    head: ['SERVICE', 'DIALECT', 'INSTANCES', 'ROUTABLE', 'PROBLEM'],
    rows: rows.flatMap((row) => lines(row, all, paint)),
    right: [2, 3],
    width,
    paint,
  });
}

function lines({ service, dialect, instances, routable, problems }: ServiceRow, all: boolean, paint: Paint): Cell[][] {
  const mark = instances === undefined || instances === 0 ? paint.dim : routable === 0 ? paint.red : paint.yellow;
  const [first = '', ...rest] = problems;
  const more = !all && rest.length > 0 ? ` (and ${rest.length} more)` : '';
  const head: Cell[] = [service, dialect, String(instances ?? '-'), String(routable ?? '-'), { text: first + more, paint: mark }];
  return [head, ...(all ? rest.map((text): Cell[] => ['', '', '', '', { text, paint: mark }]) : [])];
}

/** One service: what is wrong with the whole, then its nodes one by one, those with trouble first. */
export function renderService(row: ServiceRow, { paint, width }: TableLook): string {
  const { service, path, dialect, instances, routable, problems, nodes } = row;
  const whole = problems.filter((problem) => !problem.startsWith('node '));
  const counts = `${instances ?? '-'} ${instances === 1 ? 'instance' : 'instances'}, ${routable ?? '-'} routable`;
  const title = titled(service, `${counts} (${dialect}, in ${printable(path)})`, paint, width);
  const rank = ({ problem }: ServiceNode): number => (problem === '' ? 1 : 0);
  const sorted = [...nodes].sort((one, other) => rank(one) - rank(other));
  const zones = nodes.some(({ zone }) => zone !== '');
  const list = table({
    head: ['NODE', 'ADDRESS', 'WEIGHT', ...(zones ? ['ZONE'] : []), 'STATE', 'PROBLEM'],
    rows: sorted.map(({ name, address, weight, zone, state, problem }) => [
      ...[name, address, weight === undefined ? '' : String(weight), ...(zones ? [zone] : [])],
      { text: state, paint: state === 'routable' ? paint.green : paint.yellow },
      { text: problem, paint: paint.yellow },
    ]),
    right: [2],
    width,
    paint,
  });
  const wrong = whole.map((problem) => paint.yellow(fold('', printable(problem), width)));
  return [title, ...wrong, ...(nodes.length > 0 ? [list] : [])].join('\n');
}
