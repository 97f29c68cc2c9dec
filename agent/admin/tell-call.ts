/** A call as a story for a person: what would become of one, or what became of one. Pure: views in, lines out. */
import { elapsed } from '../elapsed.js';
import { printable } from '../printable.js';
import { fold, type Paint } from '../text.js';
import { address } from '../../lb/endpoint.js';
import type { Rehearsal } from '../../lb/rehearse.js';
import { timeOfDay } from './render.js';
import type { EventsView, PastCallView } from './views.js';

export function renderRehearsal({ steps, refused, endpoints }: Rehearsal, paint: Paint, width?: number): string {
  const lines = steps.map(({ about, says }) => fold(`${about.padEnd(8)}  `, printable(says), width));
  if (refused !== null) lines.push(paint.red(fold('refused   ', `${refused.code}: ${printable(refused.message)}`, width)));
  const widest = endpoints.reduce((most, one) => Math.max(most, address(one).length), 0);
  for (const one of endpoints) {
    const line = fold(`${printable(address(one)).padEnd(widest)}  share ${one.share} %  `, printable(one.reason), width);
    lines.push(one.share === 0 ? paint.red(line) : line);
  }
  return lines.join('\n');
}

export const renderCalls = (calls: readonly PastCallView[], now: number, paint: Paint, width?: number): string =>
  calls.map((call) => renderCall(call, now, paint, width)).join('\n\n');

function renderCall(call: PastCallView, now: number, paint: Paint, width?: number): string {
  const { method, upstream, target, attempts, sends, status, code, ms } = call;
  const times = sends.map((one) => `+${elapsed(one.startMs)}, ${elapsed(one.ms)}`);
  const widest = Math.max(...times.map(({ length }) => length));
  const lines = sends.flatMap((one, index) => {
    const line = `${times[index]!.padEnd(widest)}  ${one.endpoint}  ${endings[one.became] ?? one.became.replace(/^\d/, 'answered $&')}`;
    return one.pauseMs > 0 ? [`back-off ${elapsed(one.pauseMs)}`, line] : [line];
  });
  const ended = code === null ? `${status}` : `${status} ${code}`;
  const said = `${method} ${upstream} ${target}: ${ended} in ${elapsed(ms)}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  const head = fold(`${timeOfDay(call.at, now)}  `, printable(said), width);
  return [
    code === null && status < 500 ? head : paint.red(head),
    ...lines.map((line) => fold('  ', printable(line), width)),
  ].join('\n');
}

const endings: Readonly<Record<string, string>> = {
  given_up: 'given up, as another answered first',
  outpaced: 'given up, as another answered first, though it was asked later, which speaks against this one',
};

/** What happened, a sentence each. */
export const renderEvents = ({ events }: EventsView, now: number, paint: Paint, width?: number): string =>
  events.length === 0
    ? 'nothing has happened yet'
    : events
        .map(({ at, level, message }) => {
          const line = fold(`${timeOfDay(at, now)}  `, printable(message), width);
          return level === 'warn' || level === 'error' ? paint.red(line) : line;
        })
        .join('\n');
