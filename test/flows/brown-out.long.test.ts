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

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)]!;

describe('a brown-out of one of three', { timeout: 600_000 }, () => {
  it('costs callers by latency at most half the p99 of callers by turns', async (t) => {
    const tails: Record<string, number[]> = { round_robin: [], peak_ewma: [] };
    // by turns, so that what else the machine does meets both; the median of three tails of 2,000 calls each
    for (let round = 0; round < 3; round++)
      for (const policy of Object.keys(tails)) {
        const { peers, at, end } = await peersAndCaller(3, { ZIDECAR_POLICY: policy });
        await latencies(at, 300);
        peers[0]!.mood = 'slow'; // 400 ms
        tails[policy]!.push(Math.round(p99(await latencies(at, 2_000))));
        await end();
      }
    t.diagnostic(JSON.stringify(tails));
    const [even, latency] = [tails['round_robin']!, tails['peak_ewma']!].map(median);
    ok(latency! <= even! / 2, JSON.stringify(tails));
  });
});
