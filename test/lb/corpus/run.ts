/**
 * The corpus, run through a lane: each case at one go, byte by byte, or in two; a case counts as the worst of these. As a program,
 * `node dist/test/lb/corpus/run.js [fast|full] [WORD] [PART/PARTS]` prints what is not ok; WORD keeps the cases whose name holds it, and splits
 * them everywhere (`:` is in every name: all of them take a lane some 20 minutes, and `: 1/8` each eighth case).
 */
import { fileURLToPath } from 'node:url';
import { seeded } from '../../support/random.js';
import { answerFraming } from './answer-framing.js';
import { answerHeads } from './answer-heads.js';
import type { AnswerCase, RequestCase } from './case.js';
import { judgeAnswer, judgeRequest, type Verdict } from './judge.js';
import { Stage } from './play.js';
import { requestFraming } from './request-framing.js';
import { requestHeads } from './request-heads.js';
import { requestWays } from './request-ways.js';

export const requestCases: readonly RequestCase[] = [...requestFraming, ...requestHeads, ...requestWays];
export const answerCases: readonly AnswerCase[] = [...answerFraming, ...answerHeads];

export type Split = (bytes: string) => readonly (readonly string[])[];

const inTwo = (bytes: string, at: number): readonly string[] => [bytes.slice(0, at), bytes.slice(at)];
const longest = 300;

const inBytes = (bytes: string): readonly string[] => bytes.match(/[^]/g) ?? [];

/** At one go, and of six messages one byte by byte, if that does not take too long, the others in two at a place by chance. */
export function aFew(random = seeded(1125)): Split {
  let nth = 0;
  return (bytes) => [
    [bytes],
    nth++ % 6 === 0 && bytes.length <= longest ? inBytes(bytes) : inTwo(bytes, Math.floor(random() * bytes.length)),
  ];
}

const places = 8;

/** At one go, byte by byte, and in two at some places by chance. */
export const sampled =
  (random: () => number): Split =>
  (bytes) => [
    [bytes],
    ...(bytes.length <= longest ? [inBytes(bytes)] : []),
    ...Array.from({ length: places }, () => inTwo(bytes, Math.floor(random() * bytes.length))),
  ];

/** At one go, byte by byte, and in two at every place, of messages that are not too long. */
export const everywhere: Split = (bytes) =>
  bytes.length <= longest
    ? [[bytes], inBytes(bytes), ...Array.from(bytes, (_, at) => inTwo(bytes, at))]
    : [[bytes], inTwo(bytes, bytes.length >> 1)];

export interface Finding extends Verdict {
  readonly name: string;
  readonly rfc: string;
}

export interface Tally {
  readonly total: number;
  readonly ok: number;
  readonly unlike: readonly Finding[];
  readonly unsafe: readonly Finding[];
}

export async function runCorpus(stage: Stage, split: Split, keeps: (name: string) => boolean = () => true): Promise<Tally> {
  const findings: Finding[] = [];
  let total = 0;
  const count = async (
    name: string,
    rfc: string,
    bytes: string,
    play: (pieces: readonly string[]) => Promise<Verdict>,
  ): Promise<void> => {
    if (!keeps(name)) return;
    total++;
    let worst: Verdict = { verdict: 'ok', why: '' };
    for (const pieces of split(bytes)) {
      const verdict = await play(pieces);
      if (verdict.verdict === 'unsafe' || (verdict.verdict === 'unlike' && worst.verdict === 'ok'))
        worst = { ...verdict, why: `${verdict.why} (in ${pieces.length} from ${pieces[0]?.length ?? 0})` };
    }
    findings.push({ name, rfc, ...worst });
  };
  for (const { name, rfc, bytes, want, then = 'next' } of requestCases)
    await count(`request: ${name}`, rfc, bytes, async (pieces) =>
      judgeRequest(await stage.request(pieces, then), want, then === 'next'),
    );
  for (const { name, rfc, bytes, want, ...how } of answerCases)
    await count(`answer: ${name}`, rfc, bytes, async (pieces) => judgeAnswer(await stage.answer(pieces, how), want, how.request));
  const those = (verdict: Verdict['verdict']): Finding[] => findings.filter((finding) => finding.verdict === verdict);
  return { total, ok: those('ok').length, unlike: those('unlike'), unsafe: those('unsafe') };
}

export const summary = (lane: string, { total, ok, unlike, unsafe }: Tally): string =>
  `${lane} lane: ${total} cases, ${ok} ok, ${unlike.length} unlike the RFC, ${unsafe.length} unsafe`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , which = 'both', word = '', part = '1/1'] = process.argv;
  const [nth = 1, of = 1] = part.split('/').map(Number);
  for (const lane of ['full', 'fast'] as const) {
    if (which !== 'both' && which !== lane) continue;
    const stage = await Stage.open(lane);
    let count = 0;
    const inPart = (name: string): boolean => name.includes(word) && count++ % of === nth - 1;
    const tally = await runCorpus(stage, word === '' ? aFew() : everywhere, inPart);
    for (const { verdict, name, rfc, why } of [...tally.unlike, ...tally.unsafe])
      console.log(`${verdict} ${rfc} ${name}\n    ${why}`);
    console.log(summary(lane, tally));
    await stage.close();
  }
}
