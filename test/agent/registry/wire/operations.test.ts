/** Every operation, at a real server. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Client } from '../../../../agent/registry/wire/client.js';
import type { ErrorCode } from '../../../../agent/registry/wire/errors.js';
import { creatorOnly, openToAll } from '../../../../agent/registry/wire/records.js';
import type { WatchEvent } from '../../../../agent/registry/wire/watches.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { bytes, until } from '../tree-contract.js';
import { opened } from './opened.js';

const fails = (code: ErrorCode, call: Promise<unknown>): Promise<void> =>
  rejects(call, (error: { code?: unknown }) => (equal(error.code, code), true));

describe('operations', { skip: !requireZooKeeper() }, () => {
  let server: ZooKeeperServer;
  let client: Client;
  before(async () => {
    server = await ZooKeeperServer.start({ extendedTypesEnabled: true, reconfigEnabled: true, skipACL: 'no' });
    const one = opened([server]);
    client = one.client;
    await one.up();
  });
  after(async () => {
    await client.close();
    await server.remove();
  });

  it('are as the example of the README asks for them, which runs as it stands', async () => {
    const example = /^```js\n(.*?)^```$/ms.exec(readFileSync('agent/registry/wire/README.md', 'utf8'))![1]!;
    const code = example.replace('localhost', server.host).replace('2181', String(server.port));
    const cwd = fileURLToPath(new URL('../../../../agent/registry/wire', import.meta.url)); // where it finds its imports
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], { cwd });
    deepEqual([stdout, stderr], ['created /a/b-0000000000\ndeleted /a/b-0000000000\n', '']);
  });

  it('create nodes of every kind, and answer with the path and the stat', async () => {
    const { path, stat } = await client.create('/kinds', bytes('x'));
    deepEqual([path, stat.version, stat.dataLength, stat.ephemeralOwner], ['/kinds', 0, 1, 0n]);
    equal(stat.czxid, stat.mzxid);
    equal((await client.create('/kinds/e', bytes(''), { mode: 'ephemeral' })).stat.ephemeralOwner, client.sessionId);
    match((await client.create('/kinds/s-', bytes(''), { mode: 'persistent_sequential' })).path, /^\/kinds\/s-\d{10}$/);
    match((await client.create('/kinds/es-', bytes(''), { mode: 'ephemeral_sequential' })).path, /^\/kinds\/es-\d{10}$/);
    await client.create('/kinds/c', bytes(''), { mode: 'container' });
    equal((await client.exists('/kinds/c'))?.ephemeralOwner, 0n);
    await client.create('/kinds/t', bytes(''), { mode: 'persistent_ttl', ttlMs: 5_000 });
    equal((await client.exists('/kinds/t'))?.ephemeralOwner, 0n);
    const named = await client.create('/kinds/ts-', bytes(''), { mode: 'persistent_sequential_ttl', ttlMs: 5_000 });
    match(named.path, /^\/kinds\/ts-\d{10}$/);
    const list = await client.getChildren('/kinds');
    equal(list.names.length, 6);
    equal(list.stat.numChildren, 6);
  });

  it('read, write and delete by version, and name what refuses', async () => {
    await client.create('/versions', bytes('a'));
    equal((await client.setData('/versions', bytes('bc'), 0)).version, 1);
    const { data, stat } = await client.getData('/versions');
    deepEqual([data.toString(), stat.version, stat.dataLength], ['bc', 1, 2]);
    ok(stat.mzxid > stat.czxid && stat.mtime >= stat.ctime);
    await fails('BAD_VERSION', client.setData('/versions', bytes('d'), 0));
    await fails('BAD_VERSION', client.delete('/versions', 0));
    await fails('NODE_EXISTS', client.create('/versions'));
    await fails('NO_NODE', client.create('/none/below'));
    await client.create('/versions/below');
    await fails('NOT_EMPTY', client.delete('/versions'));
    await client.delete('/versions/below');
    await client.delete('/versions', 1);
    await fails('NO_NODE', client.getData('/versions'));
    equal(await client.exists('/versions'), undefined);
    await rejects(client.getData('/versions'), new RegExp(`getData /versions: NO_NODE \\(-101\\), says ${server.connect}`));
  });

  it('sync, and refuse what a server would cut the connection for', async () => {
    await client.sync('/');
    await fails('TOO_LARGE', client.create('/large', new Uint8Array(0xfffff)));
    await client.create('/large', new Uint8Array(900_000));
    equal((await client.getData('/large')).data.length, 900_000);
    await client.delete('/large');
  });

  it('do several changes as one, or none', async () => {
    const done = await client.multi([
      { do: 'create', path: '/multi', data: bytes('x') },
      { do: 'create', path: '/multi/s-', mode: 'ephemeral_sequential' },
      { do: 'set', path: '/multi', data: bytes('y'), version: 0 },
      { do: 'check', path: '/multi', version: 1 },
      { do: 'create', path: '/multi/gone', mode: 'container' },
      { do: 'delete', path: '/multi/gone' },
    ]);
    const [made, sequential, set, ...rest] = done;
    ok(made && 'path' in made && made.path === '/multi');
    ok(sequential && 'path' in sequential && /s-\d{10}$/.test(sequential.path));
    ok(set && 'version' in set && set.version === 1);
    deepEqual([rest[0], rest[2]], [undefined, undefined]);
    await rejects(
      client.multi([
        { do: 'set', path: '/multi', data: bytes('z') },
        { do: 'check', path: '/multi', version: 9 },
        { do: 'delete', path: '/multi' },
      ]),
      /multi: check \/multi: BAD_VERSION/,
    );
    equal((await client.getData('/multi')).data.toString(), 'y');
  });

  it('read and write access lists, and say whose they are', async () => {
    await client.create('/acl', bytes('x'), { acl: [{ perms: 1 + 16, scheme: 'world', id: 'anyone' }] });
    deepEqual((await client.getAcl('/acl')).acl, [{ perms: 17, scheme: 'world', id: 'anyone' }]);
    await fails('NO_AUTH', client.setData('/acl', bytes('y')));
    equal((await client.setAcl('/acl', openToAll, 0)).aversion, 1);
    await fails('BAD_VERSION', client.setAcl('/acl', openToAll, 0));
    await client.setData('/acl', bytes('y'));
    await fails('INVALID_ACL', client.create('/acl/none', bytes(''), { acl: [] }));
    deepEqual(
      (await client.whoAmI()).map(({ scheme }) => scheme),
      ['ip'],
    );
  });

  it('refuse what is no list of access, no path and no parent, each by its name', async () => {
    const everybody = openToAll[0]!;
    await client.create('/refused', bytes(''), { acl: [everybody, everybody] });
    deepEqual((await client.getAcl('/refused')).acl, [everybody], 'who stands in it twice stands there once');
    await fails('INVALID_ACL', client.setAcl('/refused', []));
    await fails('INVALID_ACL', client.setAcl('/refused', [{ perms: 31, scheme: 'nonsense', id: 'x' }]));
    await fails('INVALID_ACL', client.create('/refused/a', bytes(''), { acl: creatorOnly }));
    await fails('NO_NODE', client.setAcl('/none', openToAll));
    await fails('NO_NODE', client.getAcl('/none'));
    await fails('NO_NODE', client.getChildren('/none'));
    await fails('NO_NODE', client.setData('/none', bytes('')));
    await fails('NO_NODE', client.delete('/none'));
    await client.create('/refused/e', bytes(''), { mode: 'ephemeral' });
    await fails('NO_CHILDREN_FOR_EPHEMERALS', client.create('/refused/e/below'));
    for (const path of ['/refused/.', '/refused/\u0000']) await fails('BAD_ARGUMENTS', client.create(path));
    await client.create('/refused/ünïcode ☃', bytes('ü'));
    deepEqual([...(await client.getChildren('/refused')).names].sort(), ['e', 'ünïcode ☃']);
  });

  it('are not for who logs in by what the server does not know, and that session is over', async () => {
    const { over, ups } = opened([server], { login: { credentials: [{ scheme: 'nonsense', secret: bytes('a:b') }] } });
    match(await over(), /refuses the login by nonsense: AUTH_FAILED \(-115\)/);
    equal(ups.length, 0);
  });

  it('list thousands of children', async () => {
    await client.create('/thousands');
    await Promise.all(
      Array.from({ length: 3_000 }, (_, index) => client.create(`/thousands/a-rather-long-name-of-a-child-${index}`, bytes(''))),
    );
    const { names, stat } = await client.getChildren('/thousands');
    deepEqual([names.length, stat.numChildren, new Set(names).size], [3_000, 3_000, 3_000]);
  });

  it('read the configuration of the ensemble, and are told why it cannot be changed', async () => {
    equal((await client.getConfig()).stat.ephemeralOwner, 0n);
    await rejects(client.reconfig({ leaving: '3' }), /reconfig: (UNIMPLEMENTED|NO_AUTH|BAD_ARGUMENTS|RECONFIG_DISABLED)/);
  });

  it('watch once, for as long as is wanted, and for everything below', async () => {
    const heard: string[] = [];
    const listen =
      (name: string) =>
      ({ type, path }: WatchEvent): void =>
        void heard.push(`${name} ${type} ${path}`);
    await client.create('/watched');
    await client.exists('/watched/later', listen('exists'));
    await client.getData('/watched', listen('data'));
    await client.getChildren('/watched', listen('children'));
    await client.create('/watched/later');
    await client.setData('/watched', bytes('x'));
    await client.setData('/watched', bytes('y'));
    deepEqual(heard.splice(0), ['exists created /watched/later', 'children children_changed /watched', 'data changed /watched']);
    equal(client.watches, 0);

    await client.addWatch('/watched', 'persistent', listen('persistent'));
    await client.create('/watched/a');
    await client.setData('/watched', bytes('z'));
    await client.delete('/watched/a');
    deepEqual(heard.splice(0), [
      'persistent children_changed /watched',
      'persistent changed /watched',
      'persistent children_changed /watched',
    ]);
    await client.removeWatches('/watched');

    await client.addWatch('/watched', 'recursive', listen('recursive'));
    await client.exists('/watched/later', listen('once'));
    await client.getChildren('/watched', listen('list'));
    equal(Number(/Total watches:(\d+)/.exec(await server.ask('wchs'))![1]), 1);
    await client.setData('/watched/later', bytes('x'));
    await client.setData('/watched/later', bytes('y'));
    await client.create('/watched/b');
    await client.create('/watched/b/c');
    deepEqual(heard.splice(0), [
      'once changed /watched/later',
      'recursive changed /watched/later',
      'recursive changed /watched/later',
      'list children_changed /watched',
      'recursive created /watched/b',
      'recursive created /watched/b/c',
    ]);
    await client.exists('/watched/later', listen('orphan'));
    await client.removeWatches('/watched');
    deepEqual(heard.splice(0), ['orphan removed /watched/later']);
    await fails('NO_WATCHER', client.removeWatches('/watched'));
    await client.setData('/watched/later', bytes('z'));
    equal(heard.length, 0);
  });

  it('watch one path in several ways, in whichever order and at the same time, and each hears all that is his', async () => {
    const kinds = ['persistent', 'recursive'] as const;
    for (const [index, order] of [kinds, [...kinds].reverse()].entries()) {
      for (const isAtOnce of [false, true]) {
        const path = `/ways-${index}-${isAtOnce}`;
        await client.create(path);
        const heard: string[] = [];
        const listen = (who: string) => (event: WatchEvent) =>
          void heard.push(`${who} ${event.type} ${event.path.slice(path.length)}`);
        const adding = [];
        for (const kind of order) {
          adding.push(client.addWatch(path, kind, listen(kind)));
          if (!isAtOnce) await adding.at(-1);
        }
        await Promise.all([...adding, client.getData(path, listen('once'))]);
        await client.setData(path, bytes('x'));
        await client.create(`${path}/a`);
        await client.setData(`${path}/a`, bytes('x'));
        deepEqual(heard.sort(), [
          'once changed ',
          'persistent changed ',
          'persistent children_changed ',
          'recursive changed ',
          'recursive changed /a',
          'recursive created /a',
        ]);
        await client.removeWatches(path);
      }
    }
  });

  it('take back a watch that lives on the one of a node above', async () => {
    await client.create('/above');
    await client.addWatch('/above', 'recursive', () => undefined);
    const heard: string[] = [];
    await client.exists('/above/a', ({ type }) => heard.push(type));
    await client.removeWatches('/above/a');
    deepEqual([heard, client.watches], [['removed'], 1]);
    await fails('NO_WATCHER', client.removeWatches('/above/a'));
    await client.removeWatches('/above');
  });

  it('live below a chroot as if it were all there is', async () => {
    await client.create('/root');
    const { client: inner, up } = opened([server], { chroot: '/root' });
    await up();
    equal((await inner.create('/a')).path, '/a');
    ok(await client.exists('/root/a'));
    deepEqual((await inner.getChildren('/')).names, ['a']);
    const [made] = await inner.multi([{ do: 'create', path: '/b' }]);
    ok(made && 'path' in made && made.path === '/b');
    const heard: WatchEvent[] = [];
    await inner.getChildren('/', (event) => heard.push(event));
    await inner.exists('/b', (event) => heard.push(event));
    await client.delete('/root/b');
    await until(() => heard.length === 2, 'two events');
    deepEqual(heard, [
      { type: 'deleted', path: '/b' },
      { type: 'children_changed', path: '/' },
    ]);
    await inner.close();
  });

  it('are answered in the order in which they were asked, thousands at a time', async () => {
    await client.create('/order', bytes('0'));
    const answers: number[] = [];
    await Promise.all(
      Array.from({ length: 3_000 }, async (_, index) => {
        if (index % 10 === 0) await client.setData('/order', bytes(String(index / 10)));
        else answers.push((await client.getData('/order')).stat.version);
      }),
    );
    deepEqual(
      answers,
      [...answers].sort((one, other) => one - other),
    );
    equal(answers.at(-1), 300);
  });

  it('of which too many are out are refused, and nothing is sent', async () => {
    const { client: narrow, up } = opened([server], { bounds: { requests: 10, bytes: 2 ** 20 } });
    await up();
    const asked = Array.from({ length: 11 }, () => narrow.exists('/order'));
    await fails('OVERLOADED', asked.pop()!);
    await Promise.all(asked);
    await narrow.exists('/order');
    await narrow.close();
    await fails('CLOSED', narrow.exists('/order'));
  });
});
