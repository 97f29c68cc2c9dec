/** What an endpoint's sidecar says of itself, asked over real connections. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Prover, type Foreign, type Proof, type Suspect } from '../../../agent/trust/prover.js';
import { FakeClock } from '../../support/clock.js';
import { freePort } from '../../support/ports.js';
import { HEALTH_PORT, healthPortOf, judge, toldHealthPort, type Identity, type Meant } from '../../../agent/trust/who-answers.js';

const meant: Meant = { services: new Set(['orders']), id: 'o1', hosts: new Set(['10.1.2.3', 'pod-1']), port: 8080 };
const row = (changes: Partial<Identity> = {}): Identity => ({
  ...{ service: 'orders', id: 'o1', node: 'o1', host: '10.1.2.3', port: 8080, announced: true },
  ...changes,
});
const said = (...services: readonly unknown[]): unknown => ({ services });

describe('an answer about an identity', () => {
  for (const [what, body, kind] of [
    ['of the same service, id and address', said(row()), 'same'],
    ['with another service first', said(row({ service: 'x', port: 1 }), row()), 'same'],
    ['whose node has the id, because the registry numbers it', said(row({ id: 'o', node: 'o1' })), 'same'],
    ['with the name that was registered in place of an address', said(row({ host: 'POD-1' })), 'same'],
    ['of another service at this address', said(row({ service: 'users', id: 'u1' })), 'other'],
    ['of another instance at this address', said(row({ id: 'o2', node: 'o2' })), 'other'],
    ['of the same that is withdrawn', said(row({ announced: false })), 'withdrawn'],
    ['about another port of the host', said(row({ port: 8081 })), 'unrelated'],
    ['about another host', said(row({ host: '10.1.2.4' })), 'unrelated'],
    ['of nobody', said(), 'unrelated'],
    ['without rows', { services: 'orders' }, 'unrelated'],
    ['that is no object', null, 'unrelated'],
    ['with rows of the wrong types', said(null, 7, { ...row(), port: '8080' }, { ...row(), announced: 'yes' }), 'unrelated'],
    ['about an address of one link, which is none elsewhere', said(row({ host: 'fe80::1%eth0' })), 'unrelated'],
    ['with more rows than any app has services', said(...Array.from({ length: 64 }, () => row({ port: 1 })), row()), 'unrelated'],
  ] as const)
    it(`${what} is ${kind}`, () => equal(judge(body, meant).kind, kind));

  it('is held to no id where none was ever told', () =>
    equal(judge(said(row({ id: 'o2', node: 'o2' })), { ...meant, id: undefined }).kind, 'same'));

  it('comes from the port that the registration tells, where that is one', () =>
    deepEqual(
      ['7191', '0', '65536', '6191x', ''].map((port) => healthPortOf({ 'zidecar-health': port })),
      [7191, undefined, undefined, undefined, undefined],
    ));
});

describe('the port of our own health listener', () => {
  const tcp = (host: string, port: number) => ({ kind: 'tcp', host, port }) as const;
  for (const [what, listeners, told] of [
    ['that everybody assumes', [tcp('::', 6191)], undefined],
    ['on all addresses', [tcp('::', 7191)], 7191],
    ['on the address that peers are told', [tcp('127.0.0.1', 7000), tcp('10.1.2.3', 7191)], 7191],
    ['on an address that they are not told', [tcp('127.0.0.1', 7191)], undefined],
    ['that is another each time', [tcp('::', 0)], undefined],
    ['that is none', [{ kind: 'unix' }], undefined],
    ['that is off', [], undefined],
  ] as const)
    it(`${what} is told as ${told}`, () => equal(toldHealthPort(listeners, '10.1.2.3'), told));
});

const serving = async (t: TestContext, answer: RequestListener): Promise<{ port: number; close: () => Promise<void> }> => {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  t.after(close);
  return { port: (server.address() as AddressInfo).port, close };
};
const suspect = (healthPort: number | undefined, port = 8080, foreign: Foreign = 'connect'): Suspect => ({
  ...{ host: '127.0.0.1', port, healthPort, foreign },
  meant: { ...meant, hosts: new Set(['127.0.0.1']), port },
});
/** Its patience ends when the test says so. */
const prover = (): { prove: (one: Suspect) => Promise<Proof>; told: string[]; clock: FakeClock } => {
  const told: string[] = [];
  const clock = new FakeClock();
  const made = new Prover({ clock, told: (result) => void told.push(result) });
  return { prove: (one) => made.prove(one), told, clock };
};

describe('a proof', () => {
  it('is asked for on a connection of its own each time, and shared by those who ask at one time', async (t) => {
    let [connections, asked] = [0, 0];
    const { port } = await serving(t, (request, response) => {
      asked++;
      request.socket.once('close', () => connections++);
      response.end(JSON.stringify(said(row({ host: '127.0.0.1' }))));
    });
    const { prove, told } = prover();
    const proofs = await Promise.all([prove(suspect(port)), prove(suspect(port))]);
    deepEqual([proofs.map(({ kind }) => kind), asked], [['same', 'same'], 1]);
    await prove(suspect(port));
    equal(asked, 2);
    deepEqual(told, ['same', 'same']);
    while (connections < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('fails where a known sidecar is silent, speaks of others, breaks off, or never ends', async (t) => {
    const { prove, clock } = prover();
    match(JSON.stringify(await prove(suspect(await freePort()))), /silent.*ECONNREFUSED/);
    for (const [answer, why] of [
      [(_, response) => response.writeHead(404).end('no'), /silent.*it answered 404/],
      [(_, response) => response.end(JSON.stringify(said())), /silent.*speaks of others/],
      [(_, response) => response.end(JSON.stringify(said(row({ host: 'fe80::1%eth0' })))), /silent.*speaks of others/],
      [(_, response) => response.end('<html>'), /silent.*speaks of others/],
      [(_, response) => response.writeHead(302, { location: '/elsewhere' }).end(), /silent.*it answered 302/],
      [(request) => request.socket.destroy(), /silent/],
      [() => void clock.advance(500), /silent.*no answer in 500 ms/],
      [(_, response) => void response.write('x'.repeat(100_000)), /silent.*more than 65536 bytes/],
    ] as readonly (readonly [RequestListener, RegExp])[])
      match(JSON.stringify(await prove(suspect((await serving(t, answer)).port))), why);
  });

  it('is asked for again with the next connection where somebody listened and was too slow to answer, not where nobody did', async (t) => {
    const host = '127.0.9.3'; // so that nobody else has the port that everybody assumes
    const one = { ...suspect(undefined), host, meant: { ...meant, hosts: new Set([host]) } };
    const { prove, clock } = prover();
    deepEqual(await prove(one), { kind: 'foreign' });
    let asked = 0;
    const server = createServer((_, response) => {
      if (asked++ === 0) void clock.advance(500);
      else response.end(JSON.stringify(said(row({ host, id: 'o2', node: 'o2' }))));
    }).listen(HEALTH_PORT, host);
    t.after(() => (server.closeAllConnections(), server.close()));
    await once(server, 'listening');
    deepEqual([(await prove(one)).kind, asked], ['foreign', 0], 'not in the next 30 s');
    await clock.advance(30_000);
    deepEqual([(await prove(one)).kind, asked], ['foreign', 1]);
    deepEqual([(await prove(one)).kind, asked], ['other', 2]);
  });

  it('of a peer without a sidecar is what the setting says', async (t) => {
    let status = 200;
    const app = await serving(t, (_, response) => response.writeHead(status).end());
    const { prove } = prover();
    const none = (foreign: Foreign, port = app.port): Promise<Proof> => prove(suspect(undefined, port, foreign));
    deepEqual(await none('connect'), { kind: 'foreign' });
    equal((await none('refuse')).kind, 'refused');
    deepEqual(await none('/well'), { kind: 'foreign' });
    status = 500;
    match(JSON.stringify(await none('/well')), /silent.*GET \/well it answered 500/);
  });
});
