import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isInstance, type Instance, type Said, type Skip } from '../../../../agent/registry/dialects/dialect.js';
import { smartstack } from '../../../../agent/registry/dialects/smartstack.js';
import { fc } from '../../../support/fast-check.js';
import { bytes, holdsItsOwn, plain, text } from './hostile.js';
import { instance, SINCE, stat } from './node.js';

const read = (value: unknown, node = 'i-0abc_0000000012'): Said =>
  smartstack.read('orders', node, bytes(typeof value === 'string' ? value : JSON.stringify(value)), stat());
const nerve = (changes: object = {}): object => ({ host: '10.1.2.3', port: 8080, name: 'i-0abc', ...changes });
const encoded = (value: unknown, number = '_0000000012'): string => {
  const body = Buffer.from(JSON.stringify(value)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  return `base64_${body.length}_${body}${number}`;
};

describe("a node of SmartStack's, as it is written", () => {
  it('is what nerve writes', () => {
    const { name, data, mode } = smartstack.place(
      instance({ id: 'i-0abc', weight: 10, zone: 'us-east-1e', meta: { region: 'us' } }),
    );
    deepEqual([name, mode], ['i-0abc_', 'ephemeral_sequential']);
    equal(
      text(data),
      '{"host":"10.1.2.3","port":8080,"name":"i-0abc","weight":10,' +
        '"labels":{"az":"us-east-1e","region":"us","zidecar.since":"1700000000000"}}',
    );
  });

  it("has itself in its name too where that is wished for, as nerve's path encoding has it", () => {
    const told = instance({ id: 'i-0abc', zone: 'ÿ?>', inName: true });
    const { name, data, mode } = smartstack.place(told);
    equal(mode, 'ephemeral_sequential');
    equal(`${name}0000000012`, encoded(JSON.parse(text(data))));
    match(name, /^base64_\d+_[\w=-]+_$/);
    const { inName, ...expected } = told;
    // with or without the data
    for (const at of ['', text(data)]) deepEqual(plain(read(at, `${name}0000000012`)), plain(expected), String(inName));
  });

  holdsItsOwn(smartstack, { weight: fc.integer({ min: 0, max: 1e6 }) });
});

describe("a node of SmartStack's, as it is read", () => {
  it('is an instance, whose id is the name without its number', () => {
    const labels = { az: 'us-east-1e', region: 'us-east-1' };
    deepEqual(
      plain(read(nerve({ weight: 10, labels, haproxy_server_options: 'backup' }))),
      plain(instance({ id: 'i-0abc', weight: 10, since: SINCE, zone: 'us-east-1e', meta: { region: 'us-east-1' } })),
    );
  });

  it('comes from a name that holds it, cut by its length, whatever the data', () => {
    const found = smartstack.read('orders', encoded(nerve({ labels: { x: '??>>~~' } })), bytes('garbage'), stat());
    deepEqual(isInstance(found) && [found.id, found.host, found.port], ['i-0abc', '10.1.2.3', 8080]);
    // an alphabet with _ in it: cutting at the last one would lose the end
    const underscored = { host: '10.1.2.3', port: 8080, x: '\u07ff\u07ff' };
    match(encoded(underscored), /_.+_.*_.*_0000000012$/);
    equal((read('', encoded(underscored)) as Instance).id, '10.1.2.3:8080');
  });

  it('is skipped where the name does not hold what it says', () => {
    const good = encoded(nerve());
    for (const bad of [
      good.replace(/^base64_\d+/, 'base64_12'),
      good.replace(/_\d+$/, ''),
      good.replace(/.{6}_0000000012$/, '*****=_0000000012'),
    ])
      equal((read(nerve(), bad) as Skip).skip, 'bad_encoding');
    equal((read('', `base64_70000_${'A'.repeat(70_000)}_0000000001`) as Skip).skip, 'too_large');
    equal((read('', 'base64_4_AAAA_0000000001') as Skip).skip, 'not_json');
  });

  const skipped: readonly (readonly [string, unknown, Skip['skip']])[] = [
    ['no data', '', 'empty'],
    ['no host', nerve({ host: null }), 'bad_host'],
    ['CR LF in the host', nerve({ host: '10.1.2.3\r\nX: y' }), 'bad_host'],
    ['port 65536', nerve({ port: 65_536 }), 'bad_port'],
    ['a weight below nothing', nerve({ weight: -1 }), 'bad_weight'],
  ];
  for (const [what, value, reason] of skipped) it(`is skipped with ${what}`, () => equal((read(value) as Skip).skip, reason));
});
