/** Short runs of the simulator: what the defaults and the policies are chosen for. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { policyOnly } from './facts.js';
import { play, type Result, type Scenario } from './play.js';
import { many, scenarios } from './scenarios.js';

const short = (scenario: Scenario): Scenario => ({
  ...scenario,
  ...{ workers: 2, callers: Math.ceil(scenario.callers / 3) },
  lengthMs: Math.min(scenario.lengthMs, (scenario.untilMs ?? Infinity) + 2_000),
});
const unprotected = { circuits: false, ejection: false };
const numbers = ({ calls, p50, p99, failedPercent, mostHeld }: Result): number[] => [calls, p50, p99, failedPercent, mostHeld];

describe('in a simulated fleet', () => {
  it('the same seed gives the same numbers, and another one others', () => {
    const calm = { ...short(scenarios.calm), lengthMs: 12_000 };
    const [one, again, other] = [7, 7, 8].map((seed) => numbers(play(calm, policyOnly('peak_ewma'), seed)));
    deepEqual(again, one);
    ok(other!.join() !== one!.join());
  });

  it('a brown-out costs callers with peak_ewma at most half the p99 of round robin', () => {
    const [even, latency] = (['round_robin', 'peak_ewma'] as const).map((policy) =>
      play(short(scenarios.brownOut), { ...policyOnly(policy), ...unprotected }, 1),
    );
    ok(latency!.p99 <= even!.p99 / 2, `${latency!.p99} ms against ${even!.p99} ms`);
  });

  it('two choices have a shorter tail than chance', () => {
    const [chance, choices] = (['random', 'least_request'] as const).map((policy) =>
      play({ ...short(scenarios.calm), load: 0.8, lengthMs: 30_000 }, policyOnly(policy), 1),
    );
    ok(choices!.p99 < chance!.p99, `${choices!.p99} ms against ${chance!.p99} ms`);
  });

  it('a death costs no call', () => {
    const { failedPercent, attemptsPerCall } = play(short(scenarios.dying), policyOnly('weighted_round_robin'), 1);
    equal(failedPercent, 0);
    ok(attemptsPerCall < 1.02, String(attemptsPerCall));
  });

  it('the loss of a zone costs no call, whether our zone comes first or not', () => {
    for (const zone of [{}, { zone: 'a' }])
      equal(
        play({ ...scenarios.zoneLoss, lengthMs: 25_000 }, { ...policyOnly('weighted_round_robin'), ...zone }, 1).failedPercent,
        0,
      );
  });

  it('a newcomer that is cold hurts less when it starts slowly, and is flooded by nobody', () => {
    const setup = policyOnly('weighted_round_robin');
    const [atOnce, slowly] = [false as const, 30_000].map((slowStart) =>
      play(short(scenarios.newcomer), { ...setup, slowStart }, 1),
    );
    ok(slowly!.p99 < atOnce!.p99 && slowly!.mostHeld < atOnce!.mostHeld / 2, `${slowly!.p99} ${atOnce!.p99}`);
    for (const policy of ['least_request', 'peak_ewma'] as const) {
      const { servers } = play(short(scenarios.newcomer), policyOnly(policy), 1);
      const old = servers.slice(0, -1).reduce((sum, { served }) => sum + served, 0) / (servers.length - 1);
      ok(servers.at(-1)!.served < old, `${policy}: ${servers.at(-1)!.served} of the newcomer, ${old} of others`);
    }
  });

  it('calls that all fail are sent again no more often than the budget has it', () => {
    const callers = 4;
    const dark: Scenario = {
      ...{ ...short(scenarios.correlated), name: 'dark', callers, load: 0.5, lengthMs: 30_000, fromMs: 0 },
      script: ({ become, servers }) => become(servers, { silent: 1 }),
    };
    const { calls, attemptsPerCall } = play(dark, { ...policyOnly('weighted_round_robin'), ...unprotected }, 1);
    const most = 1.2 + (callers * 30 * 3) / calls + 0.01;
    ok(attemptsPerCall <= most, `${attemptsPerCall} attempts a call, where ${most} may be`);
  });

  it('one that answered 500 is back within a second, and one that comes and goes costs little more than one that stays ill', () => {
    const setup = policyOnly('weighted_round_robin');
    const few = (scenario: Scenario): Scenario => ({ ...short(scenario), callers: 3, load: 0.3, lengthMs: 36_000 });
    const [again, post] = [false, true].map((once) => play(few(scenarios.ill), { ...setup, once }, 1));
    ok(again!.backMs! <= 1_000 && post!.backMs === Infinity, `${again!.backMs} ${post!.backMs}`);
    const [flapping, held] = [false, true].map((once) => play(few(scenarios.comesAndGoes), { ...setup, once }, 1));
    const lost = ({ failedPercent, calls }: Result): number => (failedPercent * calls) / 100;
    ok(lost(flapping!) <= 3 * lost(held!), `${lost(flapping!)} ${lost(held!)}`);
  });

  it('a second send beside a slow one shortens the tail, and costs a twentieth of the calls', () => {
    const setup = { ...policyOnly('weighted_round_robin'), ...unprotected };
    const slow = { ...short(scenarios.slow), load: 0.3, fromMs: 5_000, lengthMs: 15_000 };
    const [plain, hedged] = [undefined, 'p95' as const].map((hedge) => play(slow, { ...setup, hedge }, 1));
    ok(hedged!.p99 < plain!.p99 && hedged!.attemptsPerCall < 1.08, `${hedged!.p99} ${plain!.p99} ${hedged!.attemptsPerCall}`);
  });

  it('a limit of calls refuses at once what is too much, so that others are served in time', () => {
    const setup = policyOnly('weighted_round_robin');
    const load = (ms: number): number => (ms >= 2_000 ? 2 : 0.5);
    const much = { ...short(scenarios.tooMuch), load, fromMs: 2_000, untilMs: 6_000, lengthMs: 8_000 };
    const [free, limited] = [1_024, 8].map((requests) => play(much, { ...setup, limits: { requests } }, 1));
    ok(limited!.failedPercent > 10 && limited!.p99 < free!.p99 / 5, `${limited!.p99} ${free!.p99} ${limited!.failedPercent}`);
  });

  it('calls by a key meet whom they met before, where turns would take them to somebody new', () => {
    const keyed = {
      ...short(scenarios.keyed),
      keys: 2_000,
      fromMs: 10_000,
      lengthMs: 15_000,
      load: 0.1,
      script: () => undefined,
    };
    const [turns, maglev] = (['weighted_round_robin', 'maglev'] as const).map((policy) => play(keyed, policyOnly(policy), 1));
    ok(maglev!.newPercent! * 2 < turns!.newPercent!, `${maglev!.newPercent} ${turns!.newPercent}`);
  });

  it('checks whose pages all lie cost no call, for too few would be left', () => {
    const check = { path: '/health', intervalMs: 1_000, timeoutMs: 1_000, rise: 2, fall: 3 };
    const lying = { ...short(scenarios.lyingPages), load: 0.2, lengthMs: 28_000 };
    const [pardoned, held] = [50, 0].map((panic) => play(lying, { ...policyOnly('weighted_round_robin'), check, panic }, 1));
    ok(pardoned!.failedPercent === 0 && held!.failedPercent > 50, `${pardoned!.failedPercent} ${held!.failedPercent}`);
  });

  it('numbers of endpoints and callers are no matter', () => {
    for (const scenario of [many(1_000, 10), many(10, 1_000)]) {
      const { failedPercent, calls } = play({ ...scenario, lengthMs: 1_500, fromMs: 500 }, policyOnly('peak_ewma'), 1);
      ok(calls > 30 && failedPercent < 5, `${calls} calls, ${failedPercent} % failed`);
    }
  });
});

describe('npm run simulate', () => {
  const said = (...args: string[]): Promise<readonly [code: unknown, out: string, err: string]> =>
    new Promise((resolve) => {
      const program = fileURLToPath(new URL('simulate.js', import.meta.url));
      execFile(process.execPath, [program, ...args], (error, out, err) => resolve([error?.code ?? 0, out, err]));
    });

  for (const [args, problem] of [
    [['nosuch'], /^no scenario's name holds "nosuch"; there are: calm; a slow one; /],
    [['calm', '1.5'], /^"1.5" is no seed, which is a whole number from 0 to 4294967295/],
    [['calm', 'x'], /^"x" is no seed/],
    [['calm', '1', '2'], /^npm run simulate -- \[word\] \[seed\]: "2" is too much; a word with blanks goes in quotes/],
    [['--seed', '2'], /^"--seed" is no option; npm run simulate -- --help/],
    [['-v'], /^"-v" is no option/],
  ] as const)
    it(`plays nothing and says what is wrong with ${args.join(' ')}`, async () => {
      const [code, out, err] = await said(...args);
      deepEqual([code, out], [64, '']);
      match(err, problem);
    });

  for (const option of ['--help', '-h'])
    it(`tells with ${option} what it takes, and an example that can be run`, async () => {
      const [code, out, err] = await said(option);
      deepEqual([code, err], [0, '']);
      match(out, /^npm run simulate -- \[word\] \[seed\] {5}[^]*^ {2}calm {2,}nothing happens$/m);
      const [, word, seed] = /^ {2}npm run simulate -- "(.+)" (\d+)$/m.exec(out)!;
      if (option === '-h') match((await said(word!, seed!))[1], new RegExp(`^\n${word}: [^]*^weighted_round_robin `, 'm'));
    });
});
