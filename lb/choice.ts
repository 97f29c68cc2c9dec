/**
 * Whom one call is sent to. Standings say who may be asked and the balancer whose turn it is; here is the order in which the chances of a call
 * are looked at, and what becomes of those that are out.
 *
 *     one that is out, as its trial before its time ─▶ whose turn it is ─▶ a suspect ─▶ somebody tried before, or anybody who is out
 *          one repeatable call of a hundred              │
 *                                                        └ its trial is due: rather a call that can be repeated, for a moment
 */
import type { Ask, Balancer } from './balancer.js';
import type { Evidence } from './evidence.js';
import type { Member } from './member.js';

/** So many endpoints whose trial is due are passed over by one call. */
const mostSpared = 3;

export class Choice {
  readonly #balancer: Balancer;
  readonly #evidence: Evidence;

  constructor(balancer: Balancer, evidence: Evidence) {
    this.#balancer = balancer;
    this.#evidence = evidence;
  }

  /** Undefined: there is nobody. */
  of(ask: Ask, now: number): Member | undefined {
    const evidence = this.#evidence;
    return (
      evidence.early(ask, now, false) ??
      this.#turn(ask, now) ??
      this.#suspect(ask) ??
      (ask.again ? this.#pick({ ...ask, tried: [] }, now) : evidence.early(ask, now, true))
    );
  }

  #turn(ask: Ask, now: number): Member | undefined {
    const first = this.#pick(ask, now);
    if (first === undefined || ask.repeatable === true || !this.#evidence.circuits.spares(first, now)) return first;
    let member: Member | undefined = first;
    let { tried } = ask;
    for (let turn = 0; turn < mostSpared && member !== undefined && this.#evidence.circuits.spares(member, now); turn++) {
      tried = [...tried, member.endpoint.id];
      member = this.#pick({ ...ask, tried }, now);
    }
    return member ?? first;
  }

  #suspect(ask: Ask): Member | undefined {
    const { standings } = this.#evidence;
    if (standings.suspects.size === 0) return undefined;
    const fits = (member: Member): boolean => this.#balancer.fits?.(ask, member) ?? true;
    return standings.untriedSuspect(ask.tried, fits, this.#balancer.crowd?.(ask)?.panic);
  }

  #pick(ask: Ask, now: number): Member | undefined {
    return this.#balancer.pick(ask, now) as Member | undefined;
  }
}
