/** The client of a RawClient where the native package is not built: our own in its clothes. */
import { Client } from '../../agent/registry/wire/client.js';
import { ZooKeeperError } from '../../agent/registry/wire/errors.js';
import type { CreateMode } from '../../agent/registry/wire/protocol.js';
import type { Stat } from '../../agent/registry/wire/records.js';
import { clock, random } from '../../agent/system.js';
import type { Done, Native } from './raw-client-process.js';

const MODES: readonly CreateMode[] = ['persistent', 'ephemeral', 'persistent_sequential', 'ephemeral_sequential', 'container'];
const statOf = ({ ephemeralOwner, version, dataLength, mzxid }: Stat): object => ({
  ephemeralOwner: BigInt.asUintN(64, ephemeralOwner).toString(16),
  version,
  dataLength,
  mzxid: Number(mzxid),
});

export class WireAsNative implements Native {
  client_id = '';
  #client: Client | undefined;
  #onUp: () => void = () => undefined;

  on(_event: string, listener: () => void): void {
    this.#onUp = listener;
  }

  init({ connect: places, timeout }: { readonly connect: string; readonly timeout: number }): void {
    const servers = places.split(',').map((place) => {
      const [, host = '', port] = /^(.*):(\d+)$/.exec(place)!;
      return { host, port: Number(port), label: place };
    });
    const told = { down: () => undefined, over: () => undefined, trouble: () => undefined };
    this.#client = new Client(
      { find: async () => servers, timeoutMs: timeout, clock, random },
      {
        ...told,
        up: ({ id }) => {
          if (this.client_id !== '') return;
          this.client_id = id;
          this.#onUp();
        },
      },
    );
  }

  close(): void {
    void this.#client!.close();
  }

  a_create(path: string, data: Buffer, flags: number, done: Done): void {
    this.#answer(done, async (client) => [(await client.create(path, data, { mode: MODES[flags]! })).path]);
  }

  a_set(path: string, data: Buffer, version: number, done: Done): void {
    this.#answer(done, async (client) => [statOf(await client.setData(path, data, version))]);
  }

  a_get(path: string, _watch: false, done: Done): void {
    this.#answer(done, async (client) => {
      const { data, stat } = await client.getData(path);
      return [statOf(stat), data];
    });
  }

  a_exists(path: string, _watch: false, done: Done): void {
    this.#answer(done, async (client) => {
      const stat = await client.exists(path);
      if (!stat) throw new ZooKeeperError('NO_NODE', path, { number: -101 });
      return [statOf(stat)];
    });
  }

  a_get_children(path: string, _watch: false, done: Done): void {
    this.#answer(done, async (client) => [(await client.getChildren(path)).names]);
  }

  a_delete_(path: string, version: number, done: Done): void {
    this.#answer(done, async (client) => [await client.delete(path, version)]);
  }

  a_set_acl(path: string, version: number, acl: { perms: number; scheme: string; auth: string }[], done: Done): void {
    const list = acl.map(({ perms, scheme, auth }) => ({ perms, scheme, id: auth }));
    this.#answer(done, async (client) => [await client.setAcl(path, list, version).then(() => undefined)]);
  }

  a_sync(path: string, done: Done): void {
    this.#answer(done, async (client) => [await client.sync(path)]);
  }

  #answer(done: Done, ask: (client: Client) => Promise<readonly unknown[]>): void {
    ask(this.#client!).then(
      (answer) => done(0, 'ok', ...answer),
      (error: unknown) => done((error as ZooKeeperError).number ?? -1, (error as Error).message),
    );
  }
}
