import { equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inWords, translate } from '../../../../agent/registry/directory/trouble.js';
import { RegistryError } from '../../../../agent/registry/tree.js';

const refused = (code: string, more: object = {}): Error =>
  Object.assign(new Error(`${code}: said`), { code, path: '/tree', ...more });

describe('what a file system refuses', () => {
  it('is told with what to do', () => {
    const cases: readonly (readonly [Error, RegExp])[] = [
      [refused('ENOENT'), /^there is no folder \/tree: create it \(mkdir -p \/tree\)/],
      [
        refused('ENOENT', { path: '/tree/.zidecar/lock' }),
        /lock is gone: .* the session goes on when it is back, and a new one begins in an empty folder$/,
      ],
      [refused('ENOTDIR'), /^\/tree is not a folder: name one in ZIDECAR_ZOOKEEPER=dir:PATH$/],
      [refused('EACCES'), /^this user may not write in \/tree .*: allow it, or name another/],
      [refused('EROFS'), /^this user may not write/],
      [refused('EPERM'), /^this user may not write/],
      [refused('EPERM', { syscall: 'link' }), /^\/tree has no hard links .*: use a local disk or tmpfs$/],
      [refused('ENOSPC'), /^no space left for \/tree .*: free some/],
      [refused('EIO'), /^\/tree cannot be used: EIO: said$/],
    ];
    for (const [error, sentence] of cases) match(inWords(error, '/tree'), sentence);
  });

  it('leaves the tree as an error of the port that names operation and path', () => {
    for (const [code, ours] of [
      ['EEXIST', 'node_exists'],
      ['ENOTEMPTY', 'not_empty'],
      ['EACCES', 'no_auth'],
      ['EIO', 'failed'],
    ]) {
      // prettier-ignore
      const told = translate(refused(code!), 'create', '/a', '/tree');
      ok(told instanceof RegistryError);
      equal(told.code, ours);
      match(told.message, /^create \/a failed: /);
      ok(told.cause);
    }
    const own = new RegistryError('no_node', 'x');
    equal(translate(own, 'write', '/a', '/tree'), own);
  });
});
