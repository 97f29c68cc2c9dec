/** Somebody else listens where ZooKeeper should be, and answers what nobody has asked. The sidecar says so, and lives on. */
import { equal, match } from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FakeServer, writeStat } from '../agent/registry/wire/fake-server.js';
import { eventually, Sidecar } from '../support/program.js';

describe('a sidecar whose ZooKeeper is hostile', { timeout: 240_000 }, () => {
  const staged = async (t: TestContext, client: 'native' | 'wire'): Promise<{ server: FakeServer; sidecar: Sidecar }> => {
    const server = await FakeServer.start({
      id: 7n,
      onRequest(guest, { xid }) {
        guest.answer(xid, 0, writeStat);
        guest.answer(77);
      },
    });
    t.after(() => server.stop());
    const env = { ZIDECAR_ZOOKEEPER: `127.0.0.1:${server.port}`, ZIDECAR_ZOOKEEPER_CLIENT: client };
    const sidecar = Sidecar.start({ ...env, ZIDECAR_UPSTREAMS: 'orders' });
    t.after(() => sidecar.kill());
    return { server, sidecar };
  };

  it('lives on with the wire client, names the server, and ends when it is told to', async (t) => {
    const { server, sidecar } = await staged(t, 'wire');
    const { why } = await sidecar.fact('session_changed', { state: 'suspended' });
    match(String(why), new RegExp(`^127\\.0\\.0\\.1:${server.port} sent an answer with the number 77, and `));
    await eventually(() => server.guests.length >= 5);
    equal((await fetch(`http://${await sidecar.at('health')}/live`)).status, 200);
    equal(await sidecar.stop(), 0);
  });

  it('is aborted by the native one, which is why there is another', async (t) => {
    const { sidecar } = await staged(t, 'native');
    equal(await sidecar.ended(), -2, sidecar.story());
  });
});
