/** A client for tests, and everything that it has told. */
import { Client, type ClientOptions } from '../../../../agent/registry/wire/client.js';
import type { Address } from '../../../../agent/registry/wire/resolve.js';
import type { Up } from '../../../../agent/registry/wire/session.js';
import { clock, random } from '../../../../agent/system.js';
import { endsWithFile } from '../../../support/left-open.js';
import { clock as runningClock } from '../../../support/running-clock.js';
import { until } from '../tree-contract.js';
import { FakeServer } from './fake-server.js';

export interface Opened {
  readonly client: Client;
  readonly ups: Up[];
  readonly downs: string[];
  readonly overs: string[];
  readonly troubles: string[];
  /** Resolves when it is connected for the `count`th time. */
  readonly up: (count?: number) => Promise<Up>;
  readonly down: (count?: number) => Promise<string>;
  readonly over: () => Promise<string>;
  readonly trouble: (fits: RegExp) => Promise<string>;
}

type Place = Pick<Address, 'host' | 'port'> & Partial<Address>;

/** By the running clock where a server is of our own process: when that stands still, nobody is silent. */
export function opened(servers: readonly Place[], options: Partial<ClientOptions> = {}): Opened {
  const [ups, downs, overs, troubles]: [Up[], string[], string[], string[]] = [[], [], [], []];
  const addresses = servers.map((server) => ({
    host: server.host,
    port: server.port,
    label: server.label ?? `${server.host}:${server.port}`,
    ...(server.name !== undefined && { name: server.name }),
  }));
  const isOurs = servers.some((server) => server instanceof FakeServer);
  const client = new Client(
    { find: async () => addresses, timeoutMs: 30_000, clock: isOurs ? runningClock : clock, random, ...options },
    {
      up: (up) => void ups.push(up),
      down: (why) => void downs.push(why),
      over: (why) => void overs.push(why),
      trouble: (why) => void troubles.push(why),
    },
  );
  endsWithFile(() => client.drop());
  return {
    ...{ client, ups, downs, overs, troubles },
    up: async (count = 1) => {
      const isUp = (): boolean => ups.length >= count;
      await until(() => isUp() || overs.length > 0, `connection ${count}, and not only ${[...troubles, ...overs].join(' | ')}`);
      if (!isUp()) throw new Error(`the session is over: ${overs.join()}`);
      return ups[count - 1]!;
    },
    down: async (count = 1) => {
      await until(() => downs.length >= count, 'the loss of the connection');
      return downs[count - 1]!;
    },
    over: async () => {
      await until(() => overs.length > 0, 'the end of the session');
      return overs[0]!;
    },
    trouble: async (fits) => {
      const found = (): string | undefined => troubles.find((why) => fits.test(why));
      await until(() => found() !== undefined, `a trouble like ${fits}, and not only ${troubles.join(' | ')}`);
      return found()!;
    },
  };
}
