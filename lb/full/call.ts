/**
 * A call, from top to bottom: route, look the upstream up, wait for its first list, lease an endpoint, send, classify, settle, again
 * or relay. Every decision is somebody else's (route, upstream, retry, the table of failures); this is the order they are asked in.
 *
 *     plan ──▶ listed? ──▶ acquire ──▶ send ──▶ answered ──▶ relay ──▶ release
 *      │          │          ▲  │        │ failed
 *      └▶ refuse ◀┴──────────┼──┴────────┤
 *                            └── retry ◀─┘
 *
 * It does not know whether it carries a plain exchange or an upgrade, and it never rejects unless there is a fault in here.
 */
import { alarm } from '../alarm.js';
import { address } from '../endpoint.js';
import { CallError } from '../errors.js';
import { hasBody, hasNoBody } from '../framing.js';
import { answerFields, valuesOf } from '../headers.js';
import { isSafe } from '../hedge.js';
import { isOdd, type Became } from '../last-calls.js';
import type { CallParts, Entrance } from '../lane.js';
import { failed, outOfTime, type Outcome } from '../outcome.js';
import { refusalAnswer, type Refused } from '../refusal.js';
import { isRepeated, type CallSoFar } from '../retry.js';
import { retryAfterOf } from '../retry-on.js';
import { tellAttempt, tellCall, tellStray } from '../story.js';
import { Tries } from '../tries.js';
import type { Upstream } from '../upstream.js';
import type { Answer, Failed } from './answer.js';
import type { Exchange } from './exchange.js';
import { hedged, outpaced, type AskOne } from './hedged.js';
import { Held, type Reached } from './held.js';
import { makePlan, type Plan } from './plan.js';
import { Stop } from './stop.js';

export async function carry(exchange: Exchange, entrance: Entrance, parts: CallParts): Promise<void> {
  const { clock } = parts;
  const began = clock.now();
  const plan = makePlan(exchange.asked, entrance, parts);
  if ('code' in plan) {
    await exchange.refuse(refusalAnswer(plan.code === 'discovering' ? { ...plan, retryAfterMs: 1_000 } : plan));
    return tellStray(plan.code, parts, exchange.asked, clock.now() - began);
  }
  if ('answer' in plan) {
    await exchange.refuse(plan.answer);
    return tellStray(plan.answer.status, parts, exchange.asked, clock.now() - began);
  }
  const { upstream, requestTimeoutMs } = plan;
  const story: Story = { began, tries: new Tries() };
  upstream.budget.called(began);

  const stop = new Stop();
  exchange.onGone((why) => stop.now(why));
  const stopAlarm = alarm(clock, requestTimeoutMs, () =>
    stop.now(
      new CallError('request_timeout', `no answer in ${requestTimeoutMs ?? 0} ms, after ${times(story.tries.count, 'attempt')}`),
    ),
  );
  const reached = await reach(exchange, plan, stop, story, parts);
  stopAlarm();

  if ('code' in reached) {
    await exchange.refuse(refusalAnswer(reached));
    return tell(exchange, plan, story, reached.code, parts);
  }
  const { lease, answer } = reached;
  const tunnel = answer.status === 101; // a call whose whole answer is that head; it holds its lease until the tunnel closes
  if (tunnel) tell(exchange, plan, story, answer.status, parts);
  const end = await exchange.relay(answer, answer.fields).finally(() => lease.release());
  if (!tunnel) tell(exchange, plan, story, end === 'whole' ? answer.status : end.code, parts);
}

interface Story {
  readonly began: number;
  readonly tries: Tries;
}

/** Attempts until one is answered, or until there is no more sense in it: then the last answer or failure stands. */
async function reach(
  exchange: Exchange,
  plan: Plan,
  stop: Stop,
  { began, tries }: Story,
  parts: CallParts,
): Promise<Reached | Refused> {
  const { upstream, settings } = plan;
  const { clock } = parts;
  tries.begin(plan.key, plan.subset);
  const unlisted = upstream.listed ? undefined : await Promise.race([upstream.whenListed(), stopped(stop)]);
  if (typeof unlisted === 'string') return upstream.whyNot(unlisted, plan.absolute);

  const sender = exchange.sender();
  const send = typeof sender === 'function' ? sender : await Promise.race([sender.catch(couldNotLoad), stopped(stop)]);
  if (send === true) return named(upstream, stop.reason!);
  if ('code' in send) return send;

  const leftMs = (): number => began + (plan.requestTimeoutMs ?? Infinity) - clock.now();
  const soFar = (): CallSoFar => ({
    idempotent: plan.idempotent,
    replayable: exchange.replayable,
    attempt: tries.written,
    unsentTries: tries.unsent,
    retries: plan.retries,
    on: settings.retryOn,
    leftMs: leftMs(),
  });
  const ask: AskOne = async (lease, stopOne) => {
    const askedAt = clock.now();
    tries.sent(lease.endpoint, askedAt);
    const sending = { upstream, settings, target: plan.target, fields: () => plan.fields(leftMs()), stop: stopOne };
    let came: Answer | Failed;
    try {
      came = await send(lease.endpoint, sending);
    } catch (error) {
      came = faultOfOurs(error);
    }
    const result = passable(came, exchange, parts);
    const now = clock.now();
    const answered = result.kind === 'answer';
    if (parts.traced()) tellAttempt(upstream, lease.endpoint, answered ? result.status : result.code, now - askedAt, parts);
    if (!answered && stopOne.reason === outpaced) lease.answered({ kind: 'outpaced', ms: now - askedAt });
    else lease.answered(said(result, now - (result.bodySentAt ?? askedAt), plan));
    if (!answered) lease.release();
    return { lease, result, at: now };
  };

  const held = new Held();
  for (;;) {
    if (stop.reason !== undefined) return held.take() ?? named(upstream, stop.reason);
    tries.repeatable =
      upstream.triesEarly && upstream.retry.losesNothing({ ...soFar(), replayable: exchange.staysReplayable }, clock.now());
    const after = tries.count > 0 || !mayHedge(exchange) ? undefined : upstream.hedge.delayMs(settings.hedge, clock.now());
    tries.hedged = after !== undefined && upstream.mayHedge(clock.now());
    const lease = upstream.acquire(tries.ask);
    if (typeof lease === 'string') {
      const kept = held.take();
      if (kept !== undefined) return kept;
      if (tries.last !== undefined || lease === 'tried_all') return named(upstream, tries.last!);
      return upstream.whyNot(lease, plan.absolute, tries.ask);
    }
    held.drop();
    const askedAt = clock.now();
    const ended =
      after === undefined ? [await ask(lease, stop)] : await hedged(lease, ask, { after, upstream, tries, clock, stop });
    for (const { lease: lost, result, at } of ended) if (result.kind === 'failed') tries.failed(lost.endpoint, result, at);
    const { lease: asked, result, at } = ended.at(-1)!;
    tries.asked = asked.endpoint;
    let pauseMs: number | undefined;
    if (result.kind === 'failed') {
      pauseMs = upstream.retry.next(soFar(), result, clock.now());
      if (pauseMs === undefined) return named(upstream, result);
    } else {
      const answer = { lease: asked, answer: result };
      if (tries.count > 1) tries.first(asked.endpoint, result.status, at);
      if (settings.hedge === 'p95' && !hasBody(exchange.asked.raw)) upstream.hedge.seen(clock.now() - askedAt, clock.now());
      const { onTrial } = asked;
      const repeatable = isRepeated(settings.retryOn, result.status, onTrial) && result.sent === 'all';
      if (repeatable && upstream.size > tries.count) {
        const retryAfterMs = retryAfterOf(valuesOf(result.fields, 'retry-after'), clock.wall());
        pauseMs = upstream.retry.afterAnswer(
          { ...soFar(), attempt: tries.written + 1 },
          { ...result, retryAfterMs, onTrial },
          clock.now(),
        );
      }
      if (pauseMs === undefined) return answer;
      held.keep(answer);
      tries.answered(
        asked.endpoint,
        result.status,
        `${address(asked.endpoint)} answered ${result.status}, and its answer was lost`,
        at,
      );
    }
    if (pauseMs > 0) await clock.sleep(pauseMs, stop.signal).catch(() => undefined);
  }
}

/** What an attempt says about its endpoint. `ms`: how long that had the request, or the last byte of its body. */
function said(result: Answer | Failed, ms: number, { requestTimeoutMs, settings }: Plan): Outcome {
  if (result.kind === 'answer') return { kind: 'success', ms, status: result.status };
  const ours = result.code === 'request_timeout' && result.sent === 'all' && requestTimeoutMs === settings.requestTimeoutMs;
  return ours ? outOfTime(ms, requestTimeoutMs!) : failed(result.code, ms);
}

const mayHedge = ({ asked: { method, raw, upgrade } }: Exchange): boolean => isSafe(method) && !upgrade && !hasBody(raw);

/** The answer with the fields that the app gets, or, where it cannot be passed on, the failure that it is then. */
function passable(result: Answer | Failed, { asked }: Exchange, { pseudonym }: CallParts): Answer | Failed {
  if (result.kind === 'failed') return result;
  const upgrade = result.status === 101;
  // node throws on a Trailer field where there are no chunks to put one after
  const chunked = valuesOf(result.fields, 'transfer-encoding').length > 0 && !hasNoBody(asked.method, result.status);
  const trailers = asked.version === '1.1' && chunked && !asked.upgrade;
  const fields = answerFields(result.fields, { version: '1.1', pseudonym, upgrade, trailers });
  if (Array.isArray(fields)) return { ...result, fields };
  result.body.destroy();
  return { kind: 'failed', ...fields, sent: 'all', kept: false };
}

const stopped = (stop: Stop): Promise<true> => new Promise((resolve) => stop.heard(() => resolve(true)));

/** Too many open files, or ours are gone: no endpoint's fault, so it is told before one is asked. */
const couldNotLoad = (error: unknown): Refused => ({
  code: 'local',
  message: `a part of zidecar that this call needs could not be loaded: ${String(error)}`,
});

const faultOfOurs = (error: unknown): Failed => ({
  ...{ kind: 'failed', code: 'local', message: `a fault of ours: ${String(error)}` },
  ...{ sent: 'some', kept: false },
});

const named = (upstream: Upstream, { code, message }: Refused): Refused => ({ code, message: `${upstream.name}: ${message}` });
const times = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** What became of the call: counted always, told where somebody asked for it. */
function tell(
  { asked: { method } }: Exchange,
  { upstream, target, requestId }: Plan,
  { began, tries }: Story,
  became: Became,
  parts: CallParts,
): void {
  const ms = parts.clock.now() - began;
  upstream.stats.ended(became, ms);
  if (parts.accessLog || isOdd(tries.count, became))
    tellCall({ upstream, method, target, requestId, began, ms }, tries, became, parts);
}
