/** What the chart's values may name: the settings that hold for all sidecars, and the rows of their container. `npm run docs` writes it. */
import { containerKeys } from '../../agent/config/container.js';
import { keys, schema } from '../../agent/config/schema.js';
import { putAt, type Json } from '../../deploy/inject/json.js';

/** As in the YAML file. A secret stands in a file of the pod alone; the file of settings is one of the pod's too, by the row config-map. */
const settings = keys.filter((key) => key !== 'config').map((key) => (schema[key].secret ? `${key}File` : key));

const named = (names: readonly string[]): Json => ({
  type: 'object',
  additionalProperties: false,
  patternProperties: { [`^(${[...names].sort().join('|')})$`]: { type: ['string', 'number', 'boolean'] } },
});

/** The schema of the values, with those names. */
export const withNames = (values: Json): Json =>
  [['settings', settings] as const, ['container', containerKeys] as const].reduce(
    (changed, [of, names]) => putAt(changed, ['properties', 'sidecars', 'properties', of], named(names)),
    values,
  );
