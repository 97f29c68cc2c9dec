/** A call as a story for a person: what would become of one, or what became of one. Pure: views in, lines out. */
import { elapsed } from '../elapsed.js';
import { printable } from '../printable.js';
import type { Paint } from '../text.js';
import { address } from '../../lb/endpoint.js';
import type { Rehearsal } from '../../lb/rehearse.js';
import { timeOfDay } from './render.js';
import type { EventsView, PastCallView } from './views.js';

export function renderRehearsal({ steps, refused, endpoints }: Rehearsal, paint: Paint): string {
  const lines = steps.map(({ about, says }) => `${about.padEnd(8)}  ${printable(says)}`);
  if (refused !== null) lines.push(paint.red(`refused   ${refused.code}: ${printable(refused.message)}`));
  const width = endpoints.reduce((most, one) => Math.max(most, address(one).length), 0);
  for (const one of endpoints) {
    const line = `${printable(address(one)).padEnd(width)}  share ${one.share} %  ${printable(one.reason)}`;
    lines.push(one.share === 0 ? paint.red(line) : line);
  }
  return lines.join('\n');
}

export const renderCalls = (calls: readonly PastCallView[], now: number, paint: Paint): string =>
  calls.map((call) => renderCall(call, now, paint)).join('\n\n');

function renderCall(call: PastCallView, now: number, paint: Paint): string {
  const { method, upstream, target, before, attempts, endpoint, status, code, ms } = call;
  const lines = before.map((one) => `${one.endpoint}  ${/^\d/.test(one.became) ? `answered ${one.became}` : one.became}`);
  const decided = before.at(-1)?.endpoint === endpoint && code !== null && before.at(-1)?.became === code;
  const given = attempts - before.length - (decided ? 0 : 1);
  if (given > 0) lines.push(`${given} more that ${given === 1 ? 'was' : 'were'} given up when another answered`);
  if (!decided && endpoint !== null) lines.push(`${endpoint}  ${code ?? `answered ${status}`}`);
  const ended = code === null ? `${status}` : `${status} ${code}`;
  const head = `${timeOfDay(call.at, now)}  ${method} ${upstream} ${target}: ${ended} in ${elapsed(ms)}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  return [
    code === null && status < 500 ? printable(head) : paint.red(printable(head)),
    ...lines.map((line) => `  ${printable(line)}`),
  ].join('\n');
}

/** What happened, one line each. */
export const renderEvents = ({ events }: EventsView, now: number, paint: Paint): string =>
  events.length === 0
    ? 'nothing has happened yet'
    : events
        .map(({ at, level, message }) => {
          const line = `${timeOfDay(at, now)}  ${printable(message)}`;
          return level === 'warn' || level === 'error' ? paint.red(line) : line;
        })
        .join('\n');
