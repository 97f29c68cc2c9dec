/**
 * The commands of the program, as a table: what each is for, which settings it needs and which switches it has. The command line and its
 * help are made from it; and a command asks for no other settings than stand here, so that what is wrong elsewhere cannot stop it.
 */
import { container } from './config/container.js';
import { webhookRows } from './config/webhook.js';
import { keys, schema, type Key } from './config/schema.js';

export interface Command {
  readonly usage: string;
  readonly about: string;
  /** The settings that it needs: its flags, and what `loadSettings` is to be asked for. */
  readonly settings: readonly Key[];
  /** Switches beside the settings. */
  readonly switches: Readonly<Record<string, string>>;
  /** Flags with a value that are no settings. */
  readonly options: Readonly<Record<string, Option>>;
  /** The line, and what it is for. */
  readonly examples: readonly (readonly [string, string])[];
}

export interface Option {
  readonly about: string;
  readonly unset: string;
  readonly grammar: { readonly accepts: string };
}

const json = 'Print JSON';
const toAdmin = ['config', 'admin'] as const satisfies readonly Key[];
const zookeeper = [
  'zookeeperClient',
  'zookeeperTlsCa',
  'zookeeperTlsCert',
  'zookeeperTlsKey',
  'zookeeperAuth',
] as const satisfies readonly Key[];
const toRegistry = [
  'config',
  'zookeeper',
  ...zookeeper,
  'sessionTimeout',
  'dialect',
  'registryPath',
] as const satisfies readonly Key[];

/** What a manifest may hold: no secrets, and no path of a file, which would be one in the pod. */
const ofPods = keys.filter((key) => key !== 'config' && !schema[key].secret);

export const commands = {
  run: {
    usage: 'run',
    about: 'Run the sidecar, and with "-- COMMAND" the app too',
    settings: keys,
    switches: {},
    options: {},
    examples: [
      ['$0 run --zookeeper zk:2181 --service orders --app-port 8080', 'announce the app on port 8080'],
      ['$0 run --zookeeper dir:/tmp/zk -- node app.js', 'start the app too; no ZooKeeper needed'],
    ],
  },
  check: {
    usage: 'check',
    about: 'Show the effective settings and where each came from, or all that is wrong',
    settings: keys,
    switches: { json },
    options: {},
    examples: [
      ['$0 check --config zidecar.yaml', 'look at a file before it is used'],
      ['$0 check --json', 'for a program; exit code 64 if anything is wrong'],
    ],
  },
  services: {
    usage: 'services [name]',
    about: 'Show the services of a registry, trouble first; needs no sidecar',
    settings: toRegistry,
    switches: {
      all: 'Show the services of every dialect, and every problem of each',
      watch: 'Go on, and show each change',
      json,
    },
    options: {},
    examples: [
      ['$0 services --all --zookeeper zk:2181', 'everything that is there, trouble first'],
      ['$0 services orders --zookeeper zk:2181', 'the instances of orders, and what is wrong with them'],
    ],
  },
  lint: {
    usage: 'lint [name]',
    about:
      'Show which readers take, pass over or break on each node of a service or of a path; without a name, of every service in /services, /discovery, /nerve/services, /dubbo and --registry-path',
    settings: toRegistry,
    switches: { all: 'Show every node, and readers of other systems too', json },
    options: {},
    examples: [
      ['$0 lint --zookeeper zk:2181', 'everything that breaks a reader; exit code 1 if anything does'],
      ['$0 lint /services/orders --zookeeper zk:2181', 'node by node'],
    ],
  },
  status: {
    usage: 'status',
    about: 'Show how the sidecar beside you is',
    settings: toAdmin,
    switches: { json },
    options: {},
    examples: [
      ['$0 status', 'ask the sidecar on 127.0.0.1:6190'],
      ['$0 status --admin 127.0.0.1:7190', 'ask another one'],
    ],
  },
  why: {
    usage: 'why [name]',
    about: 'Show why calls to a peer go where they go, or one call with --call',
    settings: toAdmin,
    switches: { json },
    options: {
      call: {
        about: 'What would become of this call, which is not sent; or what became of one that was.',
        unset: 'none',
        grammar: { accepts: 'http://NAME/PATH, /PATH, or an x-request-id' },
      },
      header: {
        about: 'A field of that call; may be given more than once, and as -H.',
        unset: 'none',
        grammar: { accepts: '"NAME: VALUE"' },
      },
      method: { about: 'The method of that call; also as -X.', unset: 'GET', grammar: { accepts: 'any method, such as POST' } },
    },
    examples: [
      ['$0 why orders', 'each instance with its share and the reason'],
      ['$0 why --call http://orders/x', 'which rule would take that call where; nothing is sent'],
      ['$0 why --call 4f1c2a77-9b0e', 'what became of the call with that x-request-id'],
    ],
  },
  events: {
    usage: 'events',
    about: 'Show what has happened in the sidecar beside you: the last 1,000 changes',
    settings: toAdmin,
    switches: { json },
    options: {},
    examples: [
      ['$0 events', 'who joined, whose circuit opened, what was announced, and when'],
      ['$0 events | grep orders', 'the same of one service'],
    ],
  },
  drain: {
    usage: 'drain',
    about: 'Withdraw the app from the registry; the sidecar lives on',
    settings: toAdmin,
    switches: { 'no-wait': 'Return at once, before peers can know', json },
    options: {},
    examples: [
      ['$0 drain', 'before the app is stopped; returns when peers can know'],
      ['$0 drain --no-wait', 'withdraw, and wait for nobody'],
    ],
  },
  undrain: {
    usage: 'undrain',
    about: 'Take a drain back: the app is announced again while it is well',
    settings: toAdmin,
    switches: { json },
    options: {},
    examples: [
      ['$0 undrain', 'after a drain'],
      ['$0 undrain --admin 127.0.0.1:7190', 'of another sidecar on this machine'],
    ],
  },
  doubtful: {
    usage: 'doubtful <name>',
    about: 'Overrule what the sidecar makes of endpoints of a peer that the registry cannot confirm',
    settings: toAdmin,
    switches: { drop: 'They are gone: no call goes to them', trust: 'They are who they were: nothing has to be proved', json },
    options: {},
    examples: [
      ['$0 doubtful orders --drop', 'after a mass drop that was meant'],
      ['$0 doubtful orders --trust', 'they are well, and cannot prove it'],
    ],
  },
  inject: {
    usage: 'inject [path..]',
    about: 'Put the sidecar into Kubernetes manifests: files, folders, or standard input',
    settings: ofPods,
    switches: { uninject: 'Take it out again', diff: 'Show the difference alone' },
    options: container,
    examples: [
      ['$0 inject --zookeeper zk:2181 app.yaml | kubectl apply -f -', 'the settings given are those of the sidecars'],
      ['$0 inject --zookeeper zk:2181 --diff deploy/', 'look at it first'],
    ],
  },
  webhook: {
    usage: 'webhook',
    about: 'Put the sidecar into the pods of a cluster as they are made',
    settings: ofPods,
    switches: {},
    options: { ...webhookRows, ...container },
    examples: [
      ['$0 webhook --zookeeper zk:2181', 'in a cluster; see the chart in deploy/chart'],
      ['$0 webhook --zookeeper zk:2181 --cert-dir /certs', 'with certificates of cert-manager'],
    ],
  },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;
export const commandNames = Object.keys(commands) as CommandName[];
