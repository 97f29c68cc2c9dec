/**
 * Every setting, one row each. A row's key is its name in the YAML file; the variable and the flag are the same name in other letters:
 * probeInterval, ZIDECAR_PROBE_INTERVAL, --probe-interval. The types of Config, the flags and their help, the table in the README and
 * `zidecar check` are all made from these rows.
 */
import type { PolicyName } from '../../lb/policies.js';
import { dialects } from '../registry/dialects/dialects.js';
import { levels } from '../sentences.js';
import { ADMIN, advertise, appHost, domain, listeners, zookeeper } from './addresses.js';
import { hashKey, split, subset } from './balancing.js';
import { foreign, seed } from './doubtful.js';
import {
  decimal,
  duration,
  freeText,
  instanceId,
  integer,
  oneOf,
  onOff,
  orOff,
  pairs,
  serviceName,
  size,
  timeout,
  word,
} from './parse.js';
import { probes } from './probes.js';
import { hedge, retryOnWords } from './repeating.js';
import { live, livePerUpstream, must, open, openPerUpstream, perUpstream, set, type Setting } from './setting.js';
import { dialectName, endpointPorts, registryPath } from './sources.js';
import { trouble } from './trouble.js';
import { upstreamList } from './upstream-list.js';
import { TRUSTED_BY_ALL, zookeeperLogin } from './zookeeper-login.js';

const policyNames = [
  'weighted_round_robin',
  'round_robin',
  'least_request',
  'peak_ewma',
  'random',
  'ring_hash',
  'maglev',
] as const satisfies readonly PolicyName[];
const day = '24h';
const defaultPaths = `the dialect's: ${[...new Set([...dialects.values()].map(({ defaultPath }) => defaultPath))].join(', ')}`;

const registry = {
  config: open(
    'none',
    freeText('a path', 4096),
    'A YAML file with any of these settings, and more about announcements and peers.',
  ),
  zookeeper: must(
    zookeeper,
    'Where the registry is: host:port,host:port/chroot, or dir:PATH, a folder that will do on one machine. Required.',
  ),
  zookeeperClient: set(
    'wire',
    oneOf(['wire', 'native']),
    'Who speaks to ZooKeeper: our own client, or the native package, which needs a compiler and has no TLS, login or access lists.',
  ),
  zookeeperTlsCa: open(
    'none: no TLS',
    freeText(`a path, or ${TRUSTED_BY_ALL} for the authorities that Node comes with`, 4096),
    'TLS to ZooKeeper: file of the certificates (PEM) that its servers are trusted by.',
  ),
  zookeeperTlsCert: open('none', freeText('a path', 4096), 'Our own certificate (PEM), for servers that ask for one.'),
  zookeeperTlsKey: open('none', freeText('a path', 4096), 'Its key (PEM). All three files are read anew for each connection.'),
  zookeeperAuth: {
    ...open(
      'none',
      zookeeperLogin,
      'Who we are to ZooKeeper. Better in a file: `ZIDECAR_ZOOKEEPER_AUTH_FILE` names it, and is read anew for each session.',
    ),
    secret: true,
  },
  zookeeperAcl: set(
    'open',
    oneOf(['open', 'owner', 'fleet']),
    'Who may change what we create: everybody, or (`owner`, all others read; `fleet`, nobody else even reads) who has our login.',
  ),
  sessionTimeout: set('30s', duration('1s', '10m'), 'ZooKeeper session: how long our node outlives a crash.'),
  dialect: set('curator', dialectName, 'Format of the nodes in the registry.'),
  registryPath: open(defaultPaths, registryPath, "Parent of a service's instances."),
};

const announcing = {
  service: open('none: nothing is announced', serviceName, 'The name to announce the app under.'),
  appPort: open('none; SERVICE needs it', integer(1, 65535), 'Where the app listens.'),
  appHost: set('127.0.0.1', appHost, 'Where the app listens.'),
  advertise: open('POD_IP, else the address that routes to ZooKeeper', advertise, 'The address that peers are told.'),
  instanceId: open('from POD_NAME and POD_UID, else from the address', instanceId, 'Id of the instance in the registry.'),
  force: set(
    'off',
    onOff,
    'Announce even where another system has its nodes, which may break its readers, or where the app has registered itself.',
  ),
  weight: live(set('1', decimal(0, 1_000_000), 'Share of the calls, in proportion to the other instances; 0 gets none.')),
  zone: open('none', word('letters, digits and "._-:/"', /[A-Za-z0-9._:/-]/, 253), 'Where the app runs, told to peers.'),
  meta: open(
    'none',
    pairs(64, { weight: 'set ZIDECAR_WEIGHT', zone: 'set ZIDECAR_ZONE', instance_status: 'it is ours', metadata: 'it is ours' }),
    'More about the instance, told to peers.',
  ),
  additionalEndpoints: open(
    'none',
    endpointPorts,
    'Serverset: ports of the app beside the main one, by the names that readers ask for.',
  ),
  pathEncoding: set('off', onOff, "SmartStack: the instance in the node's name too, as nerve's path encoding has it."),
};

const probing = {
  probe: set('/healthz', probes, 'How the app is asked whether it is well: a path or URL that answers 200 to 399, tcp, or none.'),
  probeInterval: set('5s', duration('10ms', '1h'), 'Time between two probes of an app that is as it was.'),
  probeTimeout: set('1s', timeout('10ms', '1h'), 'Longest wait for one probe.'),
  probeRise: set('2', integer(1, 1000), 'Passes in a row that make the app well.'),
  probeFall: set('3', integer(1, 1000), 'Fails in a row that make it ill.'),
};

const peers = {
  upstreams: live(
    open(
      'any name, watched on its first use',
      upstreamList,
      'The peers that the app calls: orders,users@7001 (a port of its own),db@tcp:7002 (plain TCP); naming some closes the list, * opens it.',
    ),
  ),
  domain: set('zk', domain, 'Suffix that is taken off a Host.'),
  policy: livePerUpstream(
    'weighted_round_robin',
    oneOf(policyNames),
    'How an instance is chosen; least_request for plain TCP where nothing is set.',
  ),
  hashKey: livePerUpstream(
    'path',
    hashKey,
    'What of a call ring_hash and maglev go by: calls that are alike in it go to one instance; one without it goes by chance. source is the pod.',
  ),
  hashLoad: livePerUpstream(
    'off',
    orOff(integer(101, 1000), undefined),
    'Under ring_hash and maglev: most calls in flight of one instance, in percent of its share of ours; what is more goes to the next.',
  ),
  slowStart: livePerUpstream(
    '30s',
    timeout('1ms', '1h'),
    'Time in which an instance that has just registered comes to its whole share, from a tenth of it on.',
  ),
  zoneAware: livePerUpstream(
    'on',
    onOff,
    'Instances of ZIDECAR_ZONE first, while they have room for their part of all callers; from 6 instances on.',
  ),
  subset: live(
    openPerUpstream(
      'none: any instance',
      subset,
      'Only instances with these labels (zone, or keys of their META), unless a call asks by x-zidecar-subset.',
    ),
  ),
  subsetFallback: livePerUpstream(
    'none',
    oneOf(['none', 'any']),
    'When no instance is in the subset that a call asks for: refuse it (no_subset), or take any.',
  ),
  split: live(
    openPerUpstream(
      'none',
      split,
      'Parts of the calls by a label, however many instances have it: version=canary:5 gives 5 % to those.',
    ),
  ),
  doubtful: livePerUpstream(
    'connect',
    foreign,
    'What proves a peer without a sidecar before a new connection to it while ZooKeeper cannot confirm it; one with a sidecar proves itself.',
  ),
  seed: open(
    'none',
    seed,
    'Where peers are for as long as neither ZooKeeper nor the snapshot has told: for new pods while ZooKeeper is down.',
  ),
  retries: live(perUpstream('1', integer(0, 10), 'Most extra attempts of a call that is safe to repeat.')),
  retryOn: livePerUpstream(
    'connect,reset,timeout,bad_answer',
    retryOnWords,
    'After what a call may be sent again: failures of an attempt, and statuses of answers.',
  ),
  retryIdempotencyKey: live(
    perUpstream('off', onOff, 'A call with the field Idempotency-Key is safe to repeat, whatever its method.'),
  ),
  retryBudget: live(perUpstream('20', integer(0, 100), 'Most retries, in percent of the calls of the last 10 s (plus 30).')),
  hedge: livePerUpstream(
    'off',
    hedge,
    'When a GET, HEAD or OPTIONS without an answer is sent to a second instance too; p95: later than 95 of 100 answers come.',
  ),
};

const listening = {
  outbound: set('127.0.0.1:6140,[::1]:6140', listeners, "Where the app's calls come in."),
  admin: set(ADMIN, listeners, 'Where the admin listens; keep it on this machine.'),
  health: set('[::]:6191', listeners, 'Where /live, /ready and /metrics are answered.'),
};

const timing = {
  connectTimeout: live(perUpstream('1s', timeout('1ms', day), 'One connect to an instance.')),
  requestTimeout: live(
    perUpstream('60s', timeout('1ms', day), 'A call until the head of its final answer, all attempts included.'),
  ),
  responseTimeout: live(
    perUpstream('60s', timeout('1ms', day), 'One attempt, from its last byte sent to the head of its answer.'),
  ),
  headerTimeout: set('10s', timeout('1ms', day), "The head of the app's request."),
  bodyTimeout: live(perUpstream('5m', timeout('1ms', day), 'Silence in the middle of a body.')),
  tunnelIdleTimeout: live(
    perUpstream('1h', timeout('1ms', day), 'Silence of an upgraded connection (WebSocket), or of one of plain TCP.'),
  ),
  clientIdleTimeout: set('1h', timeout('1ms', day), "A connection of the app's that is kept for its next call."),
  idleTimeout: live(perUpstream('4s', timeout('1ms', day), 'A connection to an instance that is kept for the next call.')),
  maxHead: set('32KiB', size('1KiB', '1MiB'), 'Largest head of a request or an answer.'),
  maxFields: set('100', integer(1, 10_000), 'Most fields in a head.'),
  forwarded: set('keep', oneOf(['keep', 'append']), "Whether the pod's address is appended to x-forwarded-for."),
  fastLane: set(
    'on',
    onOff,
    'The short way for plain exchanges: raw bytes instead of parsed messages, at a fraction of the cost.',
  ),
};

const living = {
  dataDir: open(
    '$XDG_STATE_HOME/zidecar, else /var/lib/zidecar',
    orOff(freeText('a path', 4096), undefined),
    'Where state is kept.',
  ),
  snapshot: open(
    'snapshot-NAME.json in the data folder',
    orOff(freeText('a path', 4096), undefined),
    'File of the last good lists, by which a sidecar serves that starts while ZooKeeper is down; older ones than 30 min are not used.',
  ),
  startWait: set('5s', timeout('0s', '1h'), 'Longest that /ready waits for the lists of named peers.'),
  drainWait: open(
    `the dialect's: ${[...dialects.values()].map(({ name, drainWaitMs }) => `${name} ${drainWaitMs / 1000}s`).join(', ')}`,
    orOff(duration('0s', '1h'), 0),
    'Time for peers to know of a withdrawal.',
  ),
  grace: set('25s', timeout('0s', '1h'), 'After that wait: longest time for the app and its calls to end.'),
  metricsEndpoints: set('off', onOff, 'Metrics of the circuit of each endpoint: one series each, 2,000 at most.'),
  logLevel: live(set('info', oneOf(levels), 'Least level that is logged.')),
  logFormat: set('auto', oneOf(['auto', 'json', 'pretty']), 'Form of the logs; auto is pretty on a terminal.'),
  accessLog: live(set('off', onOff, 'One line of log for each call.')),
};

/** The rows in groups, for people. */
export const groups: Readonly<Record<string, Readonly<Record<string, Setting<unknown>>>>> = {
  Registry: registry,
  Announcing: announcing,
  Probing: probing,
  Peers: peers,
  Listeners: listening,
  'Peers in trouble': trouble,
  'Limits of calls': timing,
  'State, stopping, logs': living,
};

export const schema = { ...registry, ...announcing, ...probing, ...peers, ...trouble, ...listening, ...timing, ...living };

export type Key = keyof typeof schema;
export type Settings = { readonly [K in Key]: (typeof schema)[K] extends Setting<infer T> ? T : never };
export type UpstreamKey = { [K in Key]: (typeof schema)[K] extends Setting<unknown, 'upstream'> ? K : never }[Key];
/** What can differ from peer to peer. */
export type UpstreamSettings = Pick<Settings, UpstreamKey>;

export const keys = Object.keys(schema) as Key[];
export const isKey = (key: string): key is Key => Object.hasOwn(schema, key);
export const upstreamKeys = keys.filter((key) => schema[key].scope === 'upstream') as UpstreamKey[];

/** probeInterval -> ZIDECAR_PROBE_INTERVAL */
export const envName = (key: string): string => `ZIDECAR_${key.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
/** probeInterval -> probe-interval */
export const flagName = (key: string): string => key.replace(/[A-Z]/g, '-$&').toLowerCase();
