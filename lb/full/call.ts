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
import type { Ask } from '../balancer.js';
import { address } from '../endpoint.js';
import { CallError } from '../errors.js';
import { hasNoBody } from '../framing.js';
import { answerFields, valuesOf } from '../headers.js';
import type { CallParts, Entrance } from '../lane.js';
import type { Lease } from '../lease.js';
import { failed } from '../outcome.js';
import { refusalAnswer, type Refused } from '../refusal.js';
import { isIdempotent } from '../retry.js';
import { tellAttempt, tellCall, tellStray, type Became } from '../story.js';
import { firstListMs, type Upstream } from '../upstream.js';
import type { Answer, Failed } from './answer.js';
import type { Exchange } from './exchange.js';
import { makePlan, type Plan } from './plan.js';

export async function carry(exchange: Exchange, entrance: Entrance, parts: CallParts): Promise<void> {
  const { clock } = parts;
  const began = clock.now();
  const plan = makePlan(exchange.asked, entrance, parts);
  if ('code' in plan) {
    await exchange.refuse(refusalAnswer(plan, plan.code === 'discovering' ? { retryAfterMs: 1_000 } : {}));
    return tellStray(plan.code, parts, exchange.asked, clock.now() - began);
  }
  const { upstream, requestTimeoutMs } = plan;
  const story: Story = { began, attempts: 0, endpoint: undefined };
  upstream.budget.called(began);

  const stop = new AbortController();
  exchange.onGone((why) => stop.abort(why));
  const stopAlarm = alarm(clock, requestTimeoutMs, () =>
    stop.abort(
      new CallError('request_timeout', `no answer in ${requestTimeoutMs ?? 0} ms, after ${times(story.attempts, 'attempt')}`),
    ),
  );
  const reached = await reach(exchange, plan, stop.signal, story, parts);
  stopAlarm();

  if ('code' in reached) {
    await exchange.refuse(refusalAnswer(reached, reached));
    return tell(exchange, plan, story, reached.code, parts);
  }
  const { lease, answer, fields } = reached;
  const tunnel = answer.status === 101; // a call whose whole answer is that head; it holds its lease until the tunnel closes
  if (tunnel) tell(exchange, plan, story, answer.status, parts);
  const end = await exchange.relay(answer, fields).finally(() => lease.release());
  if (!tunnel) tell(exchange, plan, story, end === 'whole' ? answer.status : end.code, parts);
}

interface Reached {
  readonly lease: Lease;
  readonly answer: Answer;
  readonly fields: readonly string[];
}
type NotReached = Refused & { readonly retryAfterMs?: number };
interface Story {
  readonly began: number;
  attempts: number;
  endpoint: string | undefined;
}

/** Attempts until one is answered, or until there is no more sense in it: then the last failure stands. */
async function reach(
  exchange: Exchange,
  plan: Plan,
  stop: AbortSignal,
  story: Story,
  parts: CallParts,
): Promise<Reached | NotReached> {
  const { upstream, settings, request } = plan;
  const { clock } = parts;
  const listed = await Promise.race([upstream.whenListed(firstListMs), stopped(stop)]);
  if (!listed) return { ...upstream.whyNot('discovering', plan.absolute), retryAfterMs: 1_000 };

  const send = await Promise.race([exchange.sender().catch(couldNotLoad), stopped(stop)]);
  if (send === true) return named(upstream, stop.reason as CallError);
  if ('code' in send) return send;

  const tried: string[] = [];
  const count = { written: 0, unsent: 0 };
  let last: Failed | undefined;
  for (;;) {
    if (stop.aborted) return named(upstream, stop.reason as CallError);
    const ask: Ask = {
      tried,
      again: last !== undefined && (count.written === 0 || last.kept),
      key: plan.key,
      subset: plan.subset,
    };
    const lease = upstream.acquire(ask);
    if (typeof lease === 'string') {
      if (last !== undefined || lease === 'tried_all') return named(upstream, last!);
      return { ...upstream.whyNot(lease, plan.absolute, ask), retryAfterMs: upstream.retryAfterMs() };
    }
    story.attempts++;
    story.endpoint = address(lease.endpoint);
    const sentAt = clock.now();
    const result = passable(await send(lease.endpoint, { upstream, settings, ...request, stop }), exchange, parts);
    const ms = clock.now() - sentAt;
    if (parts.traced()) tellAttempt(upstream, lease.endpoint, result.kind === 'answer' ? result.status : result.code, ms, parts);
    if (result.kind === 'answer') {
      lease.answered({ kind: 'success', ms, status: result.status });
      return { lease, answer: result, fields: result.fields };
    }
    lease.answered(failed(result.code, ms));
    lease.release();
    tried.push(lease.endpoint.id);
    last = result;
    if (result.sent === 'nothing') count.unsent++;
    else count.written++;
    const pauseMs = upstream.retry.next(
      {
        idempotent: isIdempotent(exchange.asked.method),
        replayable: exchange.replayable,
        attempt: count.written,
        unsentTries: count.unsent,
        retries: plan.retries,
      },
      result,
      clock.now(),
    );
    if (pauseMs === undefined) return named(upstream, last);
    if (pauseMs > 0) await clock.sleep(pauseMs, stop).catch(() => undefined);
  }
}

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

const stopped = (stop: AbortSignal): Promise<true> =>
  new Promise((resolve) => stop.addEventListener('abort', () => resolve(true), { once: true }));

/** Too many open files, or ours are gone: no endpoint's fault, so it is told before one is asked. */
const couldNotLoad = (error: unknown): Refused => ({
  code: 'local',
  message: `a part of zidecar that this call needs could not be loaded: ${String(error)}`,
});

const named = (upstream: Upstream, { code, message }: Refused): Refused => ({ code, message: `${upstream.name}: ${message}` });
const times = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** What became of the call: counted always, told where somebody asked for it. */
function tell(
  { asked: { method } }: Exchange,
  { upstream, request: { target }, requestId }: Plan,
  { began, attempts, endpoint }: Story,
  became: Became,
  parts: CallParts,
): void {
  const ms = parts.clock.now() - began;
  upstream.stats.ended(became, ms);
  if (parts.accessLog) tellCall({ upstream, method, target, requestId, attempts, endpoint, ms }, became, parts);
}
