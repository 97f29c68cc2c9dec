/** The brake on a mass drop, through the built program on a real ZooKeeper, which hangs then: it would say after 10 s that they are gone (mass-drop.long). */
import { deepEqual, equal, match } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { call } from '../support/calls.js';
import { eventually, zidecar } from '../support/program.js';
import { requireZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';
import { Fleet } from './fleet.js';
import { herd, type Herd } from './mass-drop.js';

interface Why {
  readonly list?: { readonly doubtful: number };
  readonly endpoints: readonly { readonly id: string; readonly reason: string }[];
}

describe('when all members of a service vanish at one time, while their apps are well', { timeout: 240_000 }, () => {
  let server: ZooKeeperServer;
  let members: Herd;
  const fleet = new Fleet('wire', () => server.connect);
  before(async () => {
    requireZooKeeper();
    server = await ZooKeeperServer.start();
    members = await herd(server.connect, { kept: 5, dropped: 4, trusted: 3, few: 2 });
  });
  after(async () => {
    await fleet.end();
    await members.end();
    await server.remove();
  });

  it('they are kept and called, told of, gone after one failed connect, and an operator can overrule it', async () => {
    const sidecar = fleet.start({
      ZIDECAR_SESSION_TIMEOUT: '60s',
      ZIDECAR_UPSTREAMS: 'kept,dropped,trusted,few',
      ZIDECAR_RETRIES: '0',
    });
    const why = (name: string): Promise<Why> => sidecar.get<Why>(`/upstreams/${name}/why`);
    const has = (name: string, count: number): Promise<boolean> =>
      eventually(async () => (await why(name)).endpoints.length === count);
    for (const [name, apps] of members.apps) await has(name, apps.length);
    const at = await sidecar.at('outbound');
    await members.vanish();
    // they are heard of one by one, and the third makes it a mass
    for (const upstream of ['kept', 'dropped', 'trusted'])
      match(
        String((await sidecar.fact('mass_drop', { upstream }))['msg']),
        /[345] endpoints vanished at one time and \d are left: kept/,
      );
    await has('few', 0); // two of two are no mass

    const scrape = async (): Promise<string> => (await fetch(`http://${await sidecar.at('health')}/metrics`)).text();
    await eventually(async () => /^zidecar_doubtful_endpoints\{service="kept"\} 5$/m.test(await scrape())); // the last two are heard of, too
    await server.standStill(); // from here on nothing goes by a time but that 60 s are the end
    match(await scrape(), /^zidecar_mass_drops_total\{service="kept"\} 1$/m);
    match((await why('kept')).endpoints[0]!.reason, /^doubtful, kept after a mass drop/);
    const answered = new Set<string>();
    for (let n = 0; n < 20; n++) answered.add((await call(at, 'kept')).body);
    deepEqual([...answered].sort(), ['kept-0', 'kept-1', 'kept-2', 'kept-3', 'kept-4']);

    const [dying] = members.apps.get('kept')!;
    await dying!.close();
    await why('kept'); // who answers this has heard before that its idle connections are closed, and would lose a call on them
    for (let n = 0; n < 10; n++) equal((await call(at, 'kept')).status, 200);
    await sidecar.fact('doubtful_dropped', { upstream: 'kept', endpoint: `127.0.0.1:${dying!.port}` });
    await has('kept', 4);

    const admin = await sidecar.at('admin');
    const overrule = async (name: string, what: string): Promise<void> =>
      equal((await zidecar(['doubtful', name, what, '--admin', admin])).code, 0);
    await Promise.all([overrule('dropped', '--drop'), overrule('trusted', '--trust')]);
    await has('dropped', 0);
    const refused = await call(at, 'dropped');
    equal(refused.headers['x-zidecar-error'], 'no_endpoints');
    match(refused.body, /4 doubtful ones were dropped by an operator: they get calls again when the registry names them anew/);
    match((await zidecar(['why', 'dropped', '--admin', admin])).out, /4 doubtful ones were dropped by an operator/);
    equal((await why('trusted')).endpoints.length, 3);
    match(await scrape(), /^zidecar_doubtful_endpoints\{service="trusted"\} 0$/m);
    await eventually(() => sidecar.lines.filter(({ kind }) => kind === 'doubts_overruled').length === 2);
  });
});
