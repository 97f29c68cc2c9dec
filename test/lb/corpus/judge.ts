/**
 * What a play comes to. `unsafe`: two readers could see different messages, one saw what was never sent to it, something hangs, or an answer
 * that broke looks whole. `unlike`: nobody is in danger, and yet it is not what the RFC asks. `ok`: as it is asked.
 */
import type { Carried, Passed } from './case.js';
import type { AnswerPlayed, RequestPlayed } from './play.js';
import { answersIn, requestsIn, type Message } from './strict.js';

export interface Verdict {
  readonly verdict: 'ok' | 'unlike' | 'unsafe';
  readonly why: string;
}

const ok: Verdict = { verdict: 'ok', why: '' };
const unlike = (why: string): Verdict => ({ verdict: 'unlike', why });
const unsafe = (why: string): Verdict => ({ verdict: 'unsafe', why });
const statusOf = ({ line }: Message): number => Number(line.slice(9, 12));
const shown = (value: unknown): string => JSON.stringify(value).slice(0, 400);
const rank = { ok: 0, unlike: 1, unsafe: 2 } as const;
const better = (one: Verdict, other: Verdict): Verdict => (rank[other.verdict] < rank[one.verdict] ? other : one);

export function judgeRequest(played: RequestPlayed, want: Carried, asksNext: boolean): Verdict {
  let verdict = judgedRequest(played, want, asksNext);
  if (want.or !== undefined) verdict = better(verdict, judgeRequest(played, want.or, asksNext));
  if (verdict.verdict !== 'unsafe' || want.harmless === undefined) return verdict;
  return judgedRequest(played, want.harmless, asksNext).verdict === 'ok' ? unlike(verdict.why) : verdict;
}

function judgedRequest({ endpoint, seen, app: { text: app, end } }: RequestPlayed, want: Carried, asksNext: boolean): Verdict {
  if (end === 'hang') return unsafe(`it hangs, after ${shown(app)}`);
  for (const bytes of endpoint) {
    const { fault } = requestsIn(bytes);
    if (fault !== undefined) return unsafe(`an endpoint got ${fault}, in ${shown(bytes)}`);
  }
  const wanted = want.goesOn && asksNext ? [...want.carried, 'GET /next'] : want.carried;
  const stranger = seen.find((request) => !wanted.includes(request));
  if (stranger !== undefined) return unsafe(`an endpoint got ${shown(stranger)}; right is ${shown(wanted)}`);
  if (seen.length > wanted.length) return unsafe(`an endpoint got ${shown(seen)}; right is ${shown(wanted)}`);

  const { messages, fault, rest } = answersIn(
    app,
    seen.map((request) => request.split(' ')[0]!),
    end === 'ended',
  );
  if (fault !== undefined) return unsafe(`the app got ${fault}, in ${shown(app)}`);
  if (rest !== '') return unsafe(`the app got ${shown(rest)} behind all answers`);
  const finals = messages.filter((message) => statusOf(message) >= 200);
  const echoes = finals.filter((message) => statusOf(message) === 200 && message.body !== '').map(({ body }) => body);
  const heard = seen.filter((request) => !request.startsWith('HEAD '));
  if (echoes.some((body, index) => body !== heard[index]))
    return unsafe(`the app got answers ${shown(echoes)} to ${shown(heard)}`);
  const evil = want.never?.find((pattern) => endpoint.some((bytes) => pattern.test(bytes)));
  if (evil) return unsafe(`an endpoint got ${String(evil)}`);

  if (seen.join('\n') !== wanted.join('\n'))
    return unlike(`an endpoint got ${shown(seen)}; right is ${shown(wanted)}; the app got ${shown(app)}`);
  const statuses = want.goesOn && asksNext ? [...want.statuses, [200]] : want.statuses;
  const codes = finals.map(statusOf);
  if (codes.length !== statuses.length || statuses.some((right, index) => !right.includes(codes[index]!)))
    return unlike(`the app got ${shown(codes)}; right is ${shown(statuses)}; ${shown(app)}`);
  const missing = want.there?.find((pattern) => !endpoint.some((bytes) => pattern.test(bytes)));
  if (missing) return unlike(`an endpoint did not get ${String(missing)}, but ${shown(endpoint)}`);
  const untold = want.told?.find((pattern) => !pattern.test(app));
  return untold ? unlike(`the app did not get ${String(untold)}, but ${shown(app)}`) : ok;
}

export function judgeAnswer(played: AnswerPlayed, want: Passed, request: string): Verdict {
  let verdict = judgedAnswer(played, want, request);
  if (want.or !== undefined) verdict = better(verdict, judgeAnswer(played, want.or, request));
  if (verdict.verdict !== 'unsafe' || want.harmless === undefined) return verdict;
  return judgedAnswer(played, want.harmless, request).verdict === 'ok' ? unlike(verdict.why) : verdict;
}

function judgedAnswer({ app, reused }: AnswerPlayed, want: Passed, request: string): Verdict {
  const method = request.split(' ')[0]!;
  const [{ text: bytes, end }, second] = [app[0]!, app[1]];
  if (app.some((came) => came.end === 'hang')) return unsafe(`it hangs, after ${shown(bytes)}`);
  const { messages, rest, fault } = answersIn(bytes, [method, 'GET'], end === 'ended' && request.includes(' HTTP/1.0'));
  if (fault !== undefined) return unsafe(`the app got ${fault}, in ${shown(bytes)}`);
  const finals = messages.filter((message) => statusOf(message) >= 200);
  const follower = second === undefined ? finals[1] : answersIn(second.text, ['GET'], false).messages[0];
  if (follower === undefined && second === undefined && finals.length > 0 && rest === '')
    return unlike(`the next call was not answered: ${shown(app)}`);
  if (follower?.body !== 'next' || finals.length > (second === undefined ? 2 : 1))
    return unsafe(`the next call got another answer: ${shown(app)}`);
  if (reused && want.discarded) return unsafe('the connection to the endpoint was used again');

  const [first] = finals;
  const evil = want.never?.find((pattern) => pattern.test(bytes));
  if (evil) return unsafe(`the app got ${String(evil)}`);
  if (first === undefined) {
    const status = Number(/^HTTP\/1\.1 ([2-5]\d\d)/.exec(rest)?.[1] ?? 0);
    if (want.whole) return unlike(`the answer was cut, after ${shown(bytes)}`);
    return status === want.status || rest === '' ? ok : unlike(`the app got a cut ${status}; right is ${want.status}`);
  }
  const status = statusOf(first);
  const refused = first.fields.some(([name]) => name === 'x-zidecar-error');
  if (refused && want.status !== 502) return unlike(`it was refused: ${first.body}`);
  if (!want.whole) return unsafe(`a cut answer looks whole: ${shown(bytes)}`);
  if (refused) return ok;
  if (want.status === 502 && status !== 502) return unsafe(`the app got ${shown(bytes)}; right is a refusal`);
  if (status !== want.status || first.body !== want.body)
    return unsafe(`the app got ${shown(bytes)}; right is ${want.status} ${shown(want.body)}`);
  const informed = messages.map(statusOf).filter((code) => code < 200);
  if (informed.join() !== want.informed.join()) return unlike(`the app got ${shown(informed)}; right is ${shown(want.informed)}`);
  const missing = want.there?.find((pattern) => !pattern.test(bytes));
  return missing ? unlike(`the app did not get ${String(missing)}, but ${shown(bytes)}`) : ok;
}
