import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { clock } from '../../agent/system.js';
import { makeLog, type Log, type LogOptions } from '../../agent/log.js';
import type { Fact } from '../../agent/events.js';

const opened: Fact = {
  kind: 'circuit_opened',
  upstream: 'orders',
  endpoint: '10.1.2.3:8080',
  why: '5 connects refused',
  forMs: 1_000,
};
const attempt: Fact = { kind: 'attempt_ended', upstream: 'orders', endpoint: '10.1.2.3:8080', result: 'success', ms: 3 };
const warned: Fact = { kind: 'warned', why: 'careful' };
const call: Fact = {
  kind: 'call_ended',
  upstream: 'orders',
  method: 'GET',
  target: '/',
  requestId: 'r1',
  status: 200,
  attempts: 1,
  ms: 1,
};
const hostile: Fact = {
  kind: 'znode_ignored',
  service: 'orders',
  path: '/a\n{"level":"fatal"}\r\u001b[2J',
  reason: 'not_json',
  detail: '\u202e\u2028\u009b2J\ud800',
};

const noon = new Date(2026, 10, 22, 12, 4, 10).getTime();

async function logged(options: Partial<LogOptions> = {}, isTTY = false): Promise<{ log: Log; lines: string[] }> {
  const lines: string[] = [];
  const stream = { isTTY, write: (line: string) => lines.push(line) };
  const log = await makeLog({
    level: 'info',
    format: 'json',
    accessLog: false,
    wall: () => noon,
    after: (ms, run) => clock.after(ms, run),
    stream,
    ...options,
  });
  return { lines, log };
}

describe('log', () => {
  it('writes a transition as one line of JSON: level, time, the fact, and the sentence', async () => {
    const { log, lines } = await logged();
    log.emit(opened);
    equal(lines.length, 1);
    ok(lines[0]!.endsWith('}\n'));
    deepEqual(JSON.parse(lines[0]!), {
      level: 'info',
      time: new Date(noon).toISOString(),
      ...opened,
      msg: 'orders: circuit of 10.1.2.3:8080 open for 1 s: 5 connects refused',
    });
  });

  it('writes a plain line in the pretty format: the time of day, the level and the sentence', async () => {
    const { log, lines } = await logged({ format: 'pretty' });
    log.emit(opened);
    deepEqual(lines, ['[12:04:10] INFO: orders: circuit of 10.1.2.3:8080 open for 1 s: 5 connects refused\n']);
  });

  const formats: readonly (readonly [LogOptions['format'], boolean, RegExp])[] = [
    ['auto', false, /^\{/],
    ['auto', true, /INFO/],
    ['json', true, /^\{/],
    ['pretty', false, /^\[12/],
  ];
  for (const [format, isTTY, shape] of formats)
    it(`${format} on ${isTTY ? 'a terminal' : 'a pipe'} gives lines like ${String(shape)}`, async () => {
      const { log, lines } = await logged({ format }, isTTY);
      log.emit(opened);
      match(lines[0]!, shape);
    });

  it('colours the pretty format on a terminal only, and not where that was refused', async () => {
    const coloured = async (colour: boolean | undefined, isTTY: boolean): Promise<boolean> => {
      const { log, lines } = await logged({ format: 'pretty', ...(colour === undefined ? {} : { colour }) }, isTTY);
      log.emit(opened);
      return lines[0]!.includes('\u001b');
    };
    deepEqual(
      [await coloured(undefined, true), await coloured(undefined, false), await coloured(false, true)],
      [true, false, false],
    );
  });

  for (const format of ['json', 'pretty'] as const)
    it(`keeps text of others on one line and free of controls in ${format}`, async () => {
      const { log, lines } = await logged({ format });
      log.emit(hostile);
      equal(lines.length, 1);
      ok(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(lines[0]!.trimEnd()), JSON.stringify(lines[0]));
    });

  it('tells attempts at trace only, and says beforehand whether it would', async () => {
    const { log, lines } = await logged();
    log.emit(attempt);
    equal(log.wants('trace'), false);
    log.setLevel('trace');
    log.emit(attempt);
    deepEqual([log.wants('trace'), log.level, lines.length], [true, 'trace', 1]);
  });

  it('takes a new level at once', async () => {
    const { log, lines } = await logged();
    log.setLevel('warn');
    log.emit(opened);
    log.emit(warned);
    log.setLevel('silent');
    log.emit(warned);
    equal(lines.length, 1);
    match(lines[0]!, /"level":"warn".*careful/);
    equal(log.wants('error'), false);
  });

  it('tells calls only where the access log is on', async () => {
    for (const accessLog of [false, true]) {
      const { log, lines } = await logged({ accessLog, level: 'trace' });
      log.emit(call);
      equal(lines.length, Number(accessLog));
    }
  });
});

/** A program with a log on its standard output. */
const program = (body: string): string => `
  import { makeLog } from ${JSON.stringify(new URL('../../agent/log.js', import.meta.url).href)};
  import { clock } from ${JSON.stringify(new URL('../../agent/system.js', import.meta.url).href)};
  process.stdout; // asked for, as main.ts does
  const log = await makeLog({ level: 'info', format: 'json', accessLog: true, wall: Date.now, after: clock.after });
  const carry = (count) => { for (let i = 0; i < count; i++) log.emit({ ...${JSON.stringify(call)}, requestId: 'r' + i }); };
  const tell = (count, text = '') => { for (let i = 0; i < count; i++) log.emit({ kind: 'warned', why: text + i }); };
  const whenTold = (run) => { process.stdin.once('data', run); process.stderr.write('ready'); };
  ${body}`;

interface Started {
  readonly child: ChildProcess;
  /** Begins to read what the program writes. */
  readonly read: () => Readable;
  /** The reader goes away. */
  readonly leave: () => void;
}

/** What node gives its children: a pair of sockets. */
function onSocket(body: string): Started {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program(body)]);
  return { child, read: () => child.stdout, leave: () => void child.stdout.destroy() };
}

/** What a shell and a container have. Until it is read, nobody takes anything out of it. */
function onPipe(body: string): Started {
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-log-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  rmSync(folder, { recursive: true });
  const child = spawn(process.execPath, ['--input-type=module', '-e', program(body)], { stdio: ['pipe', writer, 'pipe'] });
  closeSync(writer);
  return { child, read: () => new Socket({ fd: reader, readable: true, writable: false }), leave: () => closeSync(reader) };
}

const exitOf = async (child: ChildProcess): Promise<number | null> => ((await once(child, 'exit')) as [number | null])[0];
const saidBy = async (child: ChildProcess): Promise<string> =>
  ((await once(child.stderr!.setEncoding('utf8'), 'data')) as [string])[0];

for (const [what, start] of [
  ['a socket', onSocket],
  ['a pipe', onPipe],
] as const)
  describe(`log on ${what}`, { concurrency: true }, () => {
    it('has written every line when the process exits', async () => {
      const { child, read } = start('tell(2000); process.exit(3);');
      let out = '';
      const stream = read()
        .setEncoding('utf8')
        .on('data', (chunk: string) => (out += chunk));
      const [code] = await Promise.all([exitOf(child), once(stream, 'close')]);
      const lines = out.trimEnd().split('\n');
      deepEqual([code, lines.length], [3, 2000]);
      match(lines.at(-1)!, /"msg":"1999"/);
    });

    it('lets the process run on while nobody reads, drops what is beyond a bound, and counts it', async () => {
      const { child, leave } = start(
        `tell(4000, 'x'.repeat(400)); setTimeout(() => { process.stderr.write('lost ' + log.lost); process.kill(process.pid, 'SIGKILL'); }, 1);`,
      );
      match(await saidBy(child), /^lost \d{3,}$/);
      leave();
    });

    it('goes on with what has waited once somebody reads', async () => {
      const { child, read } = start(`tell(1000, 'x'.repeat(400)); whenTold(() => process.exit(0));`);
      equal(await saidBy(child), 'ready');
      let out = '';
      const stream = read().setEncoding('utf8');
      for await (const chunk of stream) {
        out += chunk as string;
        if (out.includes('x999"}\n')) child.stdin!.write('end');
      }
      equal(out.split('\n').length, 1001);
    });

    it('survives a reader that has gone', async () => {
      const { child, read } = start(
        `setInterval(() => tell(1), 1); whenTold(() => setInterval(() => { if (log.lost === 0) return; process.stderr.write('lost ' + log.lost); process.exit(0); }, 1));`,
      );
      const stream = read();
      await Promise.all([once(stream, 'data'), saidBy(child)]);
      stream.destroy();
      await once(stream, 'close');
      child.stdin!.write('end'); // it ends when a line has met the closed pipe
      const [said, code] = await Promise.all([saidBy(child), exitOf(child)]);
      match(said, /^lost [1-9]/);
      equal(code, 0);
    });

    it('ends with the process though nobody reads', async () => {
      const { child, leave } = start(`tell(4000, 'x'.repeat(400)); process.exit(3);`);
      equal(await exitOf(child), 3);
      leave();
    });

    it('ends with the process though the reader has gone before the first line', async () => {
      const { child, leave } = start('whenTold(() => { tell(3); process.exit(3); });');
      await saidBy(child);
      leave();
      child.stdin!.write('end');
      equal(await exitOf(child), 3);
    });
  });

it('a log on a pipe ends with the process though nobody reads, and a child of ours has set the pipe to wait', async () => {
  const { child, leave } = onPipe(`
      import { spawn } from 'node:child_process';
      spawn('true', { stdio: 'inherit' }).on('exit', () => { tell(4000, 'x'.repeat(400)); process.exit(3); });`);
  equal(await exitOf(child), 3);
  leave();
});

describe('what one turn says of its calls', { concurrency: true }, () => {
  /** What comes out, of a program that reads nothing and ends by itself. */
  const said = async ({ child, read }: Started): Promise<string[]> => {
    let out = '';
    for await (const chunk of read().setEncoding('utf8')) out += chunk as string;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return out.trimEnd().split('\n');
  };

  it('leaves in few writes, of whole lines each', async () => {
    const started = onPipe(`
      import { readFileSync } from 'node:fs';
      const writes = () => Number(/syscw: (\\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))[1]);
      const before = writes();
      carry(200);
      setImmediate(() => setImmediate(() => process.stderr.write('writes ' + (writes() - before))));`);
    const told = saidBy(started.child);
    const lines = await said(started);
    const ids = lines.map((line) => (JSON.parse(line) as { requestId: string }).requestId);
    deepEqual(
      ids,
      Array.from({ length: 200 }, (_, index) => `r${index}`),
    );
    const writes = Number(/\d+/.exec(await told)![0]);
    ok(writes < 40, `${writes} writes for 200 lines`);
  });

  for (const [what, end, code] of [
    ['an error that nobody catches', `throw new Error('on purpose')`, 1],
    ['process.exit', 'process.exit(3)', 3],
  ] as const)
    it(`is written though the turn ends with ${what}`, async () => {
      const started = onPipe(`carry(3); ${end};`);
      equal((await said(started)).length, 3);
      equal(started.child.exitCode, code);
    });

  it('is written before a line of anything else, which waits for no end of a turn', async () => {
    const lines = await said(onPipe(`carry(1); tell(1); process.kill(process.pid, 'SIGKILL'); for (;;);`));
    deepEqual(
      lines.map((line) => (JSON.parse(line) as { kind: string }).kind),
      ['call_ended', 'warned'],
    );
  });

  it('is counted line by line where it cannot be written', async () => {
    const { child, leave } = onPipe(
      `whenTold(() => { carry(3); setImmediate(() => setImmediate(() => process.exit(log.lost))); });`,
    );
    await saidBy(child);
    leave();
    child.stdin!.write('end');
    equal(await exitOf(child), 3);
  });
});
