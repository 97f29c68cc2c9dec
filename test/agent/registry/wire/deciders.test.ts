import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Backoff } from '../../../../agent/registry/wire/backoff.js';
import { Chroot } from '../../../../agent/registry/wire/chroot.js';
import { Greeting } from '../../../../agent/registry/wire/greeting.js';
import { Reader, Writer } from '../../../../agent/registry/wire/jute.js';
import { op } from '../../../../agent/registry/wire/protocol.js';
import { Pulse, type Beat } from '../../../../agent/registry/wire/pulse.js';
import { WatchRegistry, type Call } from '../../../../agent/registry/wire/watches.js';

describe('pulse', () => {
  const asked = { sentAt: 1_000, size: 0 };
  const SILENT = 'is silent: it does not answer in time';
  const SPEAKS = 'speaks, and does not answer what it was asked';

  it('pings when the Java client would', () => {
    const rests = [3_000, 6_000, 12_000, 30_000, 60_000].map((timeoutMs) => new Pulse(timeoutMs, 0).restMs);
    deepEqual(rests, [1_000, 1_000, 3_000, 9_000, 10_000]);
  });

  it('rests, pings, and leaves a server that is silent for two thirds of the timeout', () => {
    const pulse = new Pulse(12_000, 0);
    deepEqual(pulse.next(0, undefined), { do: 'wait', ms: 3_000 });
    deepEqual(pulse.next(3_000, undefined), { do: 'ping' });
    pulse.sent(3_000);
    deepEqual(pulse.next(3_000, undefined), { do: 'wait', ms: 3_000 });
    pulse.sent(6_000);
    deepEqual(pulse.next(7_999, undefined), { do: 'wait', ms: 1 });
    deepEqual(pulse.next(8_000, undefined), { do: 'leave', why: SILENT });
  });

  it('doubts one that answers nothing for a tenth of the timeout, once until it is heard again, and 750 ms at least', () => {
    const pulse = new Pulse(30_000, 0);
    pulse.sent(1_000);
    deepEqual(pulse.next(3_999, asked), { do: 'wait', ms: 1 });
    deepEqual(pulse.next(4_000, asked), { do: 'doubt' });
    deepEqual(pulse.next(4_001, asked), { do: 'wait', ms: 4_499 });
    pulse.heard(4_500);
    deepEqual(pulse.next(7_499, asked), { do: 'wait', ms: 1 });
    deepEqual(pulse.next(7_500, asked), { do: 'doubt' });
    deepEqual(pulse.next(12_000, asked), { do: 'leave', why: SILENT });
    deepEqual(
      [1_200, 3_000, 6_000, 12_000, 60_000].map((timeoutMs) => new Pulse(timeoutMs, 0).trustMs),
      [750, 750, 750, 1_200, 6_000],
    );
  });

  it('leaves one that answers nothing for a quarter of the timeout, but not one whose answer is on its way', () => {
    const pulse = new Pulse(12_000, 0);
    pulse.sent(1_000);
    deepEqual(pulse.next(2_200, asked), { do: 'doubt' });
    deepEqual(pulse.next(3_999, asked), { do: 'wait', ms: 1 });
    deepEqual(pulse.next(4_000, asked), { do: 'leave', why: SILENT });
    pulse.heard(3_900);
    deepEqual(pulse.next(3_999, asked), { do: 'wait', ms: 1 }, 'for a ping');
    deepEqual(pulse.next(6_900, asked), { do: 'leave', why: SILENT });
  });

  it('gives a question so much more time as a line that carries 64 KiB in each timeout needs for it, up to what silence has', () => {
    const next = (now: number, size: number): Beat => {
      const pulse = new Pulse(12_000, 1_000);
      pulse.sent(now);
      return pulse.next(now, { sentAt: 1_000, size });
    };
    deepEqual(next(1_000 + 1_200 + 2_999, 16 * 1024), { do: 'wait', ms: 1 });
    deepEqual(next(1_000 + 1_200 + 3_000, 16 * 1024), { do: 'doubt' });
    deepEqual(next(1_000 + 3_000 + 3_000, 16 * 1024), { do: 'leave', why: SILENT });
    deepEqual(next(8_999, 900_000), { do: 'wait', ms: 1 });
    const why = `${SILENT}, maybe since a line has to carry 113 kB/s for a question of 900000 bytes: it is heard when all of it has come`;
    deepEqual(next(9_000, 900_000), { do: 'leave', why });
  });

  it('leaves one that speaks and does not confirm the session, after two thirds of the timeout', () => {
    const pulse = new Pulse(12_000, 0);
    pulse.sent(8_500);
    pulse.heard(8_500);
    deepEqual(pulse.next(8_999, asked, false), { do: 'wait', ms: 1 });
    deepEqual(pulse.next(9_000, asked, false), { do: 'leave', why: 'does not confirm our session in time' });
    deepEqual(pulse.next(9_000, asked, true).do, 'wait', 'its answer may be a long one');
    deepEqual(pulse.next(9_000, undefined, false).do, 'wait', 'it is our turn');
    deepEqual(new Pulse(1_200, 2_000).next(2_000, asked, false).do, 'wait', 'it went with a greeting that was answered late');
  });

  it('leaves one that speaks, and has answered no question for the whole timeout', () => {
    const pulse = new Pulse(12_000, 0);
    const speaks = (now: number): void => (pulse.sent(now), pulse.heard(now));
    speaks(12_500);
    deepEqual(pulse.next(12_999, asked), { do: 'wait', ms: 1 });
    deepEqual(pulse.next(13_000, asked), { do: 'leave', why: SPEAKS });
    deepEqual(pulse.next(13_000, undefined).do, 'wait', 'it is our turn');
    pulse.answered(12_500);
    speaks(24_000);
    deepEqual(pulse.next(24_499, asked), { do: 'wait', ms: 1 }, 'it works on what was asked before');
    deepEqual(pulse.next(24_500, asked), { do: 'leave', why: SPEAKS });
  });

  it('takes each 64 KiB of an answer that is on its way for one, and its drops for none', () => {
    const pulse = new Pulse(12_000, 0);
    const comes = (bytes: number, now: number): void => (pulse.sent(now), pulse.heard(now), pulse.gathered(bytes, now));
    comes(65_535, 12_000);
    deepEqual(pulse.next(12_999, asked), { do: 'wait', ms: 1 });
    comes(65_536, 12_999);
    deepEqual(pulse.next(13_000, asked).do, 'wait');
    comes(131_071, 24_500);
    deepEqual(pulse.next(24_999, asked), { do: 'leave', why: SPEAKS });
    pulse.answered(24_998);
    comes(65_536, 30_000); // of the next
    comes(65_537, 41_500);
    deepEqual(pulse.next(41_999, asked), { do: 'wait', ms: 1 });
  });
});

describe('back-off', () => {
  it('draws from a window that doubles, and is small again only after a confirmation', () => {
    const backoff = new Backoff(() => 1, 30_000);
    const next = (count: number, isHeld: boolean): number[] => Array.from({ length: count }, () => backoff.next(isHeld));
    deepEqual(next(10, false), [20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_000]);
    equal(backoff.next(true), 1_000, 'a session that is held is looked after sooner');
    backoff.confirmed();
    deepEqual(next(5, true), [20, 40, 80, 160, 320]);
  });

  it('is shorter than a session: whoever was away with a server is back before it ends what he had', () => {
    const backoff = new Backoff(() => 1, 1_500);
    deepEqual(
      [false, true].map((isHeld) => Math.max(...Array.from({ length: 10 }, () => backoff.next(isHeld)))),
      [500, 500],
    );
  });
});

describe('greeting', () => {
  const answer = (timeoutMs: number, id: bigint, isReadOnly = false): Reader => {
    const writer = new Writer();
    writer.int(0).int(timeoutMs).long(id).bytes(Buffer.alloc(16, 7)).bool(isReadOnly);
    return new Reader(writer.take());
  };
  const said = (greeting: Greeting): readonly unknown[] => {
    const writer = new Writer();
    greeting.write(writer);
    const reader = new Reader(writer.take());
    return [reader.int(), reader.long(), reader.int(), reader.long(), reader.bytes()[0], reader.bool()];
  };

  it('asks for a session, and then for the same again, with the last change that was seen', () => {
    const greeting = new Greeting(30_000, false);
    deepEqual(said(greeting), [0, 0n, 30_000, 0n, 0, false]);
    deepEqual(greeting.read(answer(4_000, -2n)), { kind: 'granted', isReadOnly: false });
    deepEqual([greeting.timeoutMs, greeting.hexId], [4_000, 'fffffffffffffffe']);
    greeting.seen(9n);
    greeting.seen(3n);
    deepEqual(said(greeting), [0, 9n, 30_000, -2n, 7, false]);
  });

  it('takes a day where more is granted than timers can count', () => {
    const greeting = new Greeting(30_000, false);
    greeting.read(answer(2 ** 31 - 1, 1n));
    equal(greeting.timeoutMs, 86_400_000);
  });

  it('does not bring the session of a read-only server to a full one', () => {
    const greeting = new Greeting(30_000, true);
    deepEqual(greeting.read(answer(4_000, 5n, true)), { kind: 'granted', isReadOnly: true });
    deepEqual(said(greeting), [0, 0n, 30_000, 0n, 0, true]);
    deepEqual(greeting.read(answer(4_000, 6n)), { kind: 'granted', isReadOnly: false });
    equal(greeting.isHeld, true);
    throws(() => new Greeting(30_000, false).read(answer(4_000, 5n, true)), /is read only/);
  });
});

describe('watches', () => {
  const call: Call = (listener, event) => listener(event);

  it('are told to a server in parts of 16 KiB, every path once, and recursive ones last', () => {
    const registry = new WatchRegistry();
    const path = (index: number): string => `/${String(index).padStart(5, '0')}${'é'.repeat(100)}`;
    registry.add('recursive', '/all', () => undefined);
    for (let index = 0; index < 3_000; index++) registry.once(index % 2 ? 'data' : 'exist', path(index), () => undefined);
    registry.once('children', '/all', () => undefined);
    const paths: string[] = [];
    const lasting: boolean[] = [];
    for (const { op: number, write } of registry.parts(42n)) {
      const writer = new Writer();
      write(writer);
      const hasLasting = number === op.setWatches2;
      const bytes = writer.take();
      ok(bytes.length <= 16 * 1024);
      const reader = new Reader(bytes);
      equal(reader.long(), 42n);
      for (let list = 0; list < (hasLasting ? 5 : 3); list++) paths.push(...reader.list(4, () => reader.text()));
      equal(reader.left, 0);
      lasting.push(hasLasting);
    }
    deepEqual(lasting.slice(0, -1).filter(Boolean), []);
    equal(lasting.at(-1), true);
    equal(paths.length, 3_002);
    equal(new Set(paths).size, 3_001);
    equal(paths.at(-1), '/all');
  });

  it('call each listener once for a path, in the order in which they came, and go on when one arms again', () => {
    const registry = new WatchRegistry();
    const heard: string[] = [];
    const again = (): void => {
      heard.push('again');
      registry.once('data', '/a', again);
    };
    const other = (): void => void heard.push('other');
    for (const listener of [again, other, again, other]) registry.once('data', '/a', listener);
    registry.fire({ type: 'changed', path: '/a' }, call);
    deepEqual(heard, ['again', 'other']);
    equal(registry.size, 1);
  });

  it('below a recursive one are covered, whatever its depth; beside it they are not', () => {
    const registry = new WatchRegistry();
    registry.add('recursive', '/a/b', () => undefined);
    registry.add('persistent', '/p', () => undefined);
    const covered = ['/a/b', '/a/b/c', '/a/b/c/d', '/p'].map((path) => registry.covers(path));
    const not = ['/', '/a', '/a/bc', '/a/b2/c', '/p/q'].map((path) => registry.covers(path));
    deepEqual([...new Set(covered), ...new Set(not)], [true, false]);
    registry.add('recursive', '/', () => undefined);
    ok(registry.covers('/anything/at/all'));
  });
});

describe('a chroot', () => {
  it('is put before what is asked and taken off what is told, and only as a whole name', () => {
    const chroot = new Chroot('/a');
    deepEqual(
      ['/', '/b'].map((path) => chroot.join(path)),
      ['/a', '/a/b'],
    );
    deepEqual(
      ['/a', '/a/b', '/ab', '/'].map((path) => chroot.strip(path)),
      ['/', '/b', '/ab', '/'],
    );
    deepEqual([new Chroot('/').join('/b'), new Chroot('').strip('/b')], ['/b', '/b']);
  });
});
