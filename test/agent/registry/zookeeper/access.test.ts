/** Who may change what we created, at a real server, and who we are there when the file of our login changes. */
import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { WireClient } from '../../../../agent/registry/zookeeper.js';
import type { Access } from '../../../../agent/registry/zookeeper/access.js';
import type { Client } from '../../../../agent/registry/wire/client.js';
import { permissions } from '../../../../agent/registry/wire/protocol.js';
import { creatorOnly } from '../../../../agent/registry/wire/records.js';
import { clientOf, type ClientSettings } from '../../../../agent/zookeeper-client.js';
import { Cuttable } from '../../../support/cuttable.js';
import { Sidecar, zidecar } from '../../../support/program.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { bytes, connected, until } from '../tree-contract.js';
import { opened } from '../wire/opened.js';
import { closeAll, opening, type Opened } from './open.js';

const login = (user: string): NonNullable<WireClient['login']> => {
  return () => ({ credentials: [{ scheme: 'digest', secret: bytes(`${user}:${user}'s secret`) }] });
};
const refused = { code: 'NO_AUTH' };

describe('nodes with access lists', { skip: !requireZooKeeper() }, () => {
  let server: ZooKeeperServer;
  let nobody: Client;
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-access-'));
  const as = (user: string, access: Access, chroot = ''): Opened =>
    opening({ kind: 'wire', login: login(user), access })([server], { chroot, sessionTimeoutMs: 60_000 });
  const announce = async ({ tree }: Opened, service: string, id: string): Promise<void> => {
    await connected(tree);
    await tree.create(`/${service}/${id}`, bytes('x'), 'ephemeral').catch(async () => {
      await tree.create(`/${service}`, bytes(''), 'container');
      await tree.create(`/${service}/${id}`, bytes('x'), 'ephemeral');
    });
  };
  before(async () => {
    server = await ZooKeeperServer.start();
    const one = opened([server], { timeoutMs: 30_000 });
    nobody = one.client;
    await one.up();
  });
  after(async () => {
    await closeAll();
    await nobody.close();
    await server.remove();
    rmSync(folder, { recursive: true });
  });

  it('of an owner are read by everybody, and changed, removed and joined by nobody without its login', async () => {
    const [one, twin, other] = [as('orders', 'owner', '/owner'), as('orders', 'owner', '/owner'), as('users', 'owner', '/owner')];
    await announce(one, 'orders', 'a');
    await announce(twin, 'orders', 'b');
    await announce(other, 'users', 'c');
    deepEqual([...(await nobody.getChildren('/owner/orders')).names].sort(), ['a', 'b']);
    equal((await nobody.getData('/owner/orders/a')).data.toString(), 'x');
    const stranger = opened([server], { login: login('users')() });
    await stranger.up();
    for (const { client } of [{ client: nobody }, stranger]) {
      await rejects(client.setData('/owner/orders/a', bytes('y')), refused);
      await rejects(client.delete('/owner/orders/a'), refused);
      await rejects(client.create('/owner/orders/false', bytes('y')), refused);
      await rejects(client.setAcl('/owner/orders/a', [{ perms: permissions.all, scheme: 'world', id: 'anyone' }]), refused);
    }
    await nobody.create('/owner/others');
    equal(await twin.tree.remove('/orders/a'), true, 'whoever has the login is the owner');
    equal(await other.tree.remove('/users/c'), true, 'the folders above took the folder of another service');
    await rejects(stranger.client.delete('/owner/orders/b'), refused);
    await stranger.client.close();
    await Promise.all([one, twin, other].map(({ tree }) => tree.close()));
  });

  it('of an owner with a new password are made where the old one has let it in, or the owner of the parent has removed the folder', async () => {
    const users = as('users', 'owner', '/password');
    await announce(users, 'users', 'u');
    const [old, now] = [as('old', 'owner', '/password'), as('new', 'owner', '/password')];
    await Promise.all([old, now].map(({ tree }) => connected(tree)));
    const joins = (folder: string, { tree } = now): Promise<unknown> => tree.create(`${folder}/a`, bytes('x'), 'ephemeral');
    for (const folder of ['/kept', '/removed']) {
      await rejects(joins(folder, old), { code: 'no_parent' });
      await old.tree.create(folder, bytes(''), 'persistent');
    }
    const both = opened([server], { login: { credentials: [...login('old')().credentials, ...login('new')().credentials] } });
    const parents = opened([server], { login: login('users')() });
    await Promise.all([both.up(), parents.up()]);
    for (const folder of ['/kept', '/removed']) await rejects(joins(folder), { code: 'no_auth' });
    await rejects(both.client.delete('/password/removed'), refused);
    await both.client.setAcl('/password/kept', [...creatorOnly, { perms: permissions.read, scheme: 'world', id: 'anyone' }]);
    await joins('/kept');
    await parents.client.delete('/password/removed');
    await now.tree.create('/removed', bytes(''), 'persistent');
    await joins('/removed');
    await Promise.all([both.client.close(), parents.client.close(), ...[users, old, now].map(({ tree }) => tree.close())]);
  });

  it('of a fleet are not even read by others', async () => {
    const [one, twin] = [as('fleet', 'fleet', '/fleet'), as('fleet', 'fleet', '/fleet')];
    await announce(one, 'orders', 'a');
    await announce(twin, 'users', 'b');
    deepEqual((await twin.tree.children('/orders'))?.names, ['a']);
    for (const path of ['/fleet', '/fleet/orders', '/fleet/orders/a']) await rejects(nobody.getData(path), refused);
    await rejects(nobody.create('/fleet/others'), refused);
    await Promise.all([one, twin].map(({ tree }) => tree.close()));
  });

  it('are not safe in a folder that was there before and is open, which is told once', async () => {
    await nobody.create('/before');
    await nobody.create('/before/orders');
    const one = as('orders', 'owner', '/before');
    await announce(one, 'orders', 'a');
    await announce(one, 'orders', 'b');
    const warnings = (): readonly string[] => one.facts.flatMap((fact) => (fact.kind === 'warned' ? [fact.why] : []));
    await until(() => warnings().length > 0, 'the warning');
    deepEqual(warnings(), [
      '/before/orders was there before us, and lets everybody remove what is in it: set its access list, or remove it while it is empty',
    ]);
    await rejects(nobody.setData('/before/orders/a', bytes('y')), refused);
    await nobody.delete('/before/orders/a');
    await one.tree.close();
  });

  it('are given to nobody when the servers do not know who we are, which says what to do', async () => {
    const { tree, trouble } = opening({ kind: 'wire', access: 'owner' })([server], {
      chroot: '/nobody',
      sessionTimeoutMs: 60_000,
    });
    match(
      await trouble(/nobody/),
      /^create \/nobody: the servers do not know who we are, .*ZIDECAR_ZOOKEEPER_AUTH says it \(-114\)$/,
    );
    await tree.close();
  });

  it('are made by who the file says in a new session, and by who we were as long as the old one lives', async (t) => {
    const path = join(folder, 'login');
    const warnings: string[] = [];
    const write = (text: string): void => writeFileSync(path, text);
    write("digest:first:first's secret\n");
    const settings: ClientSettings = {
      ...{ zookeeperClient: 'wire', zookeeperAcl: 'owner', zookeeperTlsCa: undefined, zookeeperTlsCert: undefined },
      ...{ zookeeperTlsKey: undefined, zookeeperAuth: { scheme: 'digest', user: 'first', password: "first's secret" } },
      entries: { zookeeperAuth: { origin: { from: 'env', name: 'ZIDECAR_ZOOKEEPER_AUTH_FILE', path } } },
    };
    const client = clientOf(settings, (why) => warnings.push(why));
    ok(client.kind === 'wire');
    const way = await Cuttable.to(server);
    t.after(() => way.stop());
    const { tree } = opening(client)([way], { sessionTimeoutMs: 60_000 });
    const owner = async (name: string): Promise<string> => {
      await connected(tree);
      await tree.create(name, bytes(''), 'ephemeral');
      const { client: reader, up } = opened([server]);
      await up();
      const { acl } = await reader.getAcl(name);
      await reader.close();
      return acl.map(({ scheme, id }) => `${scheme}:${id.split(':')[0]!}`).join();
    };
    equal(await owner('/login-a'), 'digest:first,world:anyone');
    write("digest:second:second's secret\n");
    equal(await owner('/login-b'), 'digest:first,world:anyone');
    const next = async (): Promise<void> => {
      const { epoch } = tree.session;
      await way.endSession();
      await until(() => tree.session.epoch > epoch && tree.session.state === 'connected', 'the next session');
    };
    await next();
    equal(await owner('/login-c'), 'digest:second,world:anyone');
    write('digest:third');
    await next();
    equal(await owner('/login-d'), 'digest:second,world:anyone');
    equal(warnings.length, 1);
    match(warnings[0]!, /^the login in .*login is no login: it should be digest:USER:PASSWORD or .*; the one before is used$/);
    ok(!warnings.join().includes('third'));
    await tree.close();
  });

  it('are what a sidecar makes that is told so, and one that cannot is refused at its start', async (t) => {
    const path = join(folder, 'sidecar');
    writeFileSync(path, 'digest:orders:very-secret\n');
    const env = {
      ZIDECAR_ZOOKEEPER: `${server.connect}/sidecar`,
      ZIDECAR_ZOOKEEPER_CLIENT: 'wire',
      ZIDECAR_ZOOKEEPER_AUTH_FILE: path,
      ZIDECAR_ZOOKEEPER_ACL: 'owner',
      ZIDECAR_LOG_LEVEL: 'trace',
    };
    const asked = { ...env, ZIDECAR_SERVICE: 'orders', ZIDECAR_APP_PORT: '1', ZIDECAR_PROBE: 'none' };
    const sidecar = Sidecar.start(asked);
    t.after(() => sidecar.kill());
    await sidecar.fact('announced');
    const { names } = await nobody.getChildren('/sidecar/services/orders');
    await rejects(nobody.delete(`/sidecar/services/orders/${names[0]!}`), refused);
    await rejects(nobody.create('/sidecar/services/orders/false'), refused);
    await nobody.create('/sidecar/services/users');
    const views = ['/config', '/session', '/events', '/announcement', '/upstreams'];
    const seen = await Promise.all(views.map(async (view) => JSON.stringify(await sidecar.get(view))));
    const health = await fetch(`http://${await sidecar.at('health')}/metrics`);
    seen.push(await health.text(), (await zidecar(['check'], env)).out, (await zidecar(['services'], env)).out);
    equal(await sidecar.stop(), 0);
    deepEqual((await nobody.getChildren('/sidecar/services/orders')).names, []);
    seen.push(sidecar.story());
    for (const text of seen) ok(text !== '' && !text.includes('very-secret'), text);

    const native = await zidecar(['check'], { ...asked, ZIDECAR_ZOOKEEPER_CLIENT: 'native' });
    equal(native.code, 64);
    match(
      native.err,
      /ZIDECAR_ZOOKEEPER_ACL does nothing with ZIDECAR_ZOOKEEPER_CLIENT=native, which sets no access lists: leave out one/,
    );
    const unknown = await zidecar(['check'], { ...asked, ZIDECAR_ZOOKEEPER_AUTH_FILE: '' });
    notEqual(unknown.code, 0);
    match(unknown.err, /ZIDECAR_ZOOKEEPER_ACL=owner needs ZIDECAR_ZOOKEEPER_AUTH, or .*: without either we are nobody/);
  });
});
