import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { App } from '../../agent/app.js';
import { runUntilStopped } from '../../agent/run.js';
import { calm } from '../support/calm.js';
import { FakeClock } from '../support/clock.js';

/** Signals arrive as the events that node makes of them, at moments of our own: the kernel may make one of two that come close together. */
const running = (hangUpReloads = false) => {
  const clock = new FakeClock();
  const stops: string[] = [];
  const exits: number[] = [];
  const reloads: string[] = [];
  let end = (): void => undefined;
  let begin = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (end = resolve));
  const app: App = {
    child: undefined,
    stop: (signal) => (stops.push(signal), stopped),
    childEnded: () => stopped,
    stopped,
    reload: (why) => void reloads.push(why),
  };
  const code = runUntilStopped(
    () => new Promise((resolve) => (begin = () => resolve(app))),
    (exit) => exits.push(exit) as never,
    clock,
    hangUpReloads,
  );
  const hear = (...signals: NodeJS.Signals[]): void => signals.forEach((signal) => process.emit(signal, signal));
  const started = async (): Promise<void> => {
    begin();
    await calm();
  };
  return { clock, stops, exits, reloads, hear, started, end: () => (end(), code) };
};

describe('run', () => {
  it('takes one signal that is delivered twice for one', async () => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const) {
      const { clock, stops, exits, hear, started, end } = running();
      await started();
      hear(signal, signal);
      await clock.advance(99);
      hear(signal);
      deepEqual([stops, exits], [[signal], []]);
      equal(await end(), 0);
    }
  });

  it('ends at once on the same signal a tenth of a second later, with 128 and its number', async () => {
    const { clock, exits, hear, started, end } = running();
    await started();
    hear('SIGTERM');
    await clock.advance(100);
    hear('SIGTERM');
    deepEqual(exits, [143]);
    await end();
  });

  it('ends at once on another signal, however soon', async () => {
    const { exits, hear, started, end } = running();
    await started();
    hear('SIGTERM', 'SIGINT');
    deepEqual(exits, [130]);
    await end();
  });

  it('never takes a hang-up for the second signal', async () => {
    const { clock, exits, hear, started, end } = running();
    await started();
    hear('SIGTERM', 'SIGHUP');
    await clock.advance(5_000);
    hear('SIGHUP');
    deepEqual(exits, []);
    await end();
  });

  it('reads the settings again on a hang-up where they stand in a file, and goes on', async () => {
    const { stops, exits, reloads, hear, started, end } = running(true);
    hear('SIGHUP');
    await started();
    hear('SIGHUP', 'SIGHUP');
    deepEqual([stops, exits, reloads], [[], [], ['SIGHUP', 'SIGHUP']]);
    hear('SIGTERM');
    deepEqual([stops, reloads.length], [['SIGTERM'], 2]);
    await end();
  });

  it('stops what it has started when the signal came before', async () => {
    const { stops, exits, hear, started, end } = running();
    hear('SIGTERM', 'SIGTERM');
    deepEqual(stops, []);
    await started();
    deepEqual([stops, exits], [['SIGTERM'], []]);
    equal(await end(), 0);
  });
});
