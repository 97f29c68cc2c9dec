/**
 * A pod that has its sidecar, after somebody else has put a container beside it (a webhook that was asked later): the newcomer, too, is to
 * end only when peers know. It gets the hook that the others have; what else was settled when the sidecar came in stays as it is.
 */
import { RECORD } from './annotations.js';
import { isMap, mapAt, mapsAt, member, nameOf, put, type JsonMap } from './json.js';
import { readRecord } from './record.js';
import { unfit } from './shape.js';
import { NAME } from './sidecar.js';

/** Undefined: nothing is missing, or it is not a pod of ours. Never throws. */
export function complete(pod: JsonMap): JsonMap | undefined {
  if (unfit(pod) !== undefined) return undefined;
  const annotations = mapAt(pod, 'metadata', 'annotations');
  const record = readRecord(member(annotations, RECORD));
  const containers = mapsAt(pod, 'spec', 'containers');
  const hook = containers.map(hookOf)[containers.findIndex((one) => record?.preStop.includes(nameOf(one)))];
  if (record === undefined || hook === undefined) return undefined;
  const bare = containers.filter((one) => nameOf(one) !== NAME && hookOf(one) === undefined);
  if (bare.length === 0) return undefined;
  const made = bare.filter(({ lifecycle }) => !isMap(lifecycle)).map((one) => `lifecycle:${nameOf(one)}`);
  const known = { ...record, made: [...record.made, ...made], preStop: [...record.preStop, ...bare.map(nameOf)] };
  const waiting = containers.map((one) =>
    bare.includes(one) ? put(one, 'lifecycle', put(mapAt(one, 'lifecycle'), 'preStop', hook)) : one,
  );
  const about = put(mapAt(pod, 'metadata'), 'annotations', put(annotations, RECORD, JSON.stringify(known)));
  return put(put(pod, 'metadata', about), 'spec', put(mapAt(pod, 'spec'), 'containers', waiting));
}

const hookOf = (container: JsonMap): JsonMap | undefined => {
  const hook = member(member(container, 'lifecycle'), 'preStop');
  return isMap(hook) ? hook : undefined;
};
