import { deepEqual, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { difference } from '../../lb/difference.js';
import { endpointsOf } from '../../agent/endpoints.js';
import { isPlain, patched } from '../../agent/patched.js';
import type { Instance } from '../../agent/registry/dialects/dialect.js';
import { unionOf } from '../../agent/union.js';
import { fc } from '../support/fast-check.js';
import { instance } from './registry/dialects/node.js';

const around = { addressOf: () => undefined, isOwnListener: (_: string, port: number) => port === 6140 };
const whole = (list: readonly Instance[], idAt: (at: string) => string | undefined) =>
  endpointsOf(unionOf([list]), { ...around, idAt });

/** Forty whom nothing happens to. */
const still = Array.from({ length: 40 }, (_, index) => instance({ id: `s${index}`, host: `10.9.0.${index}` }));

const change = fc.record({
  /** Which of the others is replaced, or, beyond them, who joins. */
  at: fc.nat(4),
  by: fc.option(
    fc.record({
      id: fc.constantFrom('a', 'b', 'c', 's1'),
      host: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.9.0.1', 'orders.example', '224.0.0.1'),
      port: fc.constantFrom(8080, 6140),
      weight: fc.nat(3),
      up: fc.boolean(),
      since: fc.nat(3),
    }),
  ),
});

describe('a list that is patched', () => {
  it('is what it would be if all of it were looked at, whoever comes, goes and changes', () => {
    let byPatch = 0;
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 12 }), (steps) => {
        let list: readonly Instance[] = still;
        let found = whole(list, () => undefined);
        for (const step of steps) {
          const others = list.slice(still.length);
          for (const { at, by } of step) others.splice(at, 1, ...(by ? [instance(by)] : []));
          const next = [...still, ...others];
          const { gone, joined } = difference(list, next);
          const idOf = new Map([...found.byAddress].map(([address, { id }]) => [address, id]));
          const expected = whole(next, (address) => idOf.get(address));
          const patch = isPlain(found, list) ? patched(found, gone, joined, around) : undefined;
          if (patch) {
            byPatch++;
            const inOrder = (downs: readonly Instance[]) =>
              [...downs].sort((one, other) => next.indexOf(one) - next.indexOf(other));
            deepEqual(patch.found.endpoints, expected.endpoints);
            deepEqual(inOrder(patch.found.down), expected.down);
            deepEqual(new Map([...patch.found.byAddress].sort()), new Map([...expected.byAddress].sort()));
            deepEqual(
              patch.found.endpoints.map((endpoint) => patch.found.origins.get(endpoint)),
              expected.endpoints.map((endpoint) => expected.origins.get(endpoint)),
            );
          }
          found = patch?.found ?? expected;
          list = next;
        }
      }),
    );
    deepEqual(byPatch > 50, true, `${byPatch} of them were patched`);
  });

  it('is patched too where ten times as many join, as they do when a service is found, and when most of them leave', () => {
    const many = Array.from({ length: 400 }, (_, index) =>
      instance({ id: `m${index}`, host: `10.8.${index % 4}.${index >> 2}` }),
    );
    const grown = patched(
      whole(still, () => undefined),
      [],
      many,
      around,
    );
    ok(grown);
    deepEqual(grown.found.endpoints, whole([...still, ...many], () => undefined).endpoints);
    const shrunk = patched(grown.found, many, [], around);
    deepEqual(shrunk?.found.endpoints, whole(still, () => undefined).endpoints);
  });
});
