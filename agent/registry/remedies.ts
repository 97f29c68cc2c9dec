/**
 * What somebody is to change who announces where we cannot, by the names that he has written it with: the variables, or a row under `announce`
 * in the file.
 */
export interface Remedies {
  readonly leaveOut: string;
  readonly speak: (dialect: string) => string;
  /** A path of its own. */
  readonly path: string;
  readonly id: string;
  readonly address: string;
}

export const byVariables: Remedies = {
  leaveOut: 'leave ZIDECAR_SERVICE out',
  speak: (dialect) => `set ZIDECAR_DIALECT=${dialect}`,
  path: 'ZIDECAR_REGISTRY_PATH',
  id: 'ZIDECAR_INSTANCE_ID',
  address: 'ZIDECAR_ADVERTISE',
};

export const byRow: Remedies = {
  leaveOut: 'take its row out of announce',
  speak: (dialect) => `say dialects: ${dialect} in its row of announce`,
  path: 'dialects: DIALECT:/PATH in its row of announce',
  id: 'instanceId in its row of announce',
  address: 'advertise',
};
