/** A moment of `npm run fuzz -- http`, on one seed: as many cases on every machine. */
import { equal } from 'node:assert/strict';
import { it } from 'node:test';
import { fuzz } from './fuzz.js';

it('no damaged message makes the lanes, the strict reader and node see different messages, hangs, or ends the process', async (t) => {
  const { cases, stricter } = await fuzz({ tries: 100 }, Number(process.env['SEED'] ?? 1125));
  t.diagnostic(`${cases} messages, in ${stricter} one lane was stricter`);
  equal(cases, 100);
});
