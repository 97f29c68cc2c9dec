/**
 * A fuzzer for messages on the wire: whole ones and cases of the corpus, spliced and damaged, cut in two at a place by chance, through both
 * lanes over real sockets, with the strict reader of the tests and node's own parser as further opinions. `npm run fuzz -- http SECONDS [SEED]`
 * goes on for so long; the tests run it for a moment. A failure is told with its seed and the smallest case of it.
 *
 * Nobody may see a message that another does not see, or see it end elsewhere; nothing may hang, or end the process. That one lane refuses
 * what the other carries is no danger, and counted: `stricter`.
 */
import { fc } from '../support/fast-check.js';
import { next, Stage, type AnswerPlayed, type RequestPlayed } from './corpus/play.js';
import { answerCases, requestCases } from './corpus/run.js';
import { answersIn, requestsIn } from './corpus/strict.js';
import * as llhttp from './fast/llhttp.js';
import { chunkedRequest, mutated, plainAnswer, plainRequest } from './messages.js';

const longest = 2_000;
const hangMs = 4_000;
const short = (bytes: string): boolean => bytes.length < longest;
/** Cases that wait for what never comes are left out: the fuzzer asks for `/next` behind each. */
const requests = requestCases.filter(({ bytes, then = 'next' }) => then === 'next' && short(bytes)).map(({ bytes }) => bytes);
const answers = answerCases.filter(({ bytes }) => short(bytes)).map(({ bytes }) => bytes);

const anyRequest = fc.oneof(plainRequest, chunkedRequest, fc.constantFrom(...requests));
const anyAnswer = fc.oneof(plainAnswer, fc.constantFrom(...answers));
const spliced = (message: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(message, message, fc.nat(), fc.nat())
    .map(([one, other, end, start]) => one.slice(0, end % (one.length + 1)) + other.slice(start % (other.length + 1)));
const odd = (message: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(message, { weight: 3, arbitrary: mutated(message) }, { weight: 2, arbitrary: spliced(message) });

interface Case {
  readonly kind: 'request' | 'answer';
  readonly bytes: string;
  /** Where the bytes are cut in two. */
  readonly split: number;
  /** To HEAD. */
  readonly head: boolean;
}

const aCase: fc.Arbitrary<Case> = fc.oneof(
  fc.record({ kind: fc.constant('request' as const), bytes: odd(anyRequest), split: fc.nat(longest), head: fc.constant(false) }),
  fc.record({
    kind: fc.constant('answer' as const),
    bytes: odd(anyAnswer),
    split: fc.nat(longest),
    head: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  }),
);

export interface Fuzzed {
  readonly cases: number;
  readonly stricter: number;
}

/** Throws at the first case that fails, with the smallest one that was found in that time. */
export async function fuzz(until: { readonly ms: number } | { readonly tries: number }, seed: number): Promise<Fuzzed> {
  const stages = { full: await Stage.open('full', hangMs), fast: await Stage.open('fast', hangMs) };
  let stricter = 0;
  const examples = new Map<string, Case>();
  try {
    const property = fc.asyncProperty(aCase, async (each) => {
      const differs = each.kind === 'request' ? await requestDiffers(each, stages) : await answerDiffers(each, stages);
      if (differs === undefined) return;
      stricter++;
      if (process.env['FUZZ_STRICTER'] !== undefined && !examples.has(differs)) {
        examples.set(differs, each);
        console.log(differs, JSON.stringify(each));
      }
    });
    const run = await fc.check(property, {
      seed,
      ...('tries' in until ? { numRuns: until.tries } : { numRuns: 1_000_000_000, interruptAfterTimeLimit: until.ms }),
      markInterruptAsFailure: false,
    });
    if (run.failed) {
      const why = run.errorInstance instanceof Error ? run.errorInstance.message : String(run.errorInstance);
      throw new Error(`seed ${seed}, after ${run.numRuns} cases: ${why}\n${JSON.stringify(run.counterexample?.[0])}`);
    }
    return { cases: run.numRuns, stricter };
  } finally {
    await Promise.all([stages.full.close(), stages.fast.close()]);
  }
}

type Stages = Readonly<Record<'full' | 'fast', Stage>>;

const inTwo = ({ bytes, split }: Case): readonly string[] => {
  const at = split % (bytes.length + 1);
  return at === 0 ? [bytes] : [bytes.slice(0, at), bytes.slice(at)];
};

/** What one lane made of a request, for a comparison. Throws if that is dangerous by itself. */
async function requestDiffers(each: Case, stages: Stages): Promise<string | undefined> {
  const third = await llhttp.requestsIn(each.bytes + next);
  const waits = !third.fault && third.seen.at(-1)?.line !== 'GET /next HTTP/1.1'; // for what does not come
  const told = async (lane: 'full' | 'fast'): Promise<readonly string[]> => {
    const played = await stages[lane].request(inTwo(each), waits ? 'silence' : 'next');
    return [...played.seen, ...(await requestTold(played, lane))];
  };
  const [full, fast] = [await told('full'), await told('fast')];
  return compared(full, fast);
}

async function requestTold({ endpoint, seen, app }: RequestPlayed, lane: string): Promise<readonly string[]> {
  if (app.end === 'hang') throw new Error(`${lane}: it hangs, after ${JSON.stringify(app.text)}`);
  for (const bytes of endpoint) {
    const strict = requestsIn(bytes);
    if (strict.fault !== undefined) throw new Error(`${lane}: the endpoint got ${strict.fault}, in ${JSON.stringify(bytes)}`);
    const third = await llhttp.requestsIn(bytes.slice(0, bytes.length - strict.rest.length));
    const bodies = third.seen.map(({ body }) => body).join('|');
    if (third.fault || bodies !== strict.messages.map(({ body }) => body).join('|'))
      throw new Error(`${lane}: node sees other requests in ${JSON.stringify(bytes)}`);
  }
  const answered = answersIn(
    withoutHeads(app.text),
    seen.map((request) => request.split(' ')[0]!),
    app.end === 'ended',
  );
  if (answered.fault !== undefined || answered.rest !== '')
    throw new Error(`${lane}: the app got ${answered.fault ?? 'half an answer'}, in ${JSON.stringify(app.text)}`);
  const finals = answered.messages.map(({ line }) => line.slice(9, 12)).filter((code) => !code.startsWith('1'));
  const carried = answered.messages
    .filter(({ line, body }) => line.startsWith('HTTP/1.1 200') && body !== '')
    .map(({ body }) => body);
  const heard = seen.filter((request) => !request.startsWith('HEAD '));
  if (carried.some((body, index) => body !== heard[index]))
    throw new Error(`${lane}: the app got ${carried.join()} to ${heard.join()}`);
  return finals;
}

/** A refusal of HEAD has the length of a body that it does not have; nobody else knows by its bytes that it was HEAD. */
const withoutHeads = (text: string): string =>
  text.replace(/(\r\ncontent-length: )\d+(\r\nx-zidecar-error: \w+\r\n(?:.+\r\n)*\r\n)(?!\{)/g, '$10$2');

async function answerDiffers(each: Case, stages: Stages): Promise<string | undefined> {
  const method = each.head ? 'HEAD' : 'GET';
  const request = `${method} / HTTP/1.1\r\nHost: orders\r\n\r\n`;
  const told = async (lane: 'full' | 'fast'): Promise<readonly string[]> =>
    answerTold(await stages[lane].answer(inTwo(each), { request, then: 'end' }), method, lane);
  const [full, fast] = [await told('full'), await told('fast')];
  if (fast[0] === 'whole' && !each.head) await nodeAgrees(each.bytes, fast);
  return compared(full, fast);
}

function answerTold({ app: [first, second] }: AnswerPlayed, method: string, lane: string): readonly string[] {
  const { text, end } = first!;
  if (end === 'hang' || second?.end === 'hang') throw new Error(`${lane}: it hangs, after ${JSON.stringify(text)}`);
  const { messages, fault } = answersIn(text, [method, 'GET'], false);
  if (fault !== undefined) throw new Error(`${lane}: the app got ${fault}, in ${JSON.stringify(text)}`);
  const finals = messages.filter(({ line }) => !line.startsWith('HTTP/1.1 1'));
  const follower = second === undefined ? finals[1] : answersIn(second.text, ['GET'], false).messages[0];
  if (follower?.body !== 'next' || finals.length > (second === undefined ? 2 : 1))
    throw new Error(`${lane}: the next call got another answer, in ${JSON.stringify([text, second?.text])}`);
  const [final] = finals;
  if (final === undefined) return ['cut']; // how much came before it is chance
  if (final.fields.some(([name]) => name === 'x-zidecar-error')) return ['refused'];
  return ['whole', final.line.slice(9, 12), final.body, ...messages.slice(0, -1).map(({ line }) => line.slice(9, 12))];
}

/** What was whole to us is whole to node's parser too, with the same body. */
async function nodeAgrees(bytes: string, [, status, body]: readonly string[]): Promise<void> {
  const seen = await llhttp.answerIn(bytes);
  if (seen !== undefined && (seen.line !== status || seen.body !== body))
    throw new Error(`node sees ${seen.line} ${JSON.stringify(seen.body)}, we saw ${status ?? ''} ${JSON.stringify(body)}`);
}

/** Undefined: the same. Otherwise which lane is stricter; throws if both carry, and not the same. */
function compared(full: readonly string[], fast: readonly string[]): string | undefined {
  if (full.join('\n') === fast.join('\n')) return undefined;
  const less = (one: readonly string[], other: readonly string[]): boolean =>
    one[0] === 'refused' || one[0] === 'cut' || (one[0] !== 'whole' && other[0] !== 'whole' && isPart(one, other));
  if (less(full, fast)) return 'full';
  if (less(fast, full)) return 'fast';
  throw new Error(`the lanes differ: full ${JSON.stringify(full)}, fast ${JSON.stringify(fast)}`);
}

const requestsOf = (told: readonly string[]): readonly string[] => told.filter((each) => !/^\d{3}$/.test(each));
/** Nothing was carried that the other did not carry too. */
const isPart = (one: readonly string[], other: readonly string[]): boolean =>
  requestsOf(one).every((each, index) => each === requestsOf(other)[index]) && requestsOf(one).length <= requestsOf(other).length;
