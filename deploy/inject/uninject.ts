/** A pod with a sidecar in, the pod as it was before out: what the record in its annotations names, and nothing else, is taken away. */
import { RECORD } from './annotations.js';
import { isProxyVariable, type Verdict } from './inject.js';
import { isList, isMap, mapAt, mapsAt, member, nameOf, put, type Json, type JsonMap } from './json.js';
import { readRecord } from './record.js';
import { unfit } from './shape.js';
import { NAME, volumeNames } from './sidecar.js';

type Outcome = { readonly kind: 'uninjected'; readonly pod: JsonMap } | Exclude<Verdict, { readonly kind: 'injected' }>;

/** Never throws. */
export function uninject(pod: JsonMap): Outcome {
  const reason = unfit(pod);
  if (reason !== undefined) return { kind: 'left', reason };
  const metadata = mapAt(pod, 'metadata');
  const annotations = mapAt(metadata, 'annotations');
  const text = member(annotations, RECORD);
  if (text === undefined) return { kind: 'left', reason: 'it has no sidecar that zidecar inject has put there' };
  const record = readRecord(text);
  if (record === undefined) return { kind: 'refused', problems: [`the annotation ${RECORD} is not what zidecar inject writes`] };

  /** Empty now, and not there before: out with it. */
  const kept = <T extends JsonMap | readonly Json[]>(value: T, name: string): T | undefined =>
    Object.keys(value).length === 0 && record.made.includes(name) ? undefined : value;
  const names: readonly unknown[] = Object.values(volumeNames);
  const without = (key: string, gone: (name: unknown) => boolean, from: JsonMap): Json | undefined => {
    const value = member(from, key);
    return isList(value)
      ? kept(
          value.filter((item) => !gone(member(item, 'name'))),
          key,
        )
      : value;
  };

  let spec = mapAt(pod, 'spec');
  const apps = mapsAt(spec, 'containers')
    .filter(({ name }) => name !== NAME)
    .map((container) => {
      const name = nameOf(container);
      let changed = container;
      const { lifecycle, env } = container;
      if (record.preStop.includes(name) && isMap(lifecycle)) {
        changed = put(changed, 'lifecycle', kept(put(lifecycle, 'preStop', undefined), `lifecycle:${name}`));
      }
      if (record.proxy.includes(name) && isList(env)) {
        changed = put(
          changed,
          'env',
          kept(
            env.filter((row) => !isProxyVariable(row)),
            `env:${name}`,
          ),
        );
      }
      return changed;
    });
  spec = put(
    spec,
    'initContainers',
    without('initContainers', (name) => name === NAME, spec),
  );
  spec = put(spec, 'containers', apps);
  spec = put(
    spec,
    'volumes',
    without('volumes', (name) => names.includes(name), spec),
  );
  if (record.period !== undefined) spec = put(spec, 'terminationGracePeriodSeconds', record.period ?? undefined);
  const bare = [...record.annotations, RECORD].reduce((map, name) => put(map, name, undefined), annotations);
  const about = kept(put(metadata, 'annotations', kept(bare, 'annotations')), 'metadata');
  return { kind: 'uninjected', pod: put(put(pod, 'metadata', about), 'spec', spec) };
}
