import { broke, connect } from './connect.js';
import type { Probe } from './probe.js';

export interface TcpProbeOptions {
  readonly host: string;
  readonly port: number;
}

/** Passes when the app accepts a connection, which is closed at once. For apps that do not speak HTTP, or have no path for it. */
export function tcpProbe({ host, port }: TcpProbeOptions): Probe {
  const where = `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    name: where,
    async check(signal) {
      try {
        (await connect(host, port, signal)).destroy();
        return { kind: 'pass' };
      } catch (error) {
        return broke(where, error);
      }
    },
  };
}
