/** The built program chooses: by a key, by a label, by zone, and slowly where somebody is new. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { app, type App } from '../support/calls.js';
import { eventually, Sidecar } from '../support/program.js';

interface Why {
  readonly endpoints: readonly { readonly id: string; readonly share: number; readonly reason: string }[];
}

describe('a sidecar that chooses', { timeout: 240_000 }, () => {
  let folder = '';
  let outbound = '';
  let sidecar: Sidecar;
  let apps: App[] = [];

  const register = async (service: string, index: number, payload: Record<string, string>, ageMs = 3_600_000): Promise<void> => {
    const [port, at] = [apps[index]!.port, join(folder, 'services', service)];
    const node = { address: '127.0.0.1', port, registrationTimeUTC: Date.now() - ageMs, payload };
    await mkdir(at, { recursive: true });
    await writeFile(join(at, `i${index}`), JSON.stringify(node));
  };
  const answer = (service: string, headers: Record<string, string> = {}, chunked = false): Promise<Response> =>
    fetch(`http://${outbound}/svc/${service}/`, {
      headers,
      ...(chunked && { method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' as const }),
    });
  const served = async (...asked: Parameters<typeof answer>): Promise<string> => (await answer(...asked)).text();
  const why = (service: string): Promise<Why> => sidecar.get<Why>(`/upstreams/${service}/why`);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zidecar-test-'));
    apps = await Promise.all(Array.from({ length: 6 }, (_, index) => app(`app ${index}`)));
    for (let index = 0; index < 6; index++) {
      await register('sticky', index, {});
      await register('zoned', index, { zone: index < 3 ? 'a' : 'b' });
      await register('labelled', index, { version: index === 0 ? 'canary' : 'stable' });
      await register('grown', index, {}, index === 0 ? 0 : 3_600_000);
    }
    const config = join(folder, 'zidecar.yaml');
    await writeFile(
      config,
      [
        `zookeeper: dir:${folder}`,
        'zone: a',
        'upstreams:',
        '  sticky: { policy: maglev, hashKey: "header:x-user" }',
        '  zoned: {}',
        '  labelled: { split: { version: { canary: 10 } } }',
        '  grown: { policy: least_request, slowStart: 10m }',
      ].join('\n'),
    );
    sidecar = Sidecar.start({ ZIDECAR_CONFIG: config });
    outbound = await sidecar.at('outbound');
    await eventually(async () => {
      const { upstreams } = await sidecar.get<{ upstreams: readonly { endpoints: readonly unknown[] }[] }>('/upstreams');
      return upstreams.length === 4 && upstreams.every(({ endpoints }) => endpoints.length === 6);
    });
  });
  after(async () => {
    sidecar.kill();
    await Promise.all(apps.map((one) => one.close()));
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  it('keeps the calls of a user on one instance, in both lanes, and spreads users', async () => {
    const users = Array.from({ length: 24 }, (_, index) => `user-${index}`);
    const homes = new Map<string, string>();
    for (const user of users) homes.set(user, await served('sticky', { 'x-user': user }));
    ok(new Set(homes.values()).size >= 4, String(new Set(homes.values()).size));
    for (const user of users) equal(await served('sticky', { 'X-User': user }, user.endsWith('1')), homes.get(user), user);
    const metrics = await (await fetch(`http://${await sidecar.at('health')}/metrics`)).text();
    for (const lane of ['fast', 'full']) match(metrics, new RegExp(`zidecar_lane_calls_total{lane="${lane}"} [1-9]`));
  });

  it('says which instance has the key of a call, and what a call without one gets', async () => {
    interface Told {
      readonly steps: readonly { readonly about: string; readonly says: string }[];
      readonly endpoints: readonly { readonly port: number; readonly share: number }[];
    }
    const told = async (header = ''): Promise<readonly [string, number | undefined]> => {
      const { steps, endpoints } = await sidecar.get<Told>(`/call?url=/svc/sticky/${header}`);
      return [steps.find(({ about }) => about === 'key')!.says, endpoints.find(({ share }) => share === 100)?.port];
    };
    for (const user of ['user-1', 'user-2', 'user-3']) {
      const [says, port] = await told(`&header=x-user:+${user}`);
      const home = apps.find(({ name, port: its }) => its === port && name);
      equal(home?.name, await served('sticky', { 'x-user': user }));
      equal(says, `by the header x-user: to 127.0.0.1:${port}`);
    }
    deepEqual(await told(), ['by the header x-user, which it does not have: by chance, then', undefined]);
  });

  it('stays in its own zone while that has room', async () => {
    const by = new Set<string>();
    for (let call = 0; call < 12; call++) by.add(await served('zoned'));
    deepEqual([...by].sort(), ['app 0', 'app 1', 'app 2']);
    const { endpoints } = await why('zoned');
    deepEqual(
      endpoints.map(({ share }) => share),
      [33.3, 33.3, 33.3, 0, 0, 0],
    );
    match(endpoints[0]!.reason, /zone a, which is ours: gets 100 % of our calls/);
    match(endpoints[5]!.reason, /zone b: gets none, as ours has room/);
  });

  it('lets calls go over to another zone when most callers are in ours, as the registry tells of our own service', async () => {
    // shop: three in zone a, this sidecar among them by name, one in zone b
    for (let index = 0; index < 4; index++) await register('shop', index, { zone: index < 3 ? 'a' : 'b' });
    await writeFile(join(folder, 'shop.yaml'), [`zookeeper: dir:${folder}`, 'zone: a', 'upstreams: { zoned: {} }'].join('\n'));
    const shop = Sidecar.start({
      ...{ ZIDECAR_CONFIG: join(folder, 'shop.yaml'), ZIDECAR_SERVICE: 'shop', ZIDECAR_APP_PORT: '9', ZIDECAR_PROBE: 'none' },
      ZIDECAR_INSTANCE_ID: 'self',
    });
    await shop.fact('announced');
    // with itself four of five callers are in a, and half of the endpoints: 5/8 of its calls stay
    await eventually(async () => {
      const { endpoints } = await shop.get<Why>('/upstreams/zoned/why');
      return endpoints.length === 6 && endpoints[0]!.share === 20.8 && /gets 37.5 % of them/.test(endpoints[5]!.reason);
    });
    equal(await shop.stop(), 0);
  });

  it('gives a label its part of the calls, exactly, and a call the label that it asks for, in both lanes', async () => {
    const counts = { canary: 0, stable: 0 };
    for (let call = 0; call < 40; call++) counts[(await served('labelled')) === 'app 0' ? 'canary' : 'stable']++;
    deepEqual(counts, { canary: 4, stable: 36 });
    for (const chunked of [false, true])
      for (let call = 0; call < 3; call++)
        equal(await served('labelled', { 'x-zidecar-subset': 'version=canary' }, chunked), 'app 0');
  });

  it('refuses in words what nobody has, and what it cannot read, in both lanes', async () => {
    for (const chunked of [false, true]) {
      const refused = await answer('labelled', { 'x-zidecar-subset': 'version=next' }, chunked);
      equal(refused.headers.get('x-zidecar-error'), 'no_subset');
      match(((await refused.json()) as { message: string }).message, /is in the subset version=next \(0 of 6\)/);
      equal((await answer('labelled', { 'x-zidecar-subset': 'canary' }, chunked)).status, 400);
    }
  });

  it('says of one that has just registered how much it gets, and for how long', async () => {
    const { endpoints } = await why('grown');
    match(endpoints[0]!.reason, /slow start: \d0 % of its weight, all of it in \d+ (min|s)/);
    ok(endpoints[0]!.share < endpoints[1]!.share, `${endpoints[0]!.share} ${endpoints[1]!.share}`);
  });
});
