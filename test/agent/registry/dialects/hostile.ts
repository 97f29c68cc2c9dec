/** What every dialect is held to, whoever wrote: no bytes and no name make it throw, and what it writes it reads again. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { it } from 'node:test';
import { isInstance, type Dialect, type Instance, type Said } from '../../../../agent/registry/dialects/dialect.js';
import { fc } from '../../../support/fast-check.js';
import { stat } from './node.js';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);
/** Null prototypes are what a reader gives, and what strict equality minds. */
export const plain = (value: object): unknown => JSON.parse(JSON.stringify(value));

/** As the tree names it. */
export const nodeOf = (
  dialect: Dialect,
  instance: Instance,
  number = 7,
): { readonly name: string; readonly data: Uint8Array } => {
  const { name, data, mode } = dialect.place(instance);
  return { name: mode === 'ephemeral_sequential' ? `${name}${String(number).padStart(10, '0')}` : name, data };
};

const word = fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/);
const sane = fc.stringMatching(/^[A-Za-z0-9._:/-]{1,40}$/);

/** `weight`: what it can say; `value`: what a value of its metadata can be; `entries`: how many it has room for. */
export function holdsItsOwn(
  dialect: Dialect,
  {
    weight,
    key = word.filter((text) => text !== '__proto__'),
    value = fc.string(),
    entries = 20,
  }: { weight: fc.Arbitrary<number>; key?: fc.Arbitrary<string>; value?: fc.Arbitrary<string>; entries?: number },
): void {
  const instances: fc.Arbitrary<Instance> = fc.record(
    {
      service: word,
      id: word,
      host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
      port: fc.integer({ min: 1, max: 65_535 }),
      weight,
      up: fc.constant(true),
      zone: sane,
      since: fc.integer({ min: 1, max: 2 ** 52 }),
      meta: fc.dictionary(key, value, { maxKeys: entries }),
    },
    { requiredKeys: ['service', 'id', 'host', 'port', 'weight', 'up', 'since', 'meta'] },
  );

  it('reads again what it has placed, as it was', () => {
    fc.assert(
      fc.property(instances, (instance) => {
        const { name, data } = nodeOf(dialect, instance);
        const said = dialect.read(instance.service, name, data, stat(data.length));
        ok(isInstance(said));
        const { warmupMs, protocol, weight: read, ...rest } = said;
        const { weight: told, ...expected } = instance;
        deepEqual(plain(rest), plain(expected));
        if (dialect.beside === undefined) equal(read, told);
        ok(warmupMs === undefined || warmupMs > 0, protocol);
      }),
    );
  });

  it('throws on no name and no bytes, and skips with a short sentence', () => {
    const endpoint = fc.record({ host: fc.anything(), port: fc.anything() });
    const shaped = fc.record({
      ...{ serviceEndpoint: fc.oneof(endpoint, fc.anything()), additionalEndpoints: fc.anything(), status: fc.anything() },
      ...{ host: fc.anything(), port: fc.anything(), weight: fc.anything(), labels: fc.anything(), metadata: fc.anything() },
      vector: fc.oneof(fc.array(fc.record({ select: fc.anything(), weight: fc.anything() })), fc.anything()),
    });
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map(bytes),
      shaped.map((value) => {
        try {
          return bytes(JSON.stringify(value));
        } catch {
          return bytes(''); // a BigInt
        }
      }),
    );
    const name = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        'member_0000000001',
        'vector_0000000001',
        'base64_4_AAAA_0000000001',
        'base64_99999_x',
        'a_0000000001',
        '%',
        '%ff',
        'rest%3A%2F%2F',
      ),
      fc.tuple(word, fc.string()).map(([protocol, rest]) => encodeURIComponent(`${protocol}://${Buffer.from(rest).toString()}`)),
      fc.string().map((query) => encodeURIComponent(`rest://h:1/x?${Buffer.from(query).toString()}`)),
    );
    fc.assert(fc.property(name, anything, (node, data) => sound(dialect.read('orders', node, data, stat(data.length)))));
  });

  it('survives nesting as deep as 64 KiB can hold, and text of that length in every place', () => {
    const long = 'x'.repeat(65_000);
    const deep = ['['.repeat(65_536), `${'['.repeat(32_768)}${']'.repeat(32_768)}`, '{"a":'.repeat(13_000), JSON.stringify(long)];
    const fields = ['host', 'port', 'status', 'serviceEndpoint', 'metadata', 'labels', 'vector', 'name'];
    for (const name of ['member_0000000001', 'vector_0000000001', 'a_0000000001', long, `base64_65000_${long}_1`])
      for (const data of [
        ...deep,
        ...fields.map((field) => `{"${field}":${deep[1]!}}`),
        ...fields.map((field) => `{"${field}":"${long}"}`),
      ])
        sound(dialect.read('orders', name, bytes(data), stat()));
  });
}

export function sound(said: Said): void {
  if ('skip' in said) ok(said.detail.length > 0 && said.detail.length <= 200);
  else if (isInstance(said)) {
    ok(said.port >= 1 && said.port <= 65_535 && Number.isFinite(said.weight) && said.weight >= 0);
    ok(!/[\s\p{C}]/u.test(said.host + said.id.replaceAll(' ', '')));
    equal(Object.getPrototypeOf(said.meta), null);
  } else for (const factor of said.factors.values()) ok(!Number.isNaN(factor));
}
