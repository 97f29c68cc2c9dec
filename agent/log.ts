/**
 * Facts become lines of log: JSON for a machine, one plain line for a person at a terminal. What is said, and how loudly, is decided in
 * sentences.ts, where lines go in log-output.ts.
 */
import { isatty } from 'node:tty';
import { pino } from 'pino';
import type { Emit } from './events.js';
import { LogOutput } from './log-output.js';
import { isOfOneCall, levelOf, tell, type Level } from './sentences.js';
import type { Clock } from './system.js';

export type LogFormat = 'auto' | 'json' | 'pretty';

export interface LogStream {
  write(line: string): unknown;
  readonly isTTY?: boolean;
}

export interface LogOptions {
  readonly level: Level;
  /** `auto`: pretty on a terminal, else JSON. */
  readonly format: LogFormat;
  /** One line a call, at info. */
  readonly accessLog: boolean;
  /** Milliseconds since 1970, for the time of each line. */
  readonly wall: () => number;
  /** Tries a line again that nobody took. */
  readonly after: Clock['after'];
  /** Colour in the pretty format; by default, on a terminal. */
  readonly colour?: boolean;
  /** Where lines go instead of the standard output. */
  readonly stream?: LogStream;
}

export interface Log {
  readonly emit: Emit;
  setLevel(level: Level): void;
  readonly level: Level;
  /** False: a fact of this level would go nowhere, so it need not be made. */
  wants(level: Level): boolean;
  /** Lines that were dropped because nobody read the ones before. */
  readonly lost: number;
}

const STDOUT = 1;

export async function makeLog(options: LogOptions): Promise<Log> {
  const terminal = options.stream ? options.stream.isTTY === true : isatty(STDOUT);
  const standard = options.stream ? undefined : new LogOutput(STDOUT, options.after);
  const out: LogStream = options.stream ?? standard!;

  const pretty = options.format === 'pretty' || (options.format === 'auto' && terminal);
  const forPeople = pretty ? await prettifier(options.colour ?? terminal) : undefined;
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: timeOf(options.wall),
      formatters: { level: (level) => ({ level }) },
    },
    { write: (line: string) => void out.write(forPeople ? forPeople(line) : line) },
  );
  // a comparison, since it is asked for each call
  let least = rankOf(options.level);
  const wants = (level: Level): boolean => rankOf(level) >= least;

  return {
    emit(fact) {
      if (!wants(levelOf(fact.kind)) || (isOfOneCall(fact.kind) && !options.accessLog)) return;
      const told = tell(fact);
      logger[told.level](told.fact, told.message);
      if (!isOfOneCall(fact.kind)) standard?.flush(); // it may be the last word of a process that is killed
    },
    setLevel: (level) => {
      logger.level = level;
      least = rankOf(level);
    },
    get level() {
      return logger.level as Level;
    },
    wants: (level) => level !== 'silent' && wants(level),
    get lost() {
      return standard?.lost ?? 0;
    },
  };
}

/** A millisecond has many lines, and one spelling. */
function timeOf(wall: () => number): () => string {
  let [last, text] = [NaN, ''];
  return () => {
    const now = wall();
    if (now !== last) text = `,"time":"${new Date(now).toISOString()}"`;
    last = now;
    return text;
  };
}

const ranks = { ...pino.levels.values, silent: Infinity } as Readonly<Record<Level, number>>;
const rankOf = (level: Level): number => ranks[level];

/** `12:04:10 INFO  orders: …`. The fields are left out: the sentence says what they say. */
async function prettifier(colorize: boolean): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty'); // only people at a terminal need it
  return prettyFactory({ colorize, hideObject: true, translateTime: 'SYS:HH:MM:ss' }) as (line: string) => string;
}
