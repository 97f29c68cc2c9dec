/** Who makes certificates, when, and who is told before they are used. */
import { deepEqual, equal, match, notEqual, ok, rejects, throws } from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createSecureContext, createServer } from 'node:tls';
import { after, describe, it } from 'node:test';
import { fromFiles, ofOurOwn } from '../../../deploy/webhook/certificates.js';
import { certify } from '../../../deploy/webhook/x509.js';
import { FakeApi } from './api.js';

const DAY = 24 * 3_600_000;
const names = ['injector.zidecar-system.svc', 'injector.zidecar-system'];
const now = Date.parse('2026-11-25T12:00:00Z');

describe('a certificate of our own', () => {
  it('is signed by its authority, for its names and its time alone', () => {
    const { cert, ca } = certify(names, now, 90);
    const [leaf, authority] = [new X509Certificate(cert), new X509Certificate(ca)];
    ok(leaf.checkIssued(authority) && leaf.verify(authority.publicKey) && authority.verify(authority.publicKey));
    deepEqual([leaf.ca, authority.ca], [false, true]);
    equal(leaf.subjectAltName, 'DNS:injector.zidecar-system.svc, DNS:injector.zidecar-system');
    equal(leaf.checkHost('other.svc'), undefined);
    deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    deepEqual(
      [leaf.validFrom, leaf.validTo].map((text) => Date.parse(text)),
      [now - 3_600_000, now + 90 * DAY],
    );
    match(leaf.serialNumber, /^[4-7][0-9A-F]{31}$/);
  });

  it('holds beyond 2049, where the time is written in another way', () => {
    const { cert, ca } = certify(names, Date.parse('2049-12-01T00:00:00Z'), 90);
    equal(Date.parse(new X509Certificate(cert).validTo), Date.parse('2050-03-01T00:00:00Z'));
    ok(new X509Certificate(cert).verify(new X509Certificate(ca).publicKey));
  });

  it('carries a handshake with whoever believes its authority, and with nobody else', async () => {
    const { cert, key, ca } = certify(['injector.zidecar-system.svc'], Date.now(), 1);
    const server = createServer({ cert, key }, (socket) => socket.end('hello')).listen(0, '127.0.0.1');
    server.on('tlsClientError', () => undefined);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const shake = async (trusted: string, servername: string): Promise<void> => {
      const socket = connect({ port, host: '127.0.0.1', ca: trusted, servername });
      await once(socket, 'secureConnect');
      socket.destroy();
    };
    await shake(ca, 'injector.zidecar-system.svc');
    await rejects(shake(ca, 'other.svc'), /does not match certificate's altnames/);
    await rejects(shake(certify(['x'], Date.now(), 1).ca, 'injector.zidecar-system.svc'), /unable to verify|self-signed/);
    server.close();
  });
});

describe('certificates that all replicas share', () => {
  const secretOf = { secret: 'injector-tls', configuration: 'zidecar-injector', names };
  const own = (api: FakeApi, wall: () => number) => ofOurOwn(api, secretOf, wall);

  it('are made by the first replica, told to API servers, and used by the second', async () => {
    const api = new FakeApi();
    const first = await own(api, () => now)();
    const second = await own(api, () => now)();
    deepEqual(second, { ...first, ca: api.text('ca.crt') });
    deepEqual(api.bundles(), [api.text('ca.crt'), api.text('ca.crt')]);
    ok(new X509Certificate(first.cert).verify(new X509Certificate(api.bundles()[0]!).publicKey));
  });

  it('are not made twice when two replicas begin at one time', async () => {
    const api = new FakeApi();
    const [one, other] = await Promise.all([own(api, () => now)(), own(api, () => now)()]);
    equal(one.cert, other.cert);
    equal(api.calls.filter((call) => call.startsWith('POST')).length, 2);
  });

  it('hold for two thirds of their time, then there are new ones, and both authorities are believed', async () => {
    const api = new FakeApi();
    let wall = now;
    const ask = own(api, () => wall);
    const first = await ask();
    const before = api.text('ca.crt');
    wall = now + 59 * DAY;
    equal((await ask()).cert, first.cert);
    wall = now + 61 * DAY;
    const second = await ask();
    notEqual(second.cert, first.cert);
    ok(api.bundles().every((bundle) => bundle.endsWith(before) && bundle.length > before.length));
    wall = now + 92 * DAY;
    await ask();
    wall = now + 125 * DAY;
    await ask();
    ok(!api.text('ca.crt').includes(before.trim()), 'an authority whose time is over is forgotten');
  });

  it('tell API servers before they are used', async () => {
    const api = new FakeApi();
    await own(api, () => now)();
    const told = api.calls.findIndex((call) => call.startsWith('PATCH'));
    const written = api.calls.findIndex((call) => call.startsWith('POST'));
    ok(written >= 0 && written < told);
    api.calls.length = 0;
    await own(api, () => now)();
    deepEqual(
      api.calls.map((call) => call.split(' ')[0]),
      ['GET', 'GET'],
      'nothing is written when nothing changed',
    );
  });

  for (const [what, spoil] of [
    ['of another name', (): object => certify(['old.svc'], now, 90)],
    ['whose time is over', (): object => certify(names, now - 100 * DAY, 90)],
    ['signed by nobody that is believed', (): object => ({ ...certify(names, now, 90), ca: certify(names, now, 90).ca })],
    ['with another key', (): object => ({ ...certify(names, now, 90), key: certify(names, now, 90).key })],
    ['that is no certificate', (): object => ({ cert: 'x', key: 'y', ca: 'z' })],
    ['that is empty', (): object => ({})],
  ] as const) {
    it(`replace one ${what}`, async () => {
      const api = new FakeApi();
      const { cert = '', key = '', ca = '' } = spoil() as Record<string, string>;
      const data = Object.fromEntries(
        Object.entries({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca }).map(([name, text]) => [
          name,
          Buffer.from(text).toString('base64'),
        ]),
      );
      api.keep({ metadata: { name: 'injector-tls', labels: { kept: 'yes' } }, data });
      const made = await own(api, () => now)();
      ok(new X509Certificate(made.cert).checkHost(names[0]!));
      equal(api.text('tls.crt'), made.cert);
      deepEqual((api.secret!['metadata'] as Record<string, unknown>)['labels'], { kept: 'yes' });
    });
  }

  it('are those of the replica that wrote meanwhile', async () => {
    const api = new FakeApi();
    const other = new FakeApi();
    const theirs = await own(other, () => now)();
    api.meanwhile = () => api.keep(other.secret!);
    equal((await own(api, () => now)()).cert, theirs.cert);
  });

  it('are never told over the newer ones of another replica, whenever it comes in between', async () => {
    for (const after of [1, 2]) {
      const api = new FakeApi();
      await own(api, () => now)();
      // applied anew by somebody, so that there is something to tell
      api.configuration = { ...api.configuration, webhooks: [{ name: 'pods.zidecar.dev', clientConfig: {} }] };
      const call = api.call.bind(api);
      let calls = 0;
      api.call = async (...asked) => {
        const answer = await call(...asked);
        if (++calls === after) await ofOurOwn({ namespace: api.namespace, call }, secretOf, () => now + 61 * DAY)();
        return answer;
      };
      await own(api, () => now + 59 * DAY)();
      deepEqual(api.bundles(), [api.text('ca.crt')], `after call ${after}`);
    }
  });

  it('say what may not be read', async () => {
    const api = new FakeApi();
    const call = api.call.bind(api);
    api.call = async (method, path) =>
      path.includes('/secrets/') ? { status: 403, body: { message: 'secrets "injector-tls" is forbidden' } } : call(method, path);
    await rejects(own(api, () => now)(), /the Secret injector-tls cannot be read: 403 secrets "injector-tls" is forbidden/);
  });
});

describe('certificates in files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-tls-'));
  after(() => rmSync(folder, { recursive: true }));
  it('are taken only when key and certificate belong together', async () => {
    const [one, other] = [certify(names, now, 90), certify(names, now, 90)];
    writeFileSync(join(folder, 'tls.crt'), one.cert);
    writeFileSync(join(folder, 'tls.key'), other.key);
    await rejects(fromFiles(folder)(), /do not belong together/);
    writeFileSync(join(folder, 'tls.key'), one.key);
    deepEqual(await fromFiles(folder)(), { cert: one.cert, key: one.key });
  });

  it('are not taken when a server could not be had with them', async () => {
    const { cert, key } = certify(names, now, 90);
    writeFileSync(join(folder, 'tls.key'), key);
    for (const [what, chain] of [
      ['a chain that is cut off', `${cert}${cert.slice(0, 100)}`],
      ['a chain that is no certificate', `${cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`],
    ] as const) {
      writeFileSync(join(folder, 'tls.crt'), chain);
      throws(() => createSecureContext({ cert: chain, key }), what);
      await rejects(fromFiles(folder)(), /are cut off/, what);
    }
  });
});
