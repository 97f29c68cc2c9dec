/** Loading a configuration in tests: variables, a YAML file as text, flags by key. */
import { loadConfig, type Config } from '../../agent/config/load.js';
import type { Texts } from '../../agent/config/layers.js';
import { ConfigError } from '../../agent/config/problems.js';

export const zk = { ZIDECAR_ZOOKEEPER: 'zk:2181' };
export const orders = { ...zk, ZIDECAR_SERVICE: 'orders', ZIDECAR_APP_PORT: '8080' };

/** The file is called z.yaml. */
export const load = (env: Texts, yaml?: string, flags: Texts = {}): Config =>
  yaml === undefined
    ? loadConfig({ env, flags })
    : loadConfig({ env: { ...env, ZIDECAR_CONFIG: 'z.yaml' }, flags, readFile: () => yaml });

export const refusal = (run: () => unknown): ConfigError => {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

export const problems = (env: Texts, yaml?: string, flags?: Texts): readonly string[] =>
  refusal(() => load(env, yaml, flags)).problems;
