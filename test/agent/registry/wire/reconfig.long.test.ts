/** An ensemble whose members change while we are connected, as kazoo holds its client to. */
import { deepEqual, doesNotMatch, match, ok } from 'node:assert/strict';
import { it } from 'node:test';
import { ensemble, leaderOf, requireZooKeeper } from '../../../support/zookeeper.js';
import { opened } from './opened.js';

it('a member leaves and joins again by reconfig, and the configuration says so', { skip: !requireZooKeeper() }, async (t) => {
  const servers = await ensemble(3, { reconfigEnabled: true, skipACL: 'yes' });
  t.after(() => Promise.all(servers.map((server) => server.remove())));
  const leader = await leaderOf(servers);
  const leaving = servers.findIndex((server) => server !== leader);
  const { client, up, downs } = opened([leader], { timeoutMs: 30_000 });
  t.after(() => client.close());
  await up();
  const text = async (): Promise<string> => (await client.getConfig()).data.toString();
  const line = new RegExp(`^server\\.${leaving + 1}=.*$`, 'm');
  const [member] = line.exec(await text()) ?? [];
  ok(member !== undefined, await text());
  await client.create('/apps');
  const { client: below, up: isUp } = opened([leader], { timeoutMs: 30_000, chroot: '/apps' });
  t.after(() => below.close());
  await isUp();
  const told = new Promise((resolve) => void below.getConfig(resolve));
  const { data, stat } = await client.reconfig({ leaving: String(leaving + 1) });
  doesNotMatch(data.toString(), line);
  deepEqual(await told, { type: 'changed', path: '/zookeeper/config' });
  ok(stat.mzxid > 0n);
  doesNotMatch(await text(), line);
  const joining = member.includes(';') ? member : `${member};${servers[leaving]!.connect}`;
  match((await client.reconfig({ joining })).data.toString(), line);
  match(await text(), line);
  deepEqual(downs, []);
});
