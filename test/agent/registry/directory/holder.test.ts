import { equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fateOf, holderIn, ourselves } from '../../../../agent/registry/directory/holder.js';

describe('the holder of a lease', { skip: process.platform !== 'linux' && 'only Linux tells' }, () => {
  it('is alive while its process is, and dead from its end on', async () => {
    const us = (await ourselves())!;
    equal(await fateOf(us, us), 'alive');
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    const holder = { ...us, pid: child.pid!, started: us.started };
    equal(await fateOf(holder, us), 'dead', 'another process has the id now');
    child.kill('SIGKILL');
    await once(child, 'exit');
    equal(await fateOf(holder, us), 'dead');
  });

  it('is unknown in another boot or another namespace of process ids, and where nothing was written down', async () => {
    const us = (await ourselves())!;
    equal(await fateOf({ ...us, pid: 2 ** 22 + 1, world: 'another' }, us), 'unknown');
    equal(await fateOf(undefined, us), 'unknown');
    equal(await fateOf(us, undefined), 'unknown');
  });

  it('is nobody where the lease holds nonsense', () => {
    for (const nonsense of [
      undefined,
      null,
      7,
      'x',
      {},
      { pid: 0, started: '', world: '' },
      { pid: -1, started: '1', world: 'x' },
    ]) {
      equal(holderIn(nonsense), undefined);
    }
    ok(holderIn({ pid: 1, started: '1', world: 'x' }));
  });
});
