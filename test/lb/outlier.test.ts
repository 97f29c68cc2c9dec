import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failed, type Outcome } from '../../lb/outcome.js';
import { defaultOutlier, noAnswers, OutlierDetector, type OutlierOptions } from '../../lb/outlier.js';
import { fc } from '../support/fast-check.js';
import { seeded } from '../support/random.js';

const answer = (status: number, ms = 1): Outcome => ({ kind: 'success', status, ms });

const detecting = (hosts: number, options: Partial<OutlierOptions> = {}) => {
  const detector = new OutlierDetector({ ...defaultOutlier, ...options }, 0);
  const members = Array.from({ length: hosts }, (_, id) => ({ id, ...noAnswers() }));
  /** The evidence of the last of so many. */
  const see = (id: number, outcome: Outcome, times = 1): string | undefined => {
    let why: string | undefined;
    for (let time = 0; time < times; time++) why = detector.seen(members[id]!, outcome);
    return why;
  };
  const turn = (now: number) => detector.turn(members, now).map(({ member: { id }, why }) => `${id}: ${why}`);
  return { detector, see, turn };
};

describe('outlier: answers in a row', () => {
  it('stands out with the fifth 503 in a row, whatever its peers do', () => {
    for (const status of [502, 503, 504]) {
      const { see } = detecting(2);
      equal(see(0, answer(status), 4), undefined);
      equal(see(0, answer(status)), `5 answers of ${status} in a row`);
    }
  });

  it('stands out with the fifth 500 in a row while its peers do better, and says so', () => {
    const { see } = detecting(3);
    see(1, answer(200), 4);
    equal(see(0, answer(500), 4), undefined);
    equal(see(0, answer(500)), '5 answers of 500 in a row while its peers did better');
  });

  it('does not while its peers do no better, or nobody knows of any', () => {
    const { see } = detecting(3);
    equal(see(0, answer(500), 20), undefined);
    see(1, answer(500), 10);
    see(2, answer(500), 10);
    equal(see(0, answer(500), 20), undefined);
  });

  it('asks for more in a row where its peers fail at times', () => {
    const { see } = detecting(2);
    see(1, answer(200), 80);
    see(1, answer(500), 20);
    equal(see(0, answer(500), 8), undefined); // a fifth of what they answer: by chance, 8 in a row come once in 400,000
    match(see(0, answer(500))!, /^9 answers of 500/);
  });

  it('stands out with the fifth hedged call in a row that a peer has answered first, where that is not usual', () => {
    const outpaced: Outcome = { kind: 'outpaced', ms: 60 };
    const { see } = detecting(3);
    see(1, answer(200), 20);
    equal(see(0, outpaced, 4), undefined);
    see(0, answer(200));
    equal(see(0, outpaced, 4), undefined);
    equal(see(0, outpaced), '5 hedged calls in a row were answered first by a peer that was asked later');
    const all = detecting(2);
    for (let turn = 0; turn < 20; turn++) {
      all.see(1, answer(200));
      all.see(1, outpaced);
    }
    equal(all.see(0, outpaced, 19), undefined); // every second call of its peer is outpaced too
  });

  it('counts answers of 500 and outpaced calls as one row, and says which came last', () => {
    const { see } = detecting(3);
    see(1, answer(200), 20);
    see(0, answer(500), 3);
    equal(see(0, { kind: 'outpaced', ms: 1 }), undefined);
    match(see(0, { kind: 'outpaced', ms: 1 })!, /^5 bad answers in a row, the last: later than that of a peer/);
  });

  it('never stands out for 501 and 505, nor for anything below 500', () => {
    const { see } = detecting(2);
    see(1, answer(200), 9);
    for (const status of [501, 505, 404, 429, 301]) equal(see(0, answer(status), 50), undefined);
  });

  it('begins anew with every good answer, and is not interrupted by what is no answer', () => {
    const { see } = detecting(2);
    see(1, answer(200), 9);
    for (let round = 0; round < 5; round++) {
      equal(see(0, answer(503), 4), undefined);
      see(0, answer(404));
    }
    for (const outcome of [answer(503), failed('reset', 1), answer(503), { kind: 'ignored' as const }, answer(502), answer(500)])
      equal(see(0, outcome), undefined);
    equal(see(0, answer(503)), '5 bad answers in a row, the last: 503 while its peers did better');
  });

  it('is never said of anybody by requests that nobody can answer, however they are mixed with others', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 30, max: 100 }), fc.integer(), (hosts, percent, seed) => {
        const random = seeded(seed);
        const { see } = detecting(hosts);
        for (let call = 0; call < 200; call++) see(Math.floor(random() * hosts), answer(random() * 100 < percent ? 500 : 200));
        for (let call = 0; call < 2_000; call++)
          equal(see(Math.floor(random() * hosts), answer(random() * 100 < percent ? 500 : 200)), undefined);
      }),
    );
  });
});

describe('outlier: comparison over an interval', () => {
  it('finds the one whose success lies 1.9 deviations and 5 points below the mean', () => {
    const { see, turn } = detecting(10);
    for (let id = 0; id < 10; id++) see(id, answer(200), 100);
    for (let turn = 0; turn < 50; turn++) {
      see(3, answer(200));
      see(3, answer(500));
    }
    deepEqual(turn(10_000), ['3: 75 % of its answers were good, where all together had 98 %']);
    deepEqual(turn(20_000), []); // what was compared once is over
  });

  it('counts what broke off, not what could not be connected', () => {
    for (const [code, found] of [
      ['reset', 1],
      ['response_timeout', 1],
      ['bad_answer', 1],
      ['connect_refused', 0],
      ['unproven', 0],
    ] as const) {
      const { see, turn } = detecting(10);
      for (let id = 0; id < 10; id++) see(id, answer(200), 100);
      for (let time = 0; time < 50; time++) see(3, failed(code, 1));
      equal(turn(10_000).length, found, code);
    }
  });

  it('finds nobody where all slip alike, or by 4 points only, or where there are too few', () => {
    const alike = detecting(10);
    for (let id = 0; id < 10; id++) for (let call = 0; call < 100; call++) alike.see(id, answer(call % 3 === 0 ? 500 : 200));
    deepEqual(alike.turn(10_000), []);
    const slips = detecting(10);
    for (let id = 0; id < 10; id++)
      for (let call = 0; call < 100; call++) slips.see(id, answer(id === 0 && call % 25 === 1 ? 500 : 200));
    deepEqual(slips.turn(10_000), []);
    const few = detecting(4);
    for (let id = 0; id < 4; id++) for (let call = 0; call < 200; call++) few.see(id, answer(id === 0 && call % 2 ? 500 : 200));
    deepEqual(few.turn(10_000), []);
    const quiet = detecting(10);
    for (let id = 0; id < 10; id++) for (let call = 0; call < 99; call++) quiet.see(id, answer(id === 0 && call % 2 ? 500 : 200));
    deepEqual(quiet.turn(10_000), []);
  });

  it('finds the one that takes three times as long as half of its peers, and 100 ms longer', () => {
    const { see, turn } = detecting(5);
    for (let id = 0; id < 5; id++) see(id, answer(200, id === 2 ? 400 : 50), 100);
    deepEqual(turn(10_000), ['2: its answers took 400 ms, where half of its peers took 50 ms or less']);
    for (let id = 0; id < 5; id++) see(id, answer(200, id === 2 ? 100 : 2), 100);
    deepEqual(turn(20_000), []);
  });

  it('finds nobody once it is off, and goes by another interval as soon as there is one', () => {
    const options = { ...defaultOutlier, intervalMs: 3_600_000 };
    const detector = new OutlierDetector(options, 0);
    equal(detector.due(10_000), false);
    Object.assign(options, { intervalMs: 10_000 }); // as a reload does
    deepEqual([detector.due(9_999), detector.due(10_000)], [false, true]);
    Object.assign(options, { on: false });
    equal(detector.due(10_000), false);
  });

  it('makes nothing of what happened an hour ago', () => {
    const { see, turn } = detecting(10);
    for (let id = 0; id < 10; id++) see(id, answer(id === 0 ? 500 : 200), 100);
    deepEqual(turn(3_600_000), []);
    see(0, answer(500), 20);
    equal(see(0, answer(500)), undefined); // nor of peers that nobody has called for so long
  });
});
