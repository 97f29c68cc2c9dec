import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { schema } from '../../../agent/config/schema.js';
import { load, orders, problems, zk } from '../../support/load-config.js';

describe('several announcements', () => {
  const yaml = `
zookeeper: zk:2181
weight: 2
announce:
  - {service: orders, port: 8080, meta: {team: a, build: 007}, zone: b}
  - service: orders-admin
    port: 9000
    host: "::1"
    probe: [tcp, /ok]
    weight: 5
    dialects: [curator, "spring:/spring/{service}"]
`;

  it('are the rows of the file, one for each dialect', () => {
    const { announcements, drainWait } = load({}, yaml);
    deepEqual(
      announcements.map(({ service, dialect, path, weight, zone, meta }) => [service, dialect, path, weight, zone, meta]),
      [
        ['orders', 'curator', '/services/orders', 2, 'b', { team: 'a', build: '007' }],
        ['orders-admin', 'curator', '/services/orders-admin', 5, undefined, {}],
        ['orders-admin', 'spring', '/spring/orders-admin', 5, undefined, {}],
      ],
    );
    deepEqual(announcements[1]!.probes, [{ kind: 'tcp' }, { kind: 'http', url: 'http://[::1]:9000/ok' }]);
    equal(drainWait, 40_000);
  });

  it('have room for what one dialect alone can say, in that dialect', () => {
    const rows = [
      '{service: a, port: 80, dialects: [curator, serverset], additionalEndpoints: {admin: 9990, http: 80}}',
      '{service: b, port: 81, dialects: [smartstack], pathEncoding: on}',
      '{service: c, port: 82}',
    ];
    deepEqual(
      load(zk, `announce: [${rows.join(', ')}]`).announcements.map(({ endpoints, inName }) => [endpoints, inName]),
      [
        [undefined, undefined],
        [{ admin: 9990, http: 80 }, undefined],
        [undefined, true],
        [undefined, undefined],
      ],
    );
  });

  for (const [row, expected] of [
    ['port: 80', 'z.yaml: announce[0] needs a service'],
    ['service: a', 'z.yaml: announce[0] needs a port'],
    ['{service: a, port: x}', 'z.yaml: announce[0].port: "x" is not a whole number; accepted: a whole number from 1 to 65535'],
    ['{service: a, port: 80, appHost: b}', 'z.yaml: announce[0].appHost: unknown; here it is called host'],
    ['{service: a, port: 80, dialect: spring}', 'z.yaml: announce[0].dialect: unknown; the nearest is dialects'],
    [
      '{service: a, port: 80, dialects: [serverset], additionalEndpoints: "admin=0,=1"}',
      'z.yaml: announce[0].additionalEndpoints: "admin=0,=1" has "admin=0", which has a port that is less than 1; it has "=1", which has no name in front of "="; ' +
        `accepted: ${schema.additionalEndpoints.grammar.accepts}`,
    ],
    [
      '{service: a, port: 80, additionalEndpoints: admin=9990}',
      'ZIDECAR_ADDITIONAL_ENDPOINTS is for the dialect serverset, in which nothing is announced here',
    ],
    [
      '{service: a, port: 80, dialects: [curator, serverset], pathEncoding: on}',
      'ZIDECAR_PATH_ENCODING is for the dialect smartstack, in which nothing is announced here',
    ],
    ['orders', 'z.yaml: announce[0] is not a map, such as {service: orders, port: 8080}'],
    ['{service: [a], port: 80}', `z.yaml: announce[0].service: this is a list; accepted: ${schema.service.grammar.accepts}`],
    ['{service: {a: b}, port: 80}', `z.yaml: announce[0].service: this is a map; accepted: ${schema.service.grammar.accepts}`],
    [
      '{service: a, port: 80, dialects: [spring], weight: 1.5}',
      'the weight 1.5 of a is not for the dialect spring; accepted: a whole number from 1',
    ],
  ] as const) {
    it(`refuse ${row}`, () => deepEqual(problems(zk, `announce:\n  - ${row}`), [expected]));
  }

  it('are not told apart from a service in the environment by guessing', () => {
    deepEqual(problems(orders, 'announce: [{service: users, port: 80}]'), [
      'z.yaml: announce and ZIDECAR_SERVICE="orders" both tell what to announce; use one of them',
    ]);
  });

  it('that would be one node are refused', () => {
    const twice =
      'announce: two announcements of a would be one node in /services/a; give one an instanceId or a path of its own';
    deepEqual(problems(zk, 'announce: [{service: a, port: 80, dialects: [curator, spring]}]'), [twice]);
    deepEqual(problems({ ...zk, ZIDECAR_INSTANCE_ID: 'x' }, 'announce: [{service: a, port: 80}, {service: a, port: 81}]'), [
      twice,
    ]);
    equal(load(zk, 'announce: [{service: a, port: 80}, {service: a, port: 81}]').announcements.length, 2);
  });

  it('on several ports do not share an advertised port', () => {
    const yaml = 'announce: [{service: a, port: 80}, {service: b, port: 81}]';
    deepEqual(problems({ ...zk, ZIDECAR_ADVERTISE: 'h:8080' }, yaml), [
      'ZIDECAR_ADVERTISE names the port 8080 for services on 2 ports; name the host alone',
    ]);
    equal(load({ ...zk, ZIDECAR_ADVERTISE: 'h' }, yaml).announcements[1]!.advertise?.host, 'h');
  });
});
