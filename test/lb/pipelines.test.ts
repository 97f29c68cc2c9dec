/**
 * Cases of the corpus behind each other in one connection, in pieces: what is right for each alone is right for all of them in a row, wherever one
 * lane hands the connection to the other.
 */
import { it } from 'node:test';
import { fc } from '../support/fast-check.js';
import type { Carried, RequestCase } from './corpus/case.js';
import { judgeRequest } from './corpus/judge.js';
import { Stage } from './corpus/play.js';
import { requestCases } from './corpus/run.js';

const short = ({ bytes, want, then = 'next' }: RequestCase): boolean =>
  // which answer was to HEAD is not known of a row with refusals in it
  !bytes.includes('HEAD ') && bytes.length < 1_000 && then === 'next' && want.or === undefined && want.harmless === undefined;
const goOn = requestCases.filter((each) => short(each) && each.want.goesOn);
const end = requestCases.filter((each) => short(each) && !each.want.goesOn);

const aRow = fc
  .tuple(fc.array(fc.constantFrom(...goOn), { minLength: 1, maxLength: 5 }), fc.option(fc.constantFrom(...end)))
  .map(([first, last]) => (last === null ? first : [...first, last]));
const someCuts = fc.array(fc.nat(5_000), { maxLength: 3 });

const inPieces = (bytes: string, cuts: readonly number[]): string[] => {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((one, other) => one - other);
  return [0, ...places].map((from, index) => bytes.slice(from, places[index])).filter((piece) => piece !== '');
};

for (const lane of ['full', 'fast'] as const)
  it(`requests behind each other are each carried, or refused, as if they came alone: the ${lane} lane`, async (t) => {
    const stage = await Stage.open(lane);
    t.after(() => stage.close());
    await fc.assert(
      fc.asyncProperty(aRow, someCuts, async (row, cuts) => {
        const want: Carried = {
          carried: row.flatMap((each) => each.want.carried),
          statuses: row.flatMap((each) => each.want.statuses),
          goesOn: row.at(-1)!.want.goesOn,
        };
        const bytes = row.map((each) => each.bytes).join('');
        const { verdict, why } = judgeRequest(await stage.request(inPieces(bytes, cuts), 'next'), want, true);
        if (verdict !== 'ok') throw new Error(`${row.map(({ name }) => name).join(' | ')}: ${verdict}, ${why}`);
      }),
      { numRuns: Number(process.env['RUNS'] ?? 60) },
    );
  });
