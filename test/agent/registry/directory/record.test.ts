import { deepEqual, equal } from 'node:assert/strict';
import type { BigIntStats } from 'node:fs';
import { describe, it } from 'node:test';
import { fc } from '../../../support/fast-check.js';
import { byHand, fitting, isSameFile, parse, stampOf, write } from '../../../../agent/registry/directory/record.js';
import type { NodeRecord } from '../../../../agent/registry/directory/record.js';

const stats = (ino: bigint, mtimeNs: bigint, size: bigint, birthtimeNs = mtimeNs): BigIntStats =>
  ({ ino, mtimeNs, size, birthtimeNs }) as BigIntStats;
const [older, newer] = [stats(1n, 100n, 3n), stats(2n, 200n, 3n)];
const record: NodeRecord = {
  name: 'a',
  owner: 'somebody',
  czxid: 2n ** 62n,
  ctime: 1_700_000_000_000,
  next: 7,
  states: [
    { version: 2, mzxid: 30n, stamp: stampOf(newer) },
    { version: 1, mzxid: 20n, stamp: stampOf(older) },
  ],
};

describe('the record of a node', () => {
  it('is read as it was written', () => {
    deepEqual(parse(write(record)), record);
  });

  it('tells the state of the data that is there: before the change and after it', () => {
    equal(fitting(record, older)?.version, 1);
    equal(fitting(record, newer)?.version, 2);
    equal(fitting(record, newer)?.owner, 'somebody');
  });

  it('tells nothing of data that a person wrote', () => {
    for (const other of [stats(3n, 200n, 3n), stats(2n, 201n, 3n), stats(2n, 200n, 4n), undefined])
      equal(fitting(record, other), undefined);
  });

  it('tells one file that is edited from two of one name', () => {
    equal(isSameFile(stats(1n, 100n, 3n, 50n), stats(1n, 200n, 4n, 50n)), true);
    equal(isSameFile(older, newer), false);
    equal(isSameFile(older, stats(1n, 300n, 3n)), false, 'the number of a removed one, given out anew');
  });

  it('is none when it is nonsense, and never throws', () => {
    for (const wrong of [
      { name: 1 },
      { owner: null },
      { czxid: 'x' },
      { czxid: 5 },
      { ctime: -1 },
      { next: 0.5 },
      { states: {} },
      { states: [{}] },
    ]) {
      equal(parse(JSON.stringify({ ...(JSON.parse(write(record)) as object), ...wrong })), undefined, JSON.stringify(wrong));
    }
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parse(text)));
    equal(parse(undefined), undefined);
  });

  it('is made up from the times of a file that a person wrote: nobody’s, and new with each edit', () => {
    const one = byHand('a', undefined, stats(1n, 5_000_000n, 3n, 2_000_000n), false);
    deepEqual([one.owner, one.czxid, one.mzxid, one.ctime, one.version, one.next], ['', 2_000_000n, 5_000_000n, 2, 5_000, 0]);
    const two = byHand('a', record, stats(1n, 6_000_000n, 3n, 2_000_000n), false);
    deepEqual([two.czxid, two.mzxid, two.version, two.next], [2_000_000n, 6_000_000n, 6_000, 7]);
    equal(byHand('a', undefined, stats(1n, 5_000_000n, 3n, 0n), false).czxid, 5_000_000n, 'a file system that tells no birth');
  });

  it('does not move with the children of a folder that a person made', () => {
    const [one, two] = [5_000_000n, 6_000_000n].map((mtimeNs) =>
      byHand('a', undefined, stats(1n, mtimeNs, 0n, 2_000_000n), true),
    );
    deepEqual(one, two);
  });
});
