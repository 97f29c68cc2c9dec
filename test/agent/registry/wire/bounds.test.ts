/** What is beyond a bound of the client fails, says which bound it is, and is counted by the registry that uses it. */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fact } from '../../../../agent/events.js';
import { openZooKeeper } from '../../../../agent/registry/zookeeper.js';
import { clock, random } from '../../../../agent/system.js';
import { connected, until } from '../tree-contract.js';
import { FakeServer, writeStat } from './fake-server.js';
import { opened } from './opened.js';

const MIB = 1024 * 1024;
/** Answers to `exists` alone: whatever else is asked stays out. */
const EXISTS = 3;

describe('a bound of the client', () => {
  it('stands in the error of what it refused', async () => {
    const server = await FakeServer.start({ timeoutMs: 60_000 });
    const { client, up } = opened([server], { bounds: { requests: 3, bytes: MIB } });
    await up();
    const bound = (of: string, limit: number) => (error: { bound?: unknown }) => (deepEqual(error.bound, { of, limit }), true);
    const out = client.exists('/a').catch(() => undefined);
    await rejects(client.setData('/a', new Uint8Array(MIB)), bound('bytes of a request to ZooKeeper', 0xfffff));
    const most = client.setData('/a', new Uint8Array(MIB - 1_000)).catch(() => undefined);
    const last = client.exists('/a').catch(() => undefined);
    await rejects(client.exists('/a'), bound('requests out to ZooKeeper', 3));
    client.drop();
    await Promise.all([out, most, last]);
    const few = opened([server], { bounds: { requests: 3, bytes: 1_000 } });
    await few.up();
    const large = few.client.setData('/a', new Uint8Array(1_000)).catch(() => undefined);
    await rejects(few.client.exists('/a'), bound('bytes out to ZooKeeper', 1_000));
    few.client.drop();
    await large;
    await server.stop();
  });

  it('is counted where an answer is beyond it, once, and a write that was out with it may have been done', async (t) => {
    const server = await FakeServer.start({
      onRequest(guest, { xid, op }) {
        if (op === EXISTS) guest.answer(xid, 0, writeStat);
        else guest.socket.write(Buffer.from('7fffffff', 'hex'));
      },
    });
    const facts: Fact[] = [];
    const tree = openZooKeeper({
      ...{ servers: [server], chroot: '', sessionTimeoutMs: 6_000, client: { kind: 'wire' }, clock, random },
      emit: (fact) => void facts.push(fact),
    });
    t.after(() => tree.close());
    await connected(tree);
    const lost = (error: { code?: unknown }): boolean => (equal(error.code, 'connection_lost'), true);
    const [list, write] = [tree.children('/a'), tree.write('/a', new Uint8Array(), 0)];
    await Promise.all([rejects(list, lost), rejects(write, lost)]);
    const told = facts.flatMap((fact) => (fact.kind === 'bound_reached' ? [[fact.bound, fact.limit]] : []));
    deepEqual(told, [['bytes of an answer of ZooKeeper', 16 * MIB]]);
    await until(() => tree.session.state === 'connected', 'the connection');
    await server.stop();
  });
});
