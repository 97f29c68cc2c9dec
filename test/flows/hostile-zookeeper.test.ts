/** Somebody else listens where ZooKeeper should be, and answers what nobody has asked. The sidecar says so, and lives on. */
import { equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeServer, writeStat } from '../agent/registry/wire/fake-server.js';
import { eventually, Sidecar } from '../support/program.js';

describe('a sidecar whose ZooKeeper is hostile', { timeout: 60_000 }, () => {
  const staged = async (client: 'native' | 'wire'): Promise<{ server: FakeServer; sidecar: Sidecar }> => {
    const server = await FakeServer.start({
      id: 7n,
      onRequest(guest, { xid }) {
        guest.answer(xid, 0, writeStat);
        guest.answer(77);
      },
    });
    const env = { ZIDECAR_ZOOKEEPER: `127.0.0.1:${server.port}`, ZIDECAR_ZOOKEEPER_CLIENT: client };
    return { server, sidecar: Sidecar.start({ ...env, ZIDECAR_UPSTREAMS: 'orders' }) };
  };

  it('lives on with the wire client, names the server, and ends when it is told to', async () => {
    const { server, sidecar } = await staged('wire');
    const { why } = await sidecar.fact('session_changed', { state: 'suspended' });
    match(String(why), new RegExp(`^127\\.0\\.0\\.1:${server.port} sent an answer with the number 77, and `));
    await eventually(() => server.guests.length >= 5);
    equal((await fetch(`http://${await sidecar.at('health')}/live`)).status, 200);
    equal(await sidecar.stop(), 0);
    await server.stop();
  });

  it('is aborted by the native one, which is why there is another', async () => {
    const { server, sidecar } = await staged('native');
    equal(await sidecar.ended(), -2, sidecar.story());
    await server.stop();
  });
});
