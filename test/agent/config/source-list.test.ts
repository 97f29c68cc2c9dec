import { deepEqual, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { effective } from '../../../agent/config/effective.js';
import { load, problems, zk } from '../../support/load-config.js';

const file = (sources: string): string => `upstreams:\n  orders:\n    sources:\n${sources.replace(/^/gm, '      ')}\n`;
const YAML = file(`- serverset:/aurora/orders!http
- { dialect: curator, path: '/services/{service}', zookeeper: 'old1:2181,old2:2181/x' }
- { dialect: serverset, endpoint: http }
- { dialect: curator, zookeeper: 'dir:/srv/static' }
- { dialect: spring, zookeeper: 'zk:2181' }`);

describe('the sources of a peer', () => {
  it('stand in order of preference, each in the main registry or in one of its own', () => {
    const config = load(zk, YAML);
    deepEqual(config.sourcesOf('orders'), [
      { dialect: 'serverset', path: '/aurora/orders', endpoint: 'http' },
      { dialect: 'curator', path: '/services/orders', registry: 'old1:2181,old2:2181/x' },
      { dialect: 'serverset', path: '/discovery/orders', endpoint: 'http' },
      { dialect: 'curator', path: '/services/orders', registry: 'dir:/srv/static' },
      { dialect: 'spring', path: '/services/orders' },
    ]);
    deepEqual(
      config.registries.map(({ name, zookeeper: { kind } }) => `${name} ${kind}`),
      ['old1:2181,old2:2181/x zookeeper', 'dir:/srv/static directory'],
    );
    deepEqual(effective(config).length > 0, true);
  });

  it('are a plain list of texts where no map is needed', () => {
    deepEqual(
      load(zk, file('[curator, serverset:/x]'))
        .sourcesOf('orders')
        .map(({ dialect }) => dialect),
      ['curator', 'serverset'],
    );
  });

  for (const [what, sources, problem] of [
    ['another dialect', '- { dialect: eureka }', /sources\[0\]\.dialect: "eureka" is not known; accepted: one of curator, /],
    ['no dialect', '- { path: /x }', /sources\[0\] needs a dialect: one of curator/],
    ['an unknown field', '- { dialect: curator, pfad: /x }', /sources\[0\]\.pfad: unknown; the nearest is path/],
    ['a bad address', "- { dialect: curator, zookeeper: 'http://x' }", /sources\[0\]\.zookeeper: "http:\/\/x" is a URL/],
    [
      'an endpoint of what has none',
      '- { dialect: curator, endpoint: http }',
      /has an endpoint, which only the dialect serverset knows/,
    ],
    ['a bad text among maps', '- curator\n- { dialect: curator }\n- x:y', /sources\[2\]\.source: "x:y" has the dialect "x"/],
    [
      'too many registries',
      Array.from({ length: 5 }, (_, i) => `- { dialect: curator, zookeeper: 'zk${i}:1' }`).join('\n'),
      /name 5 registries .*; at most 4/,
    ],
  ] as const)
    it(`are refused with ${what}`, () => match(problems(zk, file(sources)).join('\n'), problem));
});
