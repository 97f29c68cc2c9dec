/**
 * What a pod already tells about its app, so that nobody has to say it twice: the name from the labels or the workload, the port from
 * the container's ports, the probe from the container's own readiness probe. A guess is a note that a person can read, and any of
 * them gives way to an annotation.
 */
import { probes } from '../../agent/config/probes.js';
import { serviceName } from '../../agent/config/parse.js';
import { quote } from '../../agent/printable.js';
import { at, isMap, mapAt, mapsAt, member, textAt, type Json, type JsonMap } from './json.js';
import type { Workload } from './workloads.js';

export interface Application {
  readonly service?: string;
  readonly appPort?: string;
  readonly probe?: string;
  readonly probeTimeout?: string;
  /** What was passed over, and why; for people. */
  readonly notes: readonly string[];
}

const NAMES = ['app.kubernetes.io/name', 'app', 'k8s-app'];

/** `port`: already known from elsewhere. */
export function readApplication(pod: JsonMap, workload: Workload, port?: string): Application {
  const labels = mapAt(pod, 'metadata', 'labels');
  const candidates = [...NAMES.map((label) => member(labels, label)), workload.name];
  const service = candidates.find(
    (name): name is string => typeof name === 'string' && name !== '' && 'value' in serviceName.read(name),
  );
  const listening = port === undefined ? listeningPort(pod) : { container: withPort(pod, port), port: Number(port), notes: [] };
  if (listening === undefined) return { ...(service !== undefined && { service }), notes: unlisted(pod) };
  const { container, port: appPort } = listening;
  const { notes, ...probe } = container === undefined ? { probe: 'tcp', notes: [] } : probeOf(container, appPort);
  return {
    ...(service !== undefined && { service }),
    appPort: String(appPort),
    ...probe,
    notes: [...listening.notes, ...notes],
  };
}

interface Port {
  readonly container: JsonMap;
  readonly name: string | undefined;
  readonly port: number;
}

const ports = (pod: JsonMap): readonly Port[] => {
  const wanted = textAt(pod, 'metadata', 'annotations', 'kubectl.kubernetes.io/default-container');
  const containers = mapsAt(pod, 'spec', 'containers');
  const first = containers.filter(({ name }) => name === wanted);
  return [...first, ...containers.filter((one) => !first.includes(one))].flatMap((container) =>
    mapsAt(container, 'ports')
      .filter(({ protocol }) => protocol === undefined || protocol === null || protocol === 'TCP')
      .flatMap((row) => {
        const port = row['containerPort'];
        return typeof port === 'number' ? [{ container, name: textAt(row, 'name'), port }] : [];
      }),
  );
};

const withPort = (pod: JsonMap, port: string): JsonMap | undefined =>
  ports(pod).find((one) => String(one.port) === port)?.container ?? mapsAt(pod, 'spec', 'containers')[0];

/** The port named http, else one whose name begins so or says web or api, else the first. */
function listeningPort(
  pod: JsonMap,
): { readonly container: JsonMap; readonly port: number; readonly notes: readonly string[] } | undefined {
  const all = ports(pod);
  const [found] = [/^http$/, /^(http|web|api)\b/, /(?:)/].flatMap((shape) => all.filter(({ name = '' }) => shape.test(name)));
  if (found === undefined) return undefined;
  const others = all
    .filter((one) => one !== found)
    .map(({ name, port }) => (name === undefined ? String(port) : `${port} (${name})`));
  const notes =
    others.length === 0 ? [] : [`announces port ${found.port}, not ${others.join(', ')}: config.zidecar.dev/app-port chooses`];
  return { container: found.container, port: found.port, notes: [...notes, ...secured(found)] };
}

const secured = ({ name = '', port }: Port): readonly string[] =>
  /^(https|tls)\b/.test(name) || ([443, 8443].includes(port) && !/^http\b/.test(name))
    ? [
        `announces port ${port}, which looks like TLS: zidecar carries plain HTTP, so peers' calls will fail; config.zidecar.dev/app-port chooses another`,
      ]
    : [];

const PROBES = ['readinessProbe', 'livenessProbe', 'startupProbe'];

/** Who only calls lists no port either; who is asked by the kubelet listens. */
function unlisted(pod: JsonMap): readonly string[] {
  const asked = mapsAt(pod, 'spec', 'containers').flatMap((container) =>
    PROBES.flatMap((probe) => ['httpGet', 'tcpSocket'].map((how) => at(container, [probe, how, 'port']))),
  );
  const port = asked.find((one) => typeof one === 'number');
  return port === undefined
    ? []
    : [`no container lists a port, though one is probed on ${port}: config.zidecar.dev/app-port: "${port}" announces it`];
}

/** Readiness says what we want to know; liveness and start-up are asked for the same address by most. */
function probeOf(container: JsonMap, appPort: number): Omit<Application, 'service' | 'appPort'> {
  const probe = PROBES.map((name) => member(container, name)).find(isMap);
  if (probe === undefined) return { probe: 'tcp', notes: [] };
  const seconds = probe['timeoutSeconds'];
  const probeTimeout =
    typeof seconds === 'number' && seconds > 1 && seconds <= 3600 ? { probeTimeout: `${Math.ceil(seconds)}s` } : {};
  const tcp = (why: string): Omit<Application, 'service' | 'appPort'> => ({
    probe: 'tcp',
    ...probeTimeout,
    notes: [`probes the app by tcp, as ${why}: config.zidecar.dev/probe chooses`],
  });
  const http = member(probe, 'httpGet');
  if (!isMap(http)) {
    const kind = Object.keys(probe).find((key) => ['exec', 'grpc'].includes(key));
    return kind === undefined ? { probe: 'tcp', ...probeTimeout, notes: [] } : tcp(`its own probe is ${kind}`);
  }
  if (http['scheme'] === 'HTTPS') return tcp('its own probe asks for TLS');
  const host = textAt(http, 'host');
  if (host !== undefined && host !== '') return tcp(`its own probe asks ${quote(host)}`);
  const port = portNumber(container, http['port']);
  const path = `/${(textAt(http, 'path') ?? '/').replace(/^\//, '')}`;
  const text = port === undefined || port === appPort ? path : `http://127.0.0.1:${port}${path}`;
  const read = probes.read(text);
  if ('problem' in read || read.value.length !== 1) return tcp(`the path ${quote(path)} of its own probe is not one of ours`);
  const headers = mapsAt(http, 'httpHeaders').length > 0 ? ['the header fields of its own probe are not sent'] : [];
  return { probe: text, ...probeTimeout, notes: headers };
}

function portNumber(container: JsonMap, port: Json | undefined): number | undefined {
  if (typeof port === 'number') return port;
  if (typeof port !== 'string') return undefined;
  if (/^\d{1,5}$/.test(port)) return Number(port);
  const named = mapsAt(container, 'ports').find(({ name }) => name === port)?.['containerPort'];
  return typeof named === 'number' ? named : undefined;
}
