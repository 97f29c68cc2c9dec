import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Announcement } from '../../agent/announcement.js';
import type { Instance } from '../../agent/registry/dialects/dialect.js';

const instance: Instance = { service: 'orders', id: 'a', host: '10.1.2.3', port: 8080, weight: 1, up: true, meta: {} };

const beside = (marks = false, stands = true) => {
  const wishes: (number | string | undefined)[] = [];
  const asked: string[] = [];
  let up = false;
  let tell: (up: boolean) => void = () => undefined;
  const announcement = new Announcement(
    instance,
    { get up() { return up; }, start: (onVerdict) => void (tell = onVerdict), stop: async () => undefined, view: () => ({}) }, // prettier-ignore
    {
      want: (wish) => wishes.push(wish?.up === false ? 'marked' : wish?.weight),
      withdrawn: async () => void asked.push('withdrawn'),
      settled: async () => void asked.push('settled'),
      stands,
      view: () => ({}),
      stop: () => undefined,
    },
    marks,
  );
  announcement.start();
  const verdict = (next: boolean): void => {
    up = next;
    tell(next);
  };
  return { announcement, wishes, verdict, asked };
};

describe('announcement', () => {
  it('wishes for the instance while the verdict is up', () => {
    const { wishes, verdict } = beside();
    verdict(true);
    verdict(false);
    deepEqual(wishes, [1, undefined]);
  });

  it('stays withdrawn while drained, whatever the verdict', () => {
    const { announcement, wishes, verdict } = beside();
    verdict(true);
    announcement.drain();
    verdict(false);
    verdict(true);
    deepEqual(wishes, [1, undefined, undefined, undefined]);
    announcement.undrain();
    deepEqual(wishes.at(-1), 1);
  });

  it('is marked instead where the dialect has a mark, as long as the app is up, and only if it was there', async () => {
    const { announcement, wishes, verdict, asked } = beside(true);
    announcement.drain();
    verdict(true);
    announcement.undrain();
    announcement.drain();
    await announcement.withdrawn();
    verdict(false);
    await announcement.withdrawn();
    deepEqual(wishes, [undefined, undefined, 1, 'marked', undefined]);
    deepEqual(asked, ['settled', 'withdrawn'], 'a mark that the registry has confirmed is as good as a withdrawal');
  });

  it('is withdrawn where it has a mark too, when it never came to stand', async () => {
    const { announcement, wishes, verdict, asked } = beside(true, false);
    verdict(true);
    announcement.drain();
    await announcement.withdrawn();
    deepEqual([wishes, asked], [[1, undefined], ['withdrawn']], 'else the end waits for a mark that is refused');
  });

  it('tells peers of a new weight', () => {
    const { announcement, wishes, verdict } = beside();
    verdict(true);
    announcement.setWeight(5);
    deepEqual(wishes, [1, 5]);
  });

  it('knows whether peers may have heard of it', () => {
    const { announcement, verdict } = beside();
    announcement.drain();
    equal(announcement.everWanted, false);
    announcement.undrain();
    verdict(true);
    verdict(false);
    equal(announcement.everWanted, true);
  });
});
