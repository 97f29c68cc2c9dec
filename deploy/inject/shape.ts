/** Whether a pod has the shape that a sidecar can be put into. What an API server would refuse anyway is not made worse here. */
import { at, isList, isMap, member, nameOf, type Json, type JsonMap } from './json.js';

/** What is wrong; undefined: nothing that matters here. */
export function unfit(pod: JsonMap): string | undefined {
  const spec = member(pod, 'spec');
  if (!isMap(spec)) return 'it has no spec';
  const containers = member(spec, 'containers');
  if (!isList(containers) || containers.length === 0) return 'it has no containers';
  const lists = ['containers', 'initContainers', 'volumes'].flatMap((key) => named(spec, key));
  const maps = [['metadata'], ['metadata', 'labels'], ['metadata', 'annotations'], ['spec', 'securityContext']].flatMap((path) =>
    optional(at(pod, path), isMap) ? [] : [`its ${path.join('.')} is not a map`],
  );
  const inner = containers.flatMap((container, index) => [
    ...(optional(member(container, 'lifecycle'), isMap) ? [] : [`its spec.containers[${index}].lifecycle is not a map`]),
    ...['env', 'ports'].flatMap((key) =>
      optional(member(container, key), isList) ? [] : [`its spec.containers[${index}].${key} is not a list`],
    ),
  ]);
  return [...lists, ...maps, ...inner][0];
}

const optional = (value: Json | undefined, fits: (value: unknown) => boolean): boolean =>
  value === undefined || value === null || fits(value);

function named(spec: JsonMap, key: string): string[] {
  const value = member(spec, key);
  if (value === undefined || value === null) return [];
  if (!isList(value)) return [`its spec.${key} is not a list`];
  const names = value.map(nameOf);
  const nameless = names.indexOf('');
  if (nameless >= 0) return [`its spec.${key}[${nameless}] has no name`];
  const twice = names.find((name, index) => names.indexOf(name) < index);
  return twice === undefined ? [] : [`its spec.${key} has the name ${twice} twice`];
}
