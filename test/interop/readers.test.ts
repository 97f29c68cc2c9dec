/** The model of Curator that `zidecar lint` asks, against the real Curator on a real ZooKeeper. */
import { deepEqual, equal } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MAP_CLASS, SPRING_CLASS } from '../../agent/registry/dialects/classes.js';
import { readers } from '../../agent/registry/dialects/readers.js';
import { stat } from '../agent/registry/dialects/node.js';
import { Curator } from '../support/curator.js';
import { requireZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';

const good = {
  name: 'S',
  id: 'a',
  address: '10.1.2.3',
  port: 8080,
  payload: null,
  registrationTimeUTC: 1,
  serviceType: 'DYNAMIC',
};
const nodes: readonly (readonly [string, unknown])[] = [
  ['a plain node', good],
  ['a map of ours', { ...good, payload: { '@class': MAP_CLASS, weight: '5' } }],
  ['a text as payload', { ...good, payload: 'hello' }],
  ['a number as payload', { ...good, payload: 7 }],
  ["Spring's payload", { ...good, payload: { '@class': SPRING_CLASS, id: 'a', name: 'S', metadata: {} } }],
  ['an unknown class', { ...good, payload: { '@class': 'com.acme.Mine' } }],
  ['a list as payload', { ...good, payload: [1] }],
  ['an unknown type', { ...good, serviceType: 'STRANGE' }],
  ['an unknown field', { ...good, invented: 1 }],
  ['a port as text', { ...good, port: '8080' }],
  ['a port in words', { ...good, port: 'http' }],
  ['a port in a list', { ...good, port: [8080] }],
  ['no port', { ...good, port: null }],
  ['no address', { ...good, address: null }],
  ['an address in an object', { ...good, address: {} }],
  ['no name and no id', { ...good, name: null, id: null }],
  ['almost nothing', { address: '10.1.2.3', port: 1 }],
  ['being switched off', { ...good, enabled: false }],
  ['no data', ''],
  ['no JSON', 'hello'],
  ['half a node', '{"name":"S","addr'],
  ['a list', '[]'],
  ['null', 'null'],
  ['a member of a serverset', { serviceEndpoint: { host: 'h', port: 1 }, additionalEndpoints: {}, status: 'ALIVE' }],
];

describe("lint's model of Curator", { timeout: 120_000 }, () => {
  let server: ZooKeeperServer | undefined;
  let curator: Curator | undefined;
  before(async (t) => {
    if (!requireZooKeeper(t as { skip?(message: string): void })) return;
    server = await ZooKeeperServer.start();
    curator = await Curator.start(server.connect);
  });
  after(async () => {
    curator?.kill();
    await server?.remove();
  });

  const compare = async (value: unknown, index: number): Promise<readonly [string, string]> => {
    const service = `s${index}`;
    const text = (typeof value === 'string' ? value : JSON.stringify(value)).replace('"S"', `"${service}"`);
    await curator!.put(`/services/${service}/a`, text);
    const real = await curator!.list(service).then(
      () => 'goes on',
      () => 'breaks',
    );
    const { does } = readers[0]!.read({ service, name: 'a', data: new TextEncoder().encode(text), stat: stat(text.length) });
    return [real, does === 'breaks' ? 'breaks' : 'goes on'];
  };

  for (const [index, [what, value]] of nodes.entries())
    it(`says of ${what} what the real one does`, async (t) => {
      if (!requireZooKeeper(t)) return;
      const [real, model] = await compare(value, index);
      equal(model, real);
    });

  it('is stricter in one thing: an object without a class breaks typed readers alone, and this one has no type', async (t) => {
    if (!requireZooKeeper(t)) return;
    deepEqual(await compare({ ...good, payload: { weight: '5' } }, nodes.length), ['goes on', 'breaks']);
  });
});
