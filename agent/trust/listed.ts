/** How far each endpoint is to be believed, by the lists that name it. Pure. */
import { addressOf } from '../../lb/endpoint.js';
import type { Endpoints } from '../endpoints.js';
import type { Instance } from '../registry/dialects/dialect.js';
import type { InstanceList } from '../registry/registry.js';
import type { Listed } from './trust.js';

/** `isTold`: the registry told this list, and not the snapshot. Whom no list names is a seed. */
export function listedOf(
  { endpoints, origins }: Pick<Endpoints, 'endpoints' | 'origins'>,
  lists: readonly InstanceList[],
  isTold: (list: InstanceList) => boolean,
): readonly Listed[] {
  const whyOf = (list: InstanceList): Listed['why'] => (list.confirmed ? undefined : isTold(list) ? 'unconfirmed' : 'snapshot');
  const [first] = lists;
  if (first !== undefined && lists.every((list) => whyOf(list) === whyOf(first)))
    return endpoints.map((endpoint) => ({ endpoint, why: whyOf(first) }));
  const whys = new Map(
    lists.flatMap((list) => list.instances.map((instance): [Instance, Listed['why']] => [instance, whyOf(list)])),
  );
  // of two sources that name one address, one that can be asked is enough
  const confirmed = new Set(lists.flatMap((list) => (list.confirmed ? list.instances.map(addressOf) : [])));
  return endpoints.map((endpoint) => {
    const instance = origins.get(endpoint)!;
    const why = whys.has(instance) ? whys.get(instance) : 'seed';
    return { endpoint, why: confirmed.has(addressOf(instance)) ? undefined : why };
  });
}
