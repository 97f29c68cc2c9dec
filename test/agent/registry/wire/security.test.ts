/** Who the servers are, and who we are: TLS, logins and access lists on real servers. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { digestMd5 } from '../../../../agent/registry/wire/digest-md5.js';
import type { ClientOptions } from '../../../../agent/registry/wire/client.js';
import { creatorOnly } from '../../../../agent/registry/wire/records.js';
import { tlsFrom } from '../../../../agent/registry/wire/tls-files.js';
import type { TlsFiles } from '../../../../agent/registry/wire/tls-files.js';
import { withSetting } from '../../../../agent/registry/zookeeper/wire-link.js';
import { Authority } from '../../../support/certificates.js';
import { Cuttable } from '../../../support/cuttable.js';
import { services, Sidecar, zidecar } from '../../../support/program.js';
import { ZooKeeperServer, freePort, requireZooKeeper } from '../../../support/zookeeper.js';
import { bytes, until } from '../tree-contract.js';
import { opened } from './opened.js';

const login = (user: string, password: string): Partial<ClientOptions> => ({
  login: { credentials: [{ scheme: 'digest', secret: bytes(`${user}:${password}`) }] },
});
const sasl = (user: string, password: string): Partial<ClientOptions> => ({
  login: { credentials: [], sasl: () => digestMd5(user, password) },
});

describe('DIGEST-MD5', () => {
  it('computes what RFC 2831 does', async () => {
    // the example of its section 4, with the URI of ZooKeeper's servers
    const mechanism = digestMd5('chris', 'secret', 'OA6MHXh6VqTrRk');
    equal((await mechanism.first()).length, 0);
    const challenge = 'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8';
    const said = Buffer.from((await mechanism.next(Buffer.from(challenge)))!).toString();
    match(
      said,
      /^charset=utf-8,username="chris",realm="elwood\.innosoft\.com",nonce="OA6MG9tEQGm2hh",nc=00000001,cnonce="OA6MHXh6VqTrRk"/,
    );
    match(said, /response=[0-9a-f]{32},qop=auth$/);
    await rejects(async () => mechanism.next(Buffer.from('rspauth=00')), /does not prove that it knows our password/);
  });

  it('takes no challenge that is none', async () => {
    for (const challenge of ['', 'nonce="x"', 'algorithm=md5-sess', 'x'.repeat(3_000)]) {
      await rejects(async () => digestMd5('a', 'b').next(Buffer.from(challenge)), /offers no SASL login|sent a challenge/);
    }
  });
});

/** Beside each other: much of it is waiting. */
describe('a server', { skip: !requireZooKeeper(), concurrency: true }, () => {
  describe('with TLS that asks who we are', { concurrency: false }, () => {
    let server: ZooKeeperServer;
    let port: number;
    const [ours, theirs] = [new Authority('ours'), new Authority('theirs')];
    const me = ours.issue('me');
    const tls = (files: TlsFiles): Partial<ClientOptions> => ({ tls: tlsFrom(files, () => undefined), timeoutMs: 60_000 });
    const place = (name?: string): { host: string; port: number; label: string; name?: string } => ({
      host: '127.0.0.1',
      port,
      label: `zk:${port}`,
      ...(name !== undefined && { name }),
    });
    before(async () => {
      port = await freePort('127.0.0.1');
      server = await ZooKeeperServer.start({
        serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
        secureClientPort: port,
        'ssl.keyStore.location': ours.issue('zk', ['DNS:zk.test', 'IP:127.0.0.1']).both,
        'ssl.trustStore.location': ours.ca,
        'ssl.clientAuth': 'need',
      });
    });
    after(async () => {
      await server.remove();
      ours.remove();
      theirs.remove();
    });

    it('serves whoever has a certificate, by the name and by the address that stand in its own', async () => {
      for (const name of [undefined, 'zk.test']) {
        const { client, up } = opened([place(name)], tls({ ca: ours.ca, ...me }));
        await up();
        await client.create(`/tls-${name ?? 'address'}`, bytes('x'));
        equal((await client.whoAmI()).find(({ scheme }) => scheme === 'x509')?.user, 'CN=me');
        await client.close();
      }
    });

    // what follows the greeting comes in one piece with it, and is kept by the server until it has found the session
    it('takes a session back that comes with its question and its watches, and tells what was missed', async () => {
      const line = await Cuttable.to(place());
      const one = opened([line], tls({ ca: ours.ca, ...me }));
      const other = opened([place()], tls({ ca: ours.ca, ...me }));
      await Promise.all([one.up(), other.up()]);
      const heard: string[] = [];
      for (let round = 1; round <= 5; round++) {
        await one.client.exists(`/missed-${round}`, ({ type, path }) => void heard.push(`${type} ${path}`));
        await line.cut();
        await one.down(round);
        await other.client.create(`/missed-${round}`);
        await line.heal();
        await one.up(round + 1);
        equal(heard.at(-1), `created /missed-${round}`, 'before it was up');
      }
      deepEqual([heard.length, new Set(one.ups.map(({ id }) => id)).size], [5, 1]);
      await Promise.all([one.client.close(), other.client.close()]);
      await line.stop();
    });

    it('is not spoken to under another name, without trust, or without a certificate, and each is told', async () => {
      const cases: readonly (readonly [TlsFiles, string | undefined, RegExp, string?])[] = [
        [
          { ca: ours.ca, ...me },
          'other.test',
          /does not match certificate's altnames.*other\.test.*: it has to be asked for by a name that its certificate has$/,
          '\\(ZIDECAR_ZOOKEEPER\\)$',
        ],
        [
          { ca: theirs.ca, ...me },
          'zk.test',
          /: no authority that is trusted here vouches for its certificate$/,
          '\\(ZIDECAR_ZOOKEEPER_TLS_CA\\)$',
        ],
        [{ ca: undefined, ...me }, 'zk.test', /self-signed certificate|certificate/],
        [{ ca: ours.ca }, 'zk.test', /alert|closed the connection|broke/],
        [{ ca: ours.ca, ...theirs.issue('stranger') }, 'zk.test', /alert|closed the connection|broke/],
        [{ ca: '/no/such.pem' }, 'zk.test', /was not asked: the TLS file \/no\/such\.pem cannot be read: ENOENT/],
      ];
      for (const [files, name, told, setting = ''] of cases) {
        const { client, trouble, ups } = opened([place(name)], tls(files));
        match(withSetting(await trouble(told)), new RegExp(`^zk:${port} .*${setting}`));
        equal(ups.length, 0);
        client.drop();
      }
    });

    it('is asked after where a server that has none is met', async () => {
      const { client, trouble } = opened([{ ...place(), port: server.port }], tls({ ca: ours.ca, ...me }));
      match(await trouble(/before TLS was agreed on: is that its port for TLS\?/), /^zk:\d+ (broke|closed)/);
      client.drop();
    });

    it('sees a certificate that was renewed at the next connection, and the old one as long as the new is half written', async () => {
      const [cert, key] = [ours.path('cert.pem'), ours.path('key.pem')];
      const write = (from: typeof me): void => (copyFileSync(from.cert, cert), copyFileSync(from.key, key));
      const told: string[] = [];
      const next = tlsFrom({ ca: ours.ca, cert, key }, (why) => told.push(why));
      const who = async (): Promise<string | undefined> => {
        const { client, up } = opened([place()], { tls: next, timeoutMs: 60_000 });
        await up();
        const user = (await client.whoAmI()).find(({ scheme }) => scheme === 'x509')?.user;
        await client.close();
        return user;
      };
      write(me);
      equal(await who(), 'CN=me');
      const renewed = ours.issue('renewed');
      copyFileSync(renewed.cert, cert);
      equal(await who(), 'CN=me');
      equal(await who(), 'CN=me');
      equal(told.length, 1);
      match(told[0]!, /^the TLS files .*cert\.pem.* cannot be used: .*; the ones before are used$/);
      write(renewed);
      equal(await who(), 'CN=renewed');
    });

    it('holds the registry of a sidecar that is told of its files', async (t) => {
      const env = {
        ZIDECAR_ZOOKEEPER: `127.0.0.1:${port}/apps`,
        ZIDECAR_ZOOKEEPER_CLIENT: 'wire',
        ZIDECAR_ZOOKEEPER_TLS_CA: ours.ca,
        ZIDECAR_ZOOKEEPER_TLS_CERT: me.cert,
        ZIDECAR_ZOOKEEPER_TLS_KEY: me.key,
      };
      const sidecar = Sidecar.start({ ...env, ZIDECAR_SERVICE: 'secret', ZIDECAR_APP_PORT: '1', ZIDECAR_PROBE: 'none' });
      t.after(() => sidecar.kill());
      const distrusting = zidecar(['services'], { ...env, ZIDECAR_ZOOKEEPER_TLS_CA: theirs.ca });
      await sidecar.fact('announced');
      match((await services(['secret', '--json'], env)).out, /"secret"/);
      equal(await sidecar.stop(), 0);
      const { code, err } = await distrusting;
      equal(code, 69);
      match(err, new RegExp(`^zidecar: no session with the registry: 127.0.0.1:${port} fails: .*certificate`));
      const native = await zidecar(['check'], { ...env, ZIDECAR_ZOOKEEPER_CLIENT: 'native' });
      equal(native.code, 64);
      match(
        native.err,
        /ZIDECAR_ZOOKEEPER_TLS_CA does nothing with ZIDECAR_ZOOKEEPER_CLIENT=native, which has no TLS: leave out one/,
      );
    });
  });

  describe('with logins', { concurrency: false }, () => {
    let server: ZooKeeperServer;
    const files = new Authority('files');
    before(async () => {
      const jaas = files.path('jaas.conf');
      const module = 'org.apache.zookeeper.server.auth.DigestLoginModule required';
      writeFileSync(jaas, `Server {\n  ${module} user_bob="bob's secret" user_eve="eve";\n};\n`);
      server = await ZooKeeperServer.start({
        '-Djava.security.auth.login.config': jaas,
        'authProvider.1': 'org.apache.zookeeper.server.auth.SASLAuthenticationProvider',
      });
    });
    after(async () => {
      await server.remove();
      files.remove();
    });

    it('keeps what one has made from the others, by a digest and by SASL, over reconnects too', async () => {
      for (const [scheme, by, user] of [
        ['digest', login, 'alice'],
        ['sasl', sasl, 'bob'],
      ] as const) {
        const one = opened([server], { ...by(user, `${user}'s secret`), timeoutMs: 60_000 });
        await one.up();
        ok((await one.client.whoAmI()).some((identity) => identity.scheme === scheme && identity.user === user));
        await one.client.create(`/of-${user}`, bytes('x'), { acl: creatorOnly });
        const stranger = opened([server], scheme === 'sasl' ? sasl('eve', 'eve') : login('eve', 'eve'));
        await stranger.up();
        await rejects(stranger.client.getData(`/of-${user}`), { code: 'NO_AUTH' });
        await rejects(
          stranger.client.getChildren(`/of-${user}`, () => undefined),
          { code: 'NO_AUTH' },
        );
        equal(stranger.client.watches, 0, 'and a watch that was refused is none');
        await stranger.client.close();
        await server.stop();
        await one.down();
        await server.start();
        await one.up(2);
        equal((await one.client.getData(`/of-${user}`)).data.toString(), 'x');
        deepEqual(
          (await one.client.getAcl(`/of-${user}`)).acl.map((acl) => acl.scheme),
          [scheme],
        );
        await one.client.close();
      }
    });

    it('is told apart from one that does not know our password, and the password is in no sentence', async () => {
      const { client, ups, troubles, overs } = opened([server], sasl('bob', 'wrong-password'));
      await until(() => troubles.length + overs.length > 0, 'an answer');
      match([...troubles, ...overs][0]!, new RegExp(`^${server.connect} (refuses the SASL login|does not prove|closed)`));
      equal(ups.length, 0);
      ok(![...troubles, ...overs].some((why) => why.includes('wrong-password')));
      client.drop();
    });

    it('takes a sidecar with its login from a file, and no print of it has the password', async (t) => {
      const secret = files.path('login');
      writeFileSync(secret, "sasl:bob:bob's secret\n");
      const env = { ZIDECAR_ZOOKEEPER: server.connect, ZIDECAR_ZOOKEEPER_CLIENT: 'wire', ZIDECAR_ZOOKEEPER_AUTH_FILE: secret };
      const sidecar = Sidecar.start({ ...env, ZIDECAR_SERVICE: 'login', ZIDECAR_APP_PORT: '1', ZIDECAR_PROBE: 'none' });
      t.after(() => sidecar.kill());
      await sidecar.fact('announced');
      const shown = [JSON.stringify(await sidecar.get('/config')), (await zidecar(['check'], env)).out, sidecar.story()];
      equal(await sidecar.stop(), 0);
      for (const text of shown) ok(!text.includes("bob's secret"), text);
    });
  });
});
