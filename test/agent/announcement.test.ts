import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Announcement } from '../../agent/announcement.js';
import type { Instance } from '../../agent/registry/dialects/dialect.js';

const instance: Instance = { service: 'orders', id: 'a', host: '10.1.2.3', port: 8080, weight: 1, up: true, meta: {} };

const beside = () => {
  const wishes: (number | undefined)[] = [];
  let up = false;
  let tell: (up: boolean) => void = () => undefined;
  const announcement = new Announcement(
    instance,
    { get up() { return up; }, start: (onVerdict) => void (tell = onVerdict), stop: async () => undefined, view: () => ({}) }, // prettier-ignore
    { want: (wish) => wishes.push(wish?.weight), withdrawn: async () => undefined, view: () => ({}), stop: () => undefined },
  );
  announcement.start();
  const verdict = (next: boolean): void => {
    up = next;
    tell(next);
  };
  return { announcement, wishes, verdict };
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
