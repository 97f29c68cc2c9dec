/**
 * What the demo shows: one table of 80 columns with its story below, redrawn in place on a terminal; elsewhere plain lines, each told once.
 * Knows nothing of processes or of ZooKeeper.
 */
import type { WriteStream } from 'node:tty';

export interface Row {
  readonly instance: string;
  readonly weight: number;
  /** Percent of the calls of the last two seconds. */
  readonly share: number;
  readonly calls: number;
  readonly failed: number;
  readonly p99: number | undefined;
  readonly state: string;
}

const BAR = 10;
const EIGHTHS = ' ▏▎▍▌▋▊▉';

const bar = (percent: number): string => {
  const eighths = Math.round((percent / 100) * BAR * 8);
  return ('█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!).trimEnd().padEnd(BAR);
};

/** 41220 -> '41,220' */
export const thousands = (count: number): string => count.toLocaleString('en-US');

/** 72_500 -> '01:12' */
export const clockText = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
};

const line = (...cells: readonly [string, string, string, string, string, string, string]): string => {
  const [instance, weight, share, calls, failed, p99, state] = cells;
  return [instance.padEnd(9), weight.padStart(6), share.padEnd(17), calls.padStart(8), failed.padStart(6), p99.padStart(8), state]
    .join(' ')
    .slice(0, 80);
};

export const table = (rows: readonly Row[]): string[] => [
  line('instance', 'weight', '   share', 'calls', 'failed', 'p99', 'state'),
  ...rows.map(({ instance, weight, share, calls, failed, p99, state }) =>
    line(
      instance,
      String(weight),
      `${String(Math.round(share)).padStart(4)} % ${bar(share)}`,
      thousands(calls),
      thousands(failed),
      p99 === undefined ? '-' : `${p99.toFixed(1)} ms`,
      state,
    ),
  ),
];

interface Told {
  readonly at: string;
  readonly who: string;
  readonly what: string;
}

const sentence = ({ at, who, what }: Told): string => [at, who, what].filter(Boolean).join(' ');

/** The story: a line for each scene, to which what followed is added. Whom the scene is about is named once. */
export class Story {
  readonly #scenes: Told[][] = [];
  readonly #elapsed: () => number;
  #told = 0;

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
  }

  scene(who: string, what: string): void {
    this.#scenes.push([this.#now(who, what)]);
  }

  then(who: string, what: string): void {
    this.#scenes.at(-1)?.push(this.#now(who, what));
  }

  get lines(): readonly string[] {
    return this.#scenes.map((scene) => {
      let last = '';
      return scene
        .map((told) => {
          const isKnown = told.who === last;
          last = told.who;
          return sentence(isKnown ? { ...told, who: '' } : told);
        })
        .join(' -> ');
    });
  }

  /** What was added since the last time that this was asked. */
  news(): string[] {
    const fresh = this.#scenes.flat().slice(this.#told);
    this.#told += fresh.length;
    return fresh.map(sentence);
  }

  #now(who: string, what: string): Told {
    return { at: clockText(this.#elapsed()), who, what };
  }
}

/** Breaks a line at spaces, so that nothing is cut at its end. */
const wrap = (text: string, width: number): string[] => {
  const lines: string[] = [];
  for (let rest = text; rest !== '';) {
    const cut = rest.length <= width ? rest.length : Math.max(rest.lastIndexOf(' ', width), 7);
    lines.push(rest.slice(0, cut));
    rest = rest.slice(cut).trim();
    if (rest !== '') rest = `      ${rest}`;
  }
  return lines;
};

/** Of a table of four lines, two empty ones, the count, and the line of the cursor. */
const BESIDE_THE_STORY = 8;

export class Screen {
  readonly #out: NodeJS.WriteStream | WriteStream;
  #drawn = 0;
  #lastPlain = -Infinity;
  #isClosed = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  get live(): boolean {
    return this.#out.isTTY;
  }

  /** A terminal that does not know its size says 0. */
  get #columns(): number {
    return this.#out.columns || 80;
  }

  /** A line that stays. */
  say(text = ''): void {
    if (!this.live) this.#write(`${text}\n`);
    else this.#redraw(text.split('\n'), false);
    this.keep();
  }

  /** A line that the next one replaces: progress while something takes its time. */
  progress(text: string): void {
    if (this.live) this.#redraw([text]);
  }

  /** Draws the table, the story and the count that never leaves. Off a terminal: news at once, the table every five seconds. */
  draw(rows: readonly Row[], story: Story, bottom: string, elapsedMs: number): void {
    if (this.live) {
      const height = this.#out.rows || 24;
      const told = story.lines.flatMap((text) => wrap(text, Math.min(this.#columns, 80)));
      return this.#redraw([...table(rows), '', ...told.slice(-Math.max(height - BESIDE_THE_STORY, 1)), '', bottom]);
    }
    for (const news of story.news()) this.#write(`${news}\n`);
    if (elapsedMs - this.#lastPlain < 5_000) return;
    this.#lastPlain = elapsedMs;
    this.#write([...table(rows), bottom, ''].join('\n') + '\n');
  }

  /** Leaves what is drawn where it is; what follows goes below. */
  keep(): void {
    this.#drawn = 0;
  }

  /** Nothing is drawn or said any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Over what was drawn, in one write, so that nothing flickers. A line that the terminal would break would be two, so it is cut. */
  #redraw(lines: readonly string[], cut = true): void {
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : '';
    this.#write(`${up}${lines.map((text) => `\x1b[2K${cut ? text.slice(0, this.#columns) : text}\n`).join('')}\x1b[J`);
    this.#drawn = lines.length;
  }

  #write(text: string): void {
    if (!this.#isClosed) this.#out.write(text);
  }
}
