/** Everybody who is compared, in the order of the tables. */
import type { Contender } from './contender.js';
import { direct } from './direct.js';
import { forwarder } from './forwarder.js';
import { haproxy } from './haproxy.js';
import { nginx } from './nginx.js';
import * as node24 from './node24.js';
import { httpProxy, undici } from './node-programs.js';
import { settings } from './settings.js';
import { zidecar } from './zidecar.js';

export const contenders: readonly Contender[] = [
  direct,
  forwarder,
  haproxy('haproxy', 'HAProxy', {}),
  haproxy('haproxy-64k', 'HAProxy, 64 KiB buffers', { global: 'tune.bufsize 65536' }),
  haproxy('haproxy-splice', 'HAProxy, splice', { defaults: 'option splice-auto' }),
  nginx,
  zidecar('zidecar', 'zidecar', { fastLane: true }),
  zidecar('zidecar-node24', 'zidecar, Node 24', { fastLane: true, node: node24 }),
  zidecar('zidecar-full', 'zidecar, full lane', { fastLane: false }),
  undici,
  httpProxy,
  ...settings,
];
