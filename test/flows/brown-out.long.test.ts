/** One of three peers turns slow and fails nothing, at load: what callers wait by turns, and by latency, through the built program with its defaults. */
import { ok } from 'node:assert/strict';
import { Agent } from 'node:http';
import { describe, it } from 'node:test';
import { call } from '../support/calls.js';
import { peersAndCaller } from './peers.js';

/** Of each call, in order; some at a time, each with a pause behind it. */
async function latencies(at: string, count: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const times: number[] = [];
  const worker = async (): Promise<void> => {
    while (times.length < count) {
      const began = performance.now();
      await call(at, 'orders', { agent });
      times.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  agent.destroy();
  return times.sort((a, b) => a - b);
}

const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)]!;

describe('a brown-out of one of three', { timeout: 120_000 }, () => {
  it('costs callers by latency at most half the p99 of callers by turns', async (t) => {
    const tails: Record<string, number> = {};
    for (const policy of ['round_robin', 'peak_ewma']) {
      const { peers, at, end } = await peersAndCaller(3, { ZIDECAR_POLICY: policy });
      t.after(end);
      await latencies(at, 300);
      peers[0]!.mood = 'slow'; // 400 ms
      tails[policy] = p99(await latencies(at, 2_000));
    }
    t.diagnostic(JSON.stringify(tails));
    ok(tails['peak_ewma']! <= tails['round_robin']! / 2, JSON.stringify(tails));
  });
});
