/** The body of a request that may have to be sent again. */
import { deepEqual, equal, rejects, throws } from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fc } from '../../support/fast-check.js';
import { CallError } from '../../../lb/errors.js';
import { Replay } from '../../../lb/full/replay.js';

const idle = (): undefined => undefined;
const all = async (body: Readable): Promise<string> => (await buffer(body)).toString();

/** Takes this many chunks (or all there are), and lets go. */
const some = async (body: Readable, count: number): Promise<string> => {
  const taken: string[] = [];
  for await (const chunk of body) {
    taken.push(String(chunk));
    if (taken.length >= count) break;
  }
  return taken.join('');
};

describe('replay', () => {
  it('gives every attempt the body from its first byte, wherever the one before it broke off', async () => {
    const chunks = fc.array(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.array(fc.nat(12), { maxLength: 3 }), async (parts, breaks) => {
        const replay = new Replay(Readable.from(parts.map((part) => Buffer.from(part))), idle);
        for (const count of breaks) {
          const began = await some(replay.open(), count + 1);
          equal(parts.join('').startsWith(began), true);
        }
        equal(await all(replay.open()), parts.join(''));
      }),
      { numRuns: 200 },
    );
  });

  it('reads no more for an attempt that is over: what comes meanwhile is for the next one', async () => {
    const source = new PassThrough();
    const replay = new Replay(source, idle, 10);
    const first = replay.open();
    source.write('12345');
    equal(await some(first, 1), '12345');
    first.destroy();
    source.write('67890abcde');
    await new Promise((resolve) => setImmediate(resolve));
    deepEqual([replay.length, replay.replayable, replay.waiting], [5, true, false]);
    source.end();
    equal(await all(replay.open()), '1234567890abcde');
  });

  it('keeps no more than its limit, and cannot begin again after that', async () => {
    const source = new PassThrough();
    const replay = new Replay(source, idle, 10);
    const body = replay.open();
    source.write('12345');
    equal(await some(body, 1), '12345');
    equal(replay.replayable, true);
    source.write('67890');
    const second = replay.open();
    equal(await some(second, 2), '1234567890');
    equal(replay.replayable, true);
    source.end('x');
    equal(await all(replay.open()), '1234567890x');
    equal(replay.replayable, false);
    throws(() => replay.open(), /beginning of this body is gone/);
  });

  it('reads ahead of nobody: what no attempt asks for stays with the app', async () => {
    const source = new Readable({ read: () => undefined, highWaterMark: 4 });
    const replay = new Replay(source, idle);
    replay.open();
    for (const part of ['abcd', 'efgh']) source.push(part);
    await new Promise((resolve) => setImmediate(resolve));
    equal(source.readableLength, 8);
  });

  it('waits for the app only while an attempt wants what has not come', async () => {
    const source = new PassThrough();
    const replay = new Replay(source, idle);
    equal(replay.waiting, false);
    const body = replay.open();
    body.resume();
    await new Promise((resolve) => setImmediate(resolve));
    equal(replay.waiting, true);
    source.end('a');
    await new Promise((resolve) => body.once('end', resolve));
    equal(replay.waiting, false);
  });

  it('breaks off what an attempt sends, and every later one, when the app does', async () => {
    for (const broke of [
      (source: PassThrough) => source.destroy(),
      (source: PassThrough) => source.destroy(new Error('reset')),
    ]) {
      const source = new PassThrough();
      const replay = new Replay(source, idle);
      const body = all(replay.open());
      source.write('abc');
      broke(source);
      const gone = (error: unknown): boolean => error instanceof CallError && error.code === 'client_gone';
      await rejects(body, gone);
      await rejects(all(replay.open()), gone);
    }
  });

  it('lets the rest of the body run off when it is closed', async () => {
    const source = new PassThrough();
    const replay = new Replay(source, idle);
    replay.open();
    source.write('abc');
    replay.close();
    source.end('def');
    await new Promise((resolve) => source.once('close', resolve));
    equal(source.readableEnded, true);
  });

  it('tells of everything that moves', async () => {
    let moves = 0;
    const replay = new Replay(Readable.from([Buffer.from('a'), Buffer.from('b')]), () => moves++);
    deepEqual([await all(replay.open()), moves >= 2], ['ab', true]);
  });
});
