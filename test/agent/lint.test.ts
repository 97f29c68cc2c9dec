import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lintPath, lintPlace, type LintedPath } from '../../agent/lint.js';
import { Places } from '../../agent/places.js';
import type { Instance } from '../../agent/registry/dialects/dialect.js';
import { dialects } from '../../agent/registry/dialects/dialects.js';
import { readers, type Verdict } from '../../agent/registry/dialects/readers.js';
import { fc } from '../support/fast-check.js';
import { MemoryStore, MemoryTree } from '../support/memory-tree.js';
import { bytes, nodeOf } from './registry/dialects/hostile.js';
import { instance, stat } from './registry/dialects/node.js';

const by = (name: string) => readers.find((reader) => reader.name === name)!;
const verdict = (reader: string, value: unknown, name = 'a'): Verdict =>
  by(reader).read({
    service: 'orders',
    name,
    data: bytes(typeof value === 'string' ? value : JSON.stringify(value)),
    stat: stat(),
  });

describe('what readers make of a node', () => {
  const envelope = { name: 'orders', id: 'a', address: 'h', port: 1, payload: null };
  const nerve = { host: 'h', port: 1, name: 'a' };
  const table: readonly (readonly [string, string, unknown, string, Verdict['does'], RegExp])[] = [
    ['Curator', 'a', envelope, 'a plain node', 'accepts', /^$/],
    ['Curator', 'a', '', 'no data', 'breaks', /^no data: throws for the whole service$/],
    ['Curator', 'a', { ...envelope, payload: {} }, 'a payload without a class', 'breaks', /without @class/],
    ['Curator', 'a', { ...envelope, enabled: false }, 'a disabled one', 'ignores', /enabled/],
    ['Spring Cloud', 'a', envelope, 'a plain node', 'accepts', /^$/],
    ['Spring Cloud', 'a', { ...envelope, port: null }, 'no port at all', 'breaks', /neither port nor sslPort/],
    ['Spring Cloud', 'a', { ...envelope, payload: { '@class': 'java.util.HashMap' } }, 'a map', 'breaks', /not Spring's/],
    ['Spring Cloud', 'a', { ...envelope, enabled: false }, 'a disabled one', 'accepts', /enabled is false/],
    ['Spring Cloud', 'a', { ...envelope, address: null }, 'one without an address', 'accepts', /without an address/],
    ['synapse', 'a_1', nerve, 'a node of nerve', 'accepts', /^$/],
    ['synapse', 'a_1', { ...nerve, name: null }, 'one without a name', 'accepts', /Prometheus/],
    ['synapse', 'a_1', { ...nerve, port: '1' }, 'a port as text', 'accepts', /^$/],
    ['synapse', 'a_1', { host: 'h' }, 'no port', 'breaks', /port is missing: freezes/],
    ['synapse', 'a_1', { ...nerve, host: null }, 'no host in its place', 'accepts', /host is null/],
    ['synapse', 'a_1', 'hello', 'no JSON', 'breaks', /freezes/],
    ['synapse', 'base64_9_AAAA_1', nerve, 'a broken encoding before good data', 'accepts', /^$/],
    ['synapse', 'base64_9_AAAA_1', 'hello', 'a broken encoding before none', 'breaks', /freezes/],
    ['synapse', 'base64_12_eyJwb3J0IjoxfQ==_1', '', 'a name without the length that it says', 'breaks', /freezes/],
    ['synapse', 'base64_16_eyJwb3J0IjoxfQ==_1', '', 'a name without a host', 'accepts', /host missing/],
    ['synapse', 'base64_4_WzFd_1', '', 'a list in a name', 'breaks', /freezes/],
    ['Dubbo', 'rest%3A%2F%2Fh%3A1%2Fx', '', 'a provider', 'accepts', /^$/],
    ['Dubbo', 'rest%3A%2F%2Fh%3A1%2', '', 'a bad escape', 'breaks', /update is lost/],
    ['Dubbo', 'rest%3A%2F%2Fh%3Ahttp%2Fx%3Fa%3D1', '', 'a port in words', 'breaks', /port "http"/],
    ['Dubbo', 'rest%3A%2F%2Fh%3A99999999999%2Fx', '', 'a port beyond an int', 'breaks', /port "99999999999"/],
    ['Dubbo', 'rest%3A%2F%2Fh%3A%2Fx', '', 'a port of no digits', 'breaks', /port ""/],
    ['Dubbo', 'rest%3A%2F%2F%5Bfd00%3A%3A1%5D%3A1%2Fx', '', 'IPv6', 'accepts', /^$/],
    ['Dubbo', 'rest%3A%2F%2Fh%2Fx%3Fa%3D1', '', 'a provider without a port', 'accepts', /calls to it fail/],
    ['Dubbo', 'rest%3A%2F%2Fh%3A1%2Fx%3Fweight%3Dmuch', '', 'a weight in words', 'breaks', /every call/],
    ['Dubbo', 'rest%3A%2F%2Fh%3A1%2Fx%3Fenabled%3Dno', '', 'one that is not enabled', 'ignores', /enabled=no/],
    ['Dubbo', 'rest%3A%2F%2Fh%3A1%2Fx%3Fdisabled%3Dtrue', '', 'one that is disabled', 'ignores', /disabled/],
    ['Dubbo', 'orders', '', 'another name', 'breaks', /no URL/],
    ['Dubbo', '4a1f9c2e-1', envelope, "Curator's node", 'breaks', /no URL/],
    [
      'zidecar',
      'tri%3A%2F%2Fh%3A1%2Fx',
      '',
      'what no HTTP call reaches',
      'accepts',
      /only a port of plain TCP carries: .*@tcp:PORT/,
    ],
    ['zidecar', 'rest%3A%2F%2Fh%3A1%2Fx', '', 'what HTTP reaches', 'accepts', /^$/],
    ['zidecar', 'a', { ...envelope, port: 'x' }, 'a bad port', 'ignores', /port "x"/],
  ];
  for (const [reader, name, value, what, does, why] of table) {
    it(`${reader} ${does} ${what}`, () => {
      const said = verdict(reader, value, name);
      equal(said.does, does);
      match(said.why, why);
    });
  }

  it('nothing that we write breaks a reader of its dialect, or is passed over while it is up', () => {
    const instances: fc.Arbitrary<Instance> = fc.record({
      ...{
        service: fc.constant('orders'),
        id: fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/),
        host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
      },
      ...{
        port: fc.integer({ min: 1, max: 65_535 }),
        weight: fc.integer({ min: 1, max: 1000 }),
        up: fc.boolean(),
        since: fc.integer({ min: 1, max: 2 ** 52 }),
      },
      ...{ zone: fc.stringMatching(/^[a-z0-9-]{1,9}$/), meta: fc.dictionary(fc.string(), fc.string()) },
    });
    for (const dialect of dialects.values()) {
      const home = readers.filter((reader) => reader.dialect === dialect.name || reader.dialect === undefined);
      fc.assert(
        fc.property(instances, (one) => {
          const { name, data } = nodeOf(dialect, one);
          const beside = dialect.beside?.(one, name);
          for (const reader of home) {
            const { does, why } = reader.read({ service: 'orders', name, data, stat: stat(data.length) });
            ok(does !== 'breaks' && (!one.up || does === 'accepts'), `${reader.name} ${does}: ${why}`);
            if (beside)
              equal(
                reader.read({ service: 'orders', name: 'vector_0000000001', data: beside.data, stat: stat() }).does,
                'accepts',
              );
          }
        }),
      );
    }
  });
});

describe('lint of a path', () => {
  const places = new Places({ dialect: 'curator' });
  const setup = () => {
    const store = new MemoryStore();
    const tree = new MemoryTree(store);
    const put = (dialect: string, changes: Partial<Instance> = {}): void => {
      const { name, data } = nodeOf(dialects.get(dialect)!, instance(changes));
      store.plant(`/services/orders/${name}`, data);
    };
    const lint = (most?: number): Promise<LintedPath | undefined> =>
      lintPath(tree, { path: '/services/orders', dialect: 'curator', ...(most !== undefined && { most }) });
    return { tree, store, put, lint };
  };
  const broken = ({ nodes }: LintedPath): readonly string[] =>
    nodes.flatMap(({ name, verdicts }) =>
      verdicts.flatMap(({ reader, does, home }) => (home && does === 'breaks' ? `${name} ${reader}` : [])),
    );

  it('counts what breaks those who live there, and nobody else: a Spring fleet is well', async () => {
    const { put, lint } = setup();
    put('spring', { id: 'a' });
    deepEqual([(await lint())!.dialects, (await lint())!.broken], [['spring'], 0]);
    put('curator', { id: 'b', weight: 2 });
    deepEqual(broken((await lint())!), ['a Curator', 'b Spring Cloud']);
  });

  it('puts trouble first, and holds a place where no node tells to the dialect that was asked for', async () => {
    const { store, put, lint } = setup();
    store.plant('/services/orders/z', '');
    deepEqual(broken((await lint())!), ['z Curator']);
    put('curator', { id: 'a' });
    deepEqual(
      (await lint())!.nodes.map(({ name }) => name),
      ['z', 'a'],
    );
  });

  it('reads no payload bomb, and no more nodes than its bound', async () => {
    const { store, put, lint } = setup();
    for (const id of ['a', 'b', 'c']) put('curator', { id });
    store.plant('/services/orders/bomb', 'x'.repeat(1_000_000));
    match((await lint())!.nodes.find(({ name }) => name === 'bomb')!.verdicts[0]!.why, /1000000 bytes/);
    deepEqual([(await lint(2))!.nodes.length, (await lint(2))!.beyond], [2, 2]);
  });

  it('tells of what an access list keeps from it, and reads the rest', async () => {
    const { tree, put, lint } = setup();
    for (const id of ['a', 'b']) put('curator', { id });
    tree.fail('read', 'no_auth');
    const { nodes, unread } = (await lint())!;
    deepEqual([nodes.map(({ name }) => name), unread], [['b'], ['a']]);
    tree.fail('children', 'no_auth');
    deepEqual((await lint())!.unread, ['.']);
  });

  it('takes the path of one node as well, and holds it to the readers of its folder', async () => {
    const { tree, store, put } = setup();
    put('curator', { id: 'a' });
    store.plant('/services/orders/bad', '');
    store.plant('/services/empty', '');
    const lint = async (path: string): Promise<unknown> => {
      const found = await lintPlace(tree, path, places);
      return found && [found.path, found.nodes.map(({ name }) => name), found.broken];
    };
    deepEqual(await lint('/services/orders/bad'), ['/services/orders', ['bad'], 1]);
    deepEqual(await lint('/services/orders/a'), ['/services/orders', ['a'], 0]);
    deepEqual(await lint('/services/empty'), ['/services/empty', [], 0]);
    deepEqual(await lint('/services/orders'), ['/services/orders', ['bad', 'a'], 1]);
    equal(await lint('/services/nobody'), undefined);
  });

  it('finds one bad node by its path where nobody beside it tells that it is one', async () => {
    const { tree, store } = setup();
    store.plant('/services/ours/empty', '', tree.session.id);
    store.plant('/services/theirs/cut', '{"name":"orders","addr');
    store.plant('/aurora/www/providers', '10.1.2.3'); // a folder, as Curator makes it
    const lint = async (path: string): Promise<unknown> => {
      const found = (await lintPlace(tree, path, places))!;
      return [found.path, found.nodes.map(({ name }) => name), found.broken, found.perhapsNode];
    };
    deepEqual(await lint('/services/ours/empty'), ['/services/ours', ['empty'], 1, undefined]);
    deepEqual(await lint('/services/theirs/cut'), ['/services/theirs', ['cut'], 1, undefined]);
    deepEqual(await lint('/aurora/www/providers'), ['/aurora/www/providers', [], 0, true]);
  });

  it('takes a folder without nodes for one by its path, or by the folders beside it', async () => {
    const { tree, store } = setup();
    for (const path of ['/dubbo/com.acme/providers', '/my/base/orders', '/aurora/www/new', '/aurora/www/old/member_1'])
      store.plant(path, '');
    const our = new Places({ dialect: 'spring', registryPath: '/my/base/{service}' });
    const lint = async (path: string, by = our): Promise<unknown> => {
      const found = (await lintPlace(tree, path, by))!;
      return [found.path, found.nodes.length, found.perhapsNode, found.dialects];
    };
    deepEqual(await lint('/dubbo/com.acme/providers'), ['/dubbo/com.acme/providers', 0, undefined, ['dubbo']]);
    deepEqual(await lint('/my/base/orders'), ['/my/base/orders', 0, undefined, ['spring']]);
    deepEqual(await lint('/my/base/orders', places), ['/my/base/orders', 0, true, ['curator']]);
    deepEqual(await lint('/aurora/www/new'), ['/aurora/www/new', 0, undefined, ['spring']]);
  });

  it('takes no folder of a service for a node that readers break on', async () => {
    const { tree, store, put } = setup();
    put('curator', { id: 'a' });
    for (const path of ['/services/empty', '/aurora/www/prod/member_1', '/aurora/www/test']) store.plant(path, '');
    for (const path of ['/', '/services', '/aurora/www']) {
      const { nodes, broken, ofFolders } = (await lintPlace(tree, path, places))!;
      deepEqual([nodes.length, broken, ofFolders], [0, 0, true], path);
    }
    equal((await lintPlace(tree, '/services/orders', places))!.ofFolders, undefined);
  });

  it('takes a place with a broken node for no folder of folders, and leaves out only the folders in it', async () => {
    const { tree, store } = setup();
    const lint = async (path: string): Promise<unknown> => {
      const { nodes, broken, ofFolders } = (await lintPlace(tree, path, places))!;
      return [nodes.map(({ name }) => name).sort(), broken, ofFolders];
    };
    for (const [path, data, owner] of [
      ['/my/base/orders/a', ''],
      ['/my/base/orders/b', '{"name":"orders","addr'],
      ['/my/base/orders/locks/l1', ''],
      ['/my/base/users/a', '', tree.session.id],
      ['/my/base/users/locks/l1', ''],
    ] as const)
      store.plant(path, data, owner);
    deepEqual(await lint('/my/base/orders'), [['a', 'b'], 2, undefined]);
    deepEqual(await lint('/my/base/users'), [['a'], 1, undefined]);
    deepEqual(await lint('/my/base'), [[], 0, true]);
  });

  it('holds a place where no node tells to the readers that its path is known for, unless others were asked for', async () => {
    const { tree, store } = setup();
    for (const path of [
      '/nerve/services/orders/services',
      '/nerve/ours/orders',
      '/discovery/orders',
      '/services/orders',
      '/mine',
    ])
      store.plant(`${path}/cut`, '{"host":"10.1.2');
    const home = async (path: string, dialect = 'curator'): Promise<string> =>
      (await lintPlace(tree, `${path}/cut`, new Places({ dialect })))!.dialects.join();
    equal(await home('/nerve/services/orders/services'), 'smartstack');
    equal(await home('/nerve/ours/orders'), 'smartstack');
    equal(await home('/nerve/ours/orders', 'serverset'), 'serverset');
    equal(await home('/discovery/orders'), 'serverset');
    equal(await home('/services/orders'), 'curator');
    equal(await home('/services/orders', 'spring'), 'spring');
    equal(await home('/mine'), 'curator');
  });

  it('finds one node behind thousands by its path, and tells how many beside it were not looked at', async () => {
    const { tree, store, put } = setup();
    for (let id = 0; id < 1_000; id++) put('curator', { id: `n${String(id).padStart(5, '0')}` });
    store.plant('/services/orders/z', '');
    const { nodes, broken, beyond } = (await lintPlace(tree, '/services/orders/z', places))!;
    deepEqual([nodes.map(({ name }) => name), broken, beyond], [['z'], 1, 900]);
    ok(tree.calls.length < 250, 'else it takes long where the servers are far away');
  });

  it('holds one node to the readers of those who stand beside it, though it stands behind them', async () => {
    const { tree, put } = setup();
    for (let id = 0; id < 150; id++) put('curator', { id: `n${String(id).padStart(3, '0')}` });
    put('spring', { id: 'z' });
    const { dialects: spoken, broken } = (await lintPlace(tree, '/services/orders/z', places))!;
    deepEqual([spoken, broken], [['curator', 'spring'], 1]);
  });

  it('is nothing where there is no such node', async () => equal(await setup().lint(), undefined));
});
