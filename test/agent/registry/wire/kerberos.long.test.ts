/** A login by Kerberos with a real KDC, a real server and the package `kerberos`; where one of them is missing that is said, and nothing tested. */
import { equal, match, ok, rejects } from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gssapi } from '../../../../agent/registry/wire/gssapi.js';
import type { Kerberos } from '../../../../agent/registry/wire/gssapi.js';

import { creatorOnly } from '../../../../agent/registry/wire/records.js';
import { dieWithUs } from '../../../support/die-with-us.js';
import { ZooKeeperServer, freePort, requireZooKeeper } from '../../../support/zookeeper.js';
import { bytes } from '../tree-contract.js';
import { opened } from './opened.js';

const REALM = 'ZIDECAR.TEST';
const SBIN = '/usr/sbin';
const PACKAGE = resolve('.build/kerberos');
const REMEDY = `apt-get install -y --no-install-recommends krb5-kdc krb5-admin-server libkrb5-dev; npm install --no-save --prefix .build/kerberos kerberos@7.0.0`;

function load(): Kerberos | undefined {
  try {
    return createRequire(join(PACKAGE, 'x.js'))('kerberos') as Kerberos;
  } catch {
    return undefined;
  }
}

const kerberos = existsSync(`${SBIN}/krb5kdc`) ? load() : undefined;
if (!kerberos) console.error(`\n*** SKIPPED, no Kerberos here: ${REMEDY} ***\n`);

describe('a server with Kerberos', { skip: !kerberos || !requireZooKeeper(), timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-krb-'));
  const file = (name: string): string => join(folder, name);
  let server: ZooKeeperServer;
  let kdc: ReturnType<typeof spawn>;

  before(async () => {
    const port = await freePort('127.0.0.1');
    writeFileSync(
      file('krb5.conf'),
      `[libdefaults]\n default_realm = ${REALM}\n rdns = false\n dns_canonicalize_hostname = false\n udp_preference_limit = 1\n` +
        `[realms]\n ${REALM} = {\n kdc = 127.0.0.1:${port}\n }\n[domain_realm]\n localhost = ${REALM}\n`,
    );
    writeFileSync(
      file('kdc.conf'),
      `[realms]\n ${REALM} = {\n database_name = ${file('principal')}\n key_stash_file = ${file('stash')}\n` +
        ` acl_file = ${file('acl')}\n kdc_listen = 127.0.0.1:${port}\n kdc_tcp_listen = 127.0.0.1:${port}\n }\n`,
    );
    Object.assign(process.env, {
      KRB5_CONFIG: file('krb5.conf'),
      KRB5_KDC_PROFILE: file('kdc.conf'),
      KRB5_CLIENT_KTNAME: file('alice.keytab'),
      KRB5CCNAME: `FILE:${file('cache')}`,
    });
    execFileSync(`${SBIN}/kdb5_util`, ['create', '-s', '-r', REALM, '-P', 'master'], { stdio: 'ignore' });
    for (const [principal, keytab] of [
      ['zookeeper/localhost', 'zookeeper.keytab'],
      ['alice', 'alice.keytab'],
    ] as const) {
      const ask = (query: string): unknown =>
        execFileSync(`${SBIN}/kadmin.local`, ['-r', REALM, '-q', query], { stdio: 'ignore' });
      ask(`addprinc -randkey ${principal}@${REALM}`);
      ask(`ktadd -k ${file(keytab)} ${principal}@${REALM}`);
    }
    kdc = spawn(`${SBIN}/krb5kdc`, ['-n', '-r', REALM, '-P', file('pid')], { stdio: 'ignore' });
    dieWithUs(kdc);
    const module = 'com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true useTicketCache=false';
    writeFileSync(
      file('jaas.conf'),
      `Server {\n  ${module} keyTab="${file('zookeeper.keytab')}" principal="zookeeper/localhost@${REALM}";\n};\n`,
    );
    server = await ZooKeeperServer.start({
      '-Djava.security.auth.login.config': file('jaas.conf'),
      '-Djava.security.krb5.conf': file('krb5.conf'),
      'authProvider.1': 'org.apache.zookeeper.server.auth.SASLAuthenticationProvider',
    });
  });
  after(async () => {
    await server.remove();
    kdc.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const login = (service: string): Parameters<typeof opened>[1] => ({
    login: { credentials: [], sasl: () => gssapi(kerberos!, service) },
    timeoutMs: 40_000,
  });

  it('lets in who has a ticket, again after a reconnect, and keeps what he made from the others', async () => {
    const { client, up, down } = opened([server], login('zookeeper@localhost'));
    await up();
    ok((await client.whoAmI()).some(({ scheme, user }) => scheme === 'sasl' && user === `alice@${REALM}`));
    await client.create('/of-alice', bytes('x'), { acl: creatorOnly });
    const stranger = opened([server]);
    await stranger.up();
    await rejects(stranger.client.getData('/of-alice'), { code: 'NO_AUTH' });
    await stranger.client.close();
    await server.stop();
    await down();
    await server.start();
    await up(2);
    equal((await client.getData('/of-alice')).data.toString(), 'x');
    await client.close();
  });

  it('is not spoken to when there is no ticket for it, and that is told', async () => {
    const { client, trouble, ups } = opened([server], login('other@localhost'));
    match(await trouble(/./), new RegExp(`^${server.connect} .*not found in Kerberos database$`));
    equal(ups.length, 0);
    client.drop();
  });
});
