/** Services whose members all stand in one session of somebody else's, which ends: what a registry looks like that has lost its mind. */
import { app, type App } from '../support/calls.js';
import { RawClient } from '../support/raw-client.js';

export interface Herd {
  readonly apps: ReadonlyMap<string, readonly App[]>;
  /** Every node of every service goes at one time. The apps live on. */
  vanish(): Promise<void>;
  end(): Promise<void>;
}

export async function herd(zookeeper: string, sizes: Readonly<Record<string, number>>): Promise<Herd> {
  const raw = await RawClient.open(zookeeper);
  const apps = new Map<string, readonly App[]>();
  for (const [service, size] of Object.entries(sizes)) {
    const all = await Promise.all(Array.from({ length: size }, (_, index) => app(`${service}-${index}`)));
    apps.set(service, all);
    await raw.plant(`/services/${service}`);
    for (const { name, port } of all)
      await raw.create(
        `/services/${service}/${name}`,
        JSON.stringify({ name: service, id: name, address: '127.0.0.1', port, payload: null }),
        'ephemeral',
      );
  }
  return {
    apps,
    vanish: () => raw.close(),
    async end() {
      raw.kill();
      await Promise.all([...apps.values()].flat().map((each) => each.close()));
    },
  };
}
