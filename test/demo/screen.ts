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

/** The story: a line for each scene, to which what followed is added. */
export class Story {
  readonly #scenes: { text: string; told: number }[] = [];
  readonly #elapsed: () => number;

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
  }

  scene(what: string): void {
    this.#scenes.push({ text: `${clockText(this.#elapsed())} ${what}`, told: 0 });
  }

  then(what: string): void {
    const scene = this.#scenes.at(-1);
    if (scene) scene.text += ` -> ${clockText(this.#elapsed())} ${what}`;
  }

  get lines(): readonly string[] {
    return this.#scenes.map(({ text }) => text);
  }

  /** What was added since the last time that this was asked. */
  news(): string[] {
    return this.#scenes.flatMap((scene) => {
      const fresh = scene.text.slice(scene.told);
      scene.told = scene.text.length;
      return fresh === '' ? [] : [fresh.replace(/^ -> /, '')];
    });
  }
}

/** Breaks a line at spaces, so that nothing is cut at 80 columns. */
const wrap = (text: string): string[] => {
  const lines: string[] = [];
  for (let rest = text; rest !== '';) {
    const cut = rest.length <= 80 ? rest.length : Math.max(rest.lastIndexOf(' ', 80), 1);
    lines.push(rest.slice(0, cut));
    rest = rest.slice(cut).trim();
    if (rest !== '') rest = `      ${rest}`;
  }
  return lines;
};

export class Screen {
  readonly #out: NodeJS.WriteStream | WriteStream;
  #drawn = 0;
  #lastPlain = -Infinity;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  get live(): boolean {
    return this.#out.isTTY;
  }

  /** A line that stays. */
  say(text = ''): void {
    this.#clear();
    this.#out.write(`${text}\n`);
  }

  /** A line that the next one replaces: progress while something takes its time. */
  progress(text: string): void {
    if (!this.live) return;
    this.#redraw([text.slice(0, 79)]);
  }

  /** Draws the table, the story and the count that never leaves. Off a terminal: news at once, the table every five seconds. */
  draw(rows: readonly Row[], story: Story, bottom: string, elapsedMs: number): void {
    if (this.live) return this.#redraw([...table(rows), '', ...story.lines.flatMap(wrap), '', bottom]);
    for (const news of story.news()) this.#out.write(`${news}\n`);
    if (elapsedMs - this.#lastPlain < 5_000) return;
    this.#lastPlain = elapsedMs;
    this.#out.write([...table(rows), bottom, ''].join('\n') + '\n');
  }

  /** Leaves what is drawn where it is; what follows goes below. */
  keep(): void {
    this.#drawn = 0;
  }

  #redraw(lines: readonly string[]): void {
    this.#clear();
    this.#out.write(lines.join('\n') + '\n');
    this.#drawn = lines.length;
  }

  #clear(): void {
    if (this.#drawn > 0) this.#out.write(`\x1b[${this.#drawn}A\x1b[0J`);
    this.#drawn = 0;
  }
}
