import { deepEqual, equal, match, ok, throws } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chosen, parseArguments } from './arguments.js';
import { flagsOfImage, lanesOf } from './contenders/zidecar.js';
import { bars } from './plot.js';
import { busyMs, busyMsOf, bytesOf, cpuMs, cpuMsOf, residentBytes } from './proc.js';
import { median, ratio, spread } from './statistics.js';

describe('what Linux tells of processes', () => {
  it('is user and system time, whatever the program is called', () => {
    const after = 'S 1 77 77 0 -1 4194560 900 0 3 0 250 130 7 9 20 0 11 0 42 1 2';
    equal(cpuMsOf(`77 (node) ${after}`), 3_800);
    equal(cpuMsOf(`77 (a) b (c d) ${after}`), 3_800);
  });

  it('counts as busy what is neither idle nor waiting for a disk, and what the machine below took', () => {
    equal(busyMsOf('cpu  100 10 50 9000 800 3 4 5 0 0\ncpu0 50 5 25 4500 400 1 2 2 0 0\n'), 1_720);
  });

  it('is bytes of memory, and nothing of a process without any', () => {
    equal(bytesOf('Name:\tnode\nVmHWM:\t  90000 kB\nVmRSS:\t  84384 kB\n', 'VmRSS'), 84_384 * 1_024);
    equal(bytesOf('Name:\tkthreadd\n', 'VmRSS'), 0);
  });

  it('can be read of this process', () => {
    ok(cpuMs(process.pid) > 0);
    ok(busyMs() >= cpuMs(process.pid));
    ok(residentBytes(process.pid) > 10e6);
    equal(cpuMs(2 ** 30), 0);
  });
});

describe('the numbers of rounds', () => {
  it('have a median that one bad round does not move', () => {
    equal(median([36, 35, 37, 400, 36]), 36);
    equal(median([1, 2, 3, 4]), 2.5);
    ok(Number.isNaN(median([])));
  });

  it('are held against another within each round, so that a slow round slows both', () => {
    equal(ratio([50, 100, 52], [100, 200, 104]), 0.5);
    equal(ratio([50, 7], [100]), 0.5);
    ok(Number.isNaN(ratio([50], [])));
  });

  it('spread without their extremes', () => {
    equal(spread([10, 9, 11, 1, 100]), 0.1);
  });
});

describe('the lanes of a build', () => {
  it('are the sums of whatever has a label of that name', () => {
    const metrics =
      'zidecar_calls_total{service="a",lane="fast"} 5\nzidecar_calls_total{lane="fast",service="b"} 2\nzidecar_x{lane="full"} 1\n';
    deepEqual(lanesOf(`# HELP zidecar_calls_total lane="odd"\n${metrics}`), { fast: 7, full: 1 });
    deepEqual(lanesOf('zidecar_watches 3\n'), {});
  });
});

describe('the flags of node in the image', () => {
  it('stand between node and the program', () => {
    const dockerfile = 'FROM a\nENTRYPOINT ["/bin/node", "--one=2", "--two", "/main.js"]\nCMD ["run"]\n';
    deepEqual(flagsOfImage(dockerfile), ['--one=2', '--two']);
    deepEqual(flagsOfImage('ENTRYPOINT ["node", "/main.js"]\n'), []);
    throws(() => flagsOfImage('FROM a\n'), /no ENTRYPOINT/);
  });
});

describe('the command line of the benchmark', () => {
  const all = ['1k-1', '1k-32', '64k', 'zidecar', 'zidecar-full'].map((id) => ({ id }));
  const ids = (...names: string[]): string =>
    chosen(all, names, 'workload')
      .map(({ id }) => id)
      .join(' ');

  it('chooses by name, by the beginning of names, or all', () => {
    equal(ids('zidecar'), 'zidecar');
    equal(ids('1k', '64k'), '1k-1 1k-32 64k');
    equal(ids(), '1k-1 1k-32 64k zidecar zidecar-full');
    throws(() => ids('2k'), /no workload is called 2k; there are 1k-1, 1k-32/);
  });

  it('refuses what cannot be meant', () => {
    throws(() => parseArguments(['--rounds', '-1']), /rounds/);
    throws(() => parseArguments(['--cores', '1,1']), /two different cores/);
    throws(() => parseArguments(['--fast']), /--fast/);
    deepEqual(parseArguments(['--cores', '3,2']).cores, [3, 2]);
  });
});

describe('a plot', () => {
  it('cuts a bar that is too long, and says how long it is', () => {
    const svg = bars({
      title: 'a < b',
      unit: 'x',
      longest: 5,
      mark: 1,
      groups: [{ label: '', bars: [{ label: 'z', value: 12.3 }] }],
    });
    match(svg, /a &#60; b/);
    match(svg, /12\.3 <tspan[^>]*>\(cut\)/);
    match(svg, /<\/svg>\n$/);
  });
});
