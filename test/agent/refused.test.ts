/** Commands of a moment where no waiting is of use: they say why, and do not wait for what will not come. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { Refusals } from '../../agent/refused.js';
import { clock } from '../../agent/system.js';
import { Authority } from '../support/certificates.js';
import { clients, zidecar } from '../support/program.js';
import { ZooKeeperServer, requireZooKeeper } from '../support/zookeeper.js';

async function listening(t: TestContext, server: Server): Promise<string> {
  server.on('tlsClientError', () => undefined);
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function settingsOf(...places: readonly string[]): ConstructorParameters<typeof Refusals>[0] {
  const servers = places.map((place) => ({ host: '127.0.0.1', port: Number(place.split(':')[1]) }));
  const tls = { zookeeperTlsCa: undefined, zookeeperTlsCert: undefined, zookeeperTlsKey: undefined };
  return { ...tls, zookeeperClient: 'wire', zookeeperAuth: undefined, zookeeper: { kind: 'zookeeper', servers, chroot: '' } };
}

/** In turn: each command ends ten seconds after its process began, which a dozen of them at one time may need to say the first word. */
describe('a command that asks ZooKeeper once', () => {
  it('says that nobody listens without waiting for it, by either client', async () => {
    const asked = ['services', 'lint'].flatMap((command) =>
      [...clients].map((client) => [command, '--zookeeper-client', client]),
    );
    const ended = await Promise.all(asked.map((args) => zidecar([...args, '--zookeeper', '127.0.0.1:1'])));
    // within: on a machine that is too busy even so
    const said =
      /^zidecar: no (session with|answer from) the registry( within \d+ s)?: nothing listens at 127\.0\.0\.1:1: start ZooKeeper there, or check ZIDECAR_ZOOKEEPER\n$/;
    for (const { code, err } of ended) {
      equal(code, 69);
      match(err, said);
    }
  });

  it('knows what to say when it has looked once, should time be up before it looks again', async () => {
    const refusals = new Refusals(settingsOf('127.0.0.1:1'));
    const steps: string[] = [];
    Object.defineProperty(refusals, 'trouble', { get: () => steps.at(-1) ?? '', set: (why: string) => steps.push(why) });
    await refusals.told.catch(() => steps.push('told'));
    deepEqual(steps, ['nothing listens at 127.0.0.1:1: start ZooKeeper there, or check ZIDECAR_ZOOKEEPER', 'told']);
  });

  it('says what is wrong with TLS without waiting, where no server agrees on it', async (t) => {
    const [ours, theirs] = [new Authority('ours'), new Authority('theirs')];
    t.after(() => (ours.remove(), theirs.remove()));
    const pem = ours.issue('zk', ['IP:127.0.0.1']);
    const secret = { cert: readFileSync(pem.cert), key: readFileSync(pem.key), ca: readFileSync(ours.ca) };
    const known = await listening(t, createTlsServer({ ...secret, requestCert: true }));
    const plain = await listening(
      t,
      createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.destroy())),
    );
    const [distrusted, refusing] = ['no authority that is trusted here vouches for its certificate', 'alert'];
    const cases: readonly (readonly [string, string, RegExp])[] = [
      [known, theirs.ca, new RegExp(`${known} fails: .*: ${distrusted} \\(ZIDECAR_ZOOKEEPER_TLS_CA\\)\n$`)],
      [known, ours.ca, new RegExp(`${known} fails: .*${refusing}`)], // it wants one of ours
      [
        plain,
        ours.ca,
        new RegExp(`${plain} (closed|broke) the connection( off)? before TLS was agreed on: is that its port for TLS\\?\n$`),
      ],
      [
        `${known},${plain}`,
        theirs.ca,
        new RegExp(`${distrusted}.*; ${plain} (closed|broke)|${plain} (closed|broke).*; ${known} fails`),
      ],
    ];
    await Promise.all(
      cases.map(async ([servers, ca, said]) => {
        const args = ['--zookeeper', servers, '--zookeeper-client', 'wire', '--zookeeper-tls-ca', ca];
        const { code, err } = await zidecar(['services', ...args]);
        equal(code, 69);
        match(err, /^zidecar: no session with the registry( within \d+ s)?: /);
        match(err, said);
      }),
    );
  });

  it('takes a login for missing only when every server that listens has demanded it', async (t) => {
    const hangsUp = (): Server => createServer((socket) => socket.on('error', () => undefined).destroy());
    const [one, other] = [await listening(t, hangsUp()), await listening(t, hangsUp())];
    const refusals = new Refusals(settingsOf(one, other, '127.0.0.1:1'));
    const says = (label: string): string => `${label} demands a login (ZIDECAR_ZOOKEEPER_AUTH)`;
    refusals.emit({ kind: 'session_trouble', why: says(one), demandedBy: one });
    refusals.emit({ kind: 'session_trouble', why: says(other) }); // no more than words
    const told = refusals.told.catch((error: unknown) => (error as Error).message);
    equal(await Promise.race([told, clock.sleep(1_000)]), undefined);
    refusals.emit({ kind: 'session_trouble', why: says(other), demandedBy: other });
    equal(await told, `no session with the registry: ${says(one)}; ${says(other)}`);
  });

  it('says that a login is missing, by either client', { skip: !requireZooKeeper() }, async (t) => {
    const server = await ZooKeeperServer.start({ 'enforce.auth.enabled': true, 'enforce.auth.schemes': 'digest' });
    t.after(() => server.remove());
    for (const command of ['services', 'lint']) {
      await Promise.all(
        [...clients].map(async (client) => {
          const { code, err } = await zidecar([command, '--zookeeper', server.connect, '--zookeeper-client', client]);
          equal(code, 69);
          match(err, /^zidecar: no session with the registry: .* demands a login.*ZIDECAR_ZOOKEEPER_AUTH/);
        }),
      );
    }
  });
});
