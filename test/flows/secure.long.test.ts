/** Sidecars and commands with a ZooKeeper that has TLS, asks who they are, and takes changes from the owner alone; its certificates are renewed. */
import { deepEqual, equal, match, notEqual } from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Calling } from '../support/calls.js';
import { Authority } from '../support/certificates.js';
import { eventually, zidecar, type Sidecar } from '../support/program.js';
import { RawClient } from '../support/raw-client.js';
import { freePort, requireZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';
import { connected, Fleet } from './fleet.js';

describe('sidecars with mutual TLS, a login and access lists', { timeout: 120_000 }, () => {
  const [old, next] = [new Authority('old'), new Authority('next')];
  const [keyStore, trustStore, ca, cert, key, login] = ['keys', 'trust', 'ca', 'cert', 'key', 'login'].map((name) =>
    old.path(`used-${name}.pem`),
  ) as [string, string, string, string, string, string];
  let server: ZooKeeperServer;
  let at = '';
  const fleet = new Fleet('wire', () => at);
  const env = {
    ...{ ZIDECAR_ZOOKEEPER_TLS_CA: ca, ZIDECAR_ZOOKEEPER_TLS_CERT: cert, ZIDECAR_ZOOKEEPER_TLS_KEY: key },
    ...{ ZIDECAR_ZOOKEEPER_AUTH_FILE: login, ZIDECAR_SESSION_TIMEOUT: '30s' },
  };
  const serverUses = (authority: Authority): void => {
    copyFileSync(authority.issue('zk', ['IP:127.0.0.1']).both, keyStore);
    copyFileSync(authority.ca, trustStore);
  };
  const sidecarsUse = (authority: Authority): void => {
    const mine = authority.issue('me');
    copyFileSync(authority.ca, ca);
    copyFileSync(mine.cert, cert);
    copyFileSync(mine.key, key);
  };
  before(async () => {
    requireZooKeeper();
    writeFileSync(login, 'digest:orders:very-secret\n');
    serverUses(old);
    sidecarsUse(old);
    const port = await freePort('127.0.0.1');
    at = `127.0.0.1:${port}`;
    server = await ZooKeeperServer.start({
      serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
      secureClientPort: port,
      'ssl.keyStore.location': keyStore,
      'ssl.trustStore.location': trustStore,
      'ssl.clientAuth': 'need',
    });
  });
  after(async () => {
    await fleet.end();
    await server.remove();
    for (const authority of [old, next]) authority.remove();
  });

  it('announce, watch and are looked at; nobody else changes what is theirs; a renewal ends no session', async () => {
    const one = await fleet.instance('orders', 'one', { ...env, ZIDECAR_ZOOKEEPER_ACL: 'owner' });
    const { sidecar: caller, at: outbound } = await fleet.caller('orders', 1, env);
    const calling = new Calling(outbound, 'orders');
    const shown = await zidecar(['services', 'orders'], { ...env, ZIDECAR_ZOOKEEPER: at, ZIDECAR_ZOOKEEPER_CLIENT: 'wire' });
    match(shown.out, /orders: 1 instance, 1 routable/, shown.err);
    // without TLS, at the port that has it, and without our login, at the one that has none
    const plain = await zidecar(['services'], { ZIDECAR_ZOOKEEPER: at, ZIDECAR_ZOOKEEPER_CLIENT: 'wire' });
    equal(plain.code, 69, plain.out);
    const stranger = await RawClient.open(server.connect);
    for (const change of [stranger.remove('/services/orders/one'), stranger.set('/services/orders/one', 'x')])
      await change.then(
        () => notEqual('changed', 'changed'),
        (error: unknown) => match(String(error), /-102/),
      );
    match((await stranger.get('/services/orders/one'))!.text, /"id":"one"/);
    await stranger.close();

    const sessions = await Promise.all([one, caller].map((each) => each.get<{ id: string }>('/session')));
    await server.stop();
    serverUses(next);
    await server.start();
    const trouble = ({ kind, why }: Sidecar['lines'][number]): boolean =>
      kind === 'session_trouble' && /certificate/.test(String(why));
    for (const each of [one, caller]) await each.said(trouble, 'that the certificate is not to be trusted');
    sidecarsUse(next);
    for (const each of [one, caller]) await connected(each);
    deepEqual(
      (await Promise.all([one, caller].map((each) => each.get<{ id: string }>('/session')))).map(({ id }) => id),
      sessions.map(({ id }) => id),
    );
    await eventually(
      async () => (await one.get<{ announcements: { fact: string }[] }>('/announcement')).announcements[0]?.fact === 'announced',
    );
    deepEqual((await calling.stop()).lost, []);
    for (const each of [one, caller]) equal(each.story().includes('very-secret'), false);
    equal(await one.stop(), 0);
    await fleet.routable(caller, 0);
  });
});
