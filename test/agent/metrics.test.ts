import { deepEqual, equal, match, ok, throws } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AT_ONCE } from '../../agent/exposition.js';
import { metricTable } from '../../agent/metric-table.js';
import { makeMetrics, type MetricSources } from '../../agent/metrics.js';
import { defaultLimits, Usage } from '../../lb/limits.js';
import { UpstreamStats } from '../../lb/stats.js';

interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** The text format of Prometheus 0.0.4, strictly: one HELP and TYPE for each family, before its samples, which stand together. */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let current: [string, Family] | undefined;
  let help: [string, string] | undefined;
  ok(text.endsWith('\n'), 'the last line ends');
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const helped = /^# HELP ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    const typed = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary)$/.exec(line);
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (NaN|[+-]Inf|-?[\d.]+(?:e[+-]?\d+)?)$/.exec(line);
    if (helped) help = [helped[1]!, helped[2]!];
    else if (typed) {
      ok(help?.[0] === typed[1], `TYPE after its HELP: ${line}`);
      ok(!families.has(typed[1]!), `one family of a name: ${line}`);
      current = [typed[1]!, { type: typed[2]!, help: help![1], samples: [] }];
      families.set(...current);
    } else if (sample) {
      const [, name, labels = '', value] = sample;
      const suffixes = current?.[1].type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      ok(current && suffixes.some((suffix) => name === current![0] + suffix), `a sample below its family: ${line}`);
      current[1].samples.push({ name: name!, labels: parseLabels(labels), value: Number(value!.replace('Inf', 'Infinity')) });
    } else throw new Error(`not a line of the format: ${JSON.stringify(line)}`);
  }
  for (const { samples } of families.values()) {
    const series = samples.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels).sort()]));
    equal(new Set(series).size, series.length, 'each series once');
  }
  return families;
}

function parseLabels(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (let rest = text; rest !== '';) {
    const label = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,(?=.)|$)/.exec(rest);
    ok(label, `not a label: ${rest}`);
    found[label[1]!] = label[2]!.replace(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
    rest = rest.slice(label[0].length);
  }
  return found;
}

let rests = 0;
const rest = (): Promise<void> => {
  rests++;
  return Promise.resolve();
};

type Upstream = ReturnType<MetricSources['upstreams']> extends Iterable<infer T> ? T : never;

const three = [
  { host: '10.0.0.1', port: 80, circuit: 'closed' },
  { host: 'fd00::1', port: 80, circuit: 'open' },
  { host: '10.0.0.3', port: 80, circuit: 'half_open' },
] as const;

function upstream(name: string, endpoints: ReturnType<Upstream['explain']>): Upstream {
  const stats = new UpstreamStats();
  return {
    name,
    stats,
    usage: new Usage({ limits: defaultLimits, enforced: { limits: true }, stats, reached: () => undefined }),
    states: () => ({ closed: 2, half_open: 0, open: 1, ejected: 0, ill: 0 }),
    verdict: () => ({ panic: false }),
    explain: () => endpoints,
  };
}

function setup(
  perEndpoint = false,
  endpoints: ReturnType<Upstream['explain']> = three,
  others: readonly Upstream[] = [],
): { metrics: ReturnType<typeof makeMetrics>; orders: UpstreamStats; unrouted: UpstreamStats } {
  const orders = upstream('orders', endpoints);
  const unrouted = new UpstreamStats();
  const sources: MetricSources = {
    upstreams: () => [orders, ...others],
    unrouted: () => unrouted,
    lanes: () => ({ fast: 5, full: 2 }),
    announcements: () => [{ service: 'shop', registered: true, up: false }],
    lists: () => [{ name: 'orders', confirmed: false, asOf: 1_000, doubtful: 2 }],
    wall: () => 61_000,
    session: () => 'suspended',
    otherSessions: () => [{ registry: 'zk-old:2181', state: 'closed' }],
    watches: () => 7,
    logLinesLost: () => 3,
  };
  return { metrics: makeMetrics(sources, { version: '0.1.0', node: 'v20', perEndpoint, rest }), orders: orders.stats, unrouted };
}

/** Value by labels, as `a=b c=d`. */
const values = (families: Map<string, Family>, name: string): Record<string, number> =>
  Object.fromEntries(
    families.get(name)!.samples.map(({ name: series, labels, value }) => {
      const shown = Object.entries(labels).map(([label, text]) => `${label}=${text}`);
      return [[...(series === name ? [] : [series.slice(name.length + 1)]), ...shown].join(' '), value];
    }),
  );

describe('metrics', () => {
  it('are the text that Prometheus reads, with each name of the table, its kind and its labels', async () => {
    const { metrics, orders } = setup(true);
    orders.ended(200, 12);
    metrics.emit({ kind: 'probe_ended', service: 'shop', probe: 'http', result: 'unknown' });
    metrics.emit({ kind: 'registry_operation', op: 'create', result: 'ok', ms: 1 });
    metrics.emit({ kind: 'announcement_lost', service: 'orders', path: '/a', by: 'removed', why: '' });
    metrics.emit({ kind: 'znode_ignored', service: 'orders', path: '/a', reason: 'bad_port', detail: '' });
    metrics.emit({ kind: 'bound_reached', bound: 'names', limit: 256, detail: '' });
    metrics.emit({ kind: 'config_reloaded', why: 'SIGHUP', changed: '', needsRestart: '' });
    metrics.emit({ kind: 'config_refused', why: 'SIGHUP', problems: 'all of it' });
    metrics.emit({ kind: 'mass_drop', upstream: 'orders', vanished: 3, left: 1 });
    metrics.emit({ kind: 'identity_asked', result: 'same' });
    const { type, text } = await metrics.scrape();
    match(type, /^text\/plain; version=0\.0\.4/);
    const families = parse(text);
    for (const [name, [kind, labels, help]] of Object.entries(metricTable)) {
      const family = families.get(name);
      ok(family, name);
      deepEqual([family.type, family.help], [kind, help], name);
      ok(family.samples.length > 0, name);
      for (const { labels: found } of family.samples)
        deepEqual(
          Object.keys(found)
            .filter((label) => label !== 'le')
            .sort(),
          labels.split(' ').filter(Boolean).sort(),
          name,
        );
    }
    const unlisted = [...families.keys()].filter((name) => name.startsWith('zidecar_') && !(name in metricTable));
    deepEqual(unlisted, []);
  });

  it('tell the age of a list that the registry does not confirm, and how many of it are doubtful', async () => {
    const families = parse((await setup().metrics.scrape()).text);
    deepEqual(values(families, 'zidecar_list_age_seconds'), { 'service=orders': 60 });
    deepEqual(values(families, 'zidecar_doubtful_endpoints'), { 'service=orders': 2 });
  });

  it('count calls by class or by the code of our refusal, and those without an upstream as unknown', async () => {
    const { metrics, orders, unrouted } = setup();
    orders.ended(200, 1);
    orders.ended(204, 1);
    orders.ended(503, 1);
    orders.ended('all_open', 1);
    unrouted.ended('unknown_upstream', 1);
    deepEqual(values(parse((await metrics.scrape()).text), 'zidecar_requests_total'), {
      'service=orders code=2xx': 2,
      'service=orders code=5xx': 1,
      'service=orders code=all_open': 1,
      'service=unknown code=unknown_upstream': 1,
    });
  });

  it('give the time of calls in cumulative buckets, in seconds', async () => {
    const { metrics, orders } = setup();
    for (const ms of [0.5, 1, 3, 3, 90_000]) orders.ended(200, ms);
    const found = values(parse((await metrics.scrape()).text), 'zidecar_request_duration_seconds');
    const of = (part: string): number | undefined => found[part];
    equal(of('bucket service=orders le=0.001'), 2);
    equal(of('bucket service=orders le=0.0025'), 2);
    equal(of('bucket service=orders le=0.005'), 4);
    equal(of('bucket service=orders le=60'), 4);
    equal(of('bucket service=orders le=+Inf'), 5);
    equal(of('count service=orders'), 5);
    equal(Math.round(of('sum service=orders')! * 1e4) / 1e4, 90.0075);
  });

  it('read the plain numbers of the data path at each scrape', async () => {
    const { metrics, orders } = setup();
    const reads = {
      zidecar_attempts_total: 'attempts',
      zidecar_retries_total: 'retries',
      zidecar_retry_overflow_total: 'retryOverflow',
    } as const;
    for (const round of [1, 2])
      for (const [name, field] of Object.entries(reads)) {
        orders[field] += 5;
        equal(values(parse((await metrics.scrape()).text), name)['service=orders'], round * 5, name);
      }
    orders.inFlight = 4;
    orders.lost = 2;
    orders.tunnelled.sent = 7;
    const families = parse((await metrics.scrape()).text);
    equal(values(families, 'zidecar_requests_in_flight')['service=orders'], 4);
    equal(values(families, 'zidecar_requests_lost_total')['service=orders'], 2);
    deepEqual(values(families, 'zidecar_tunnel_bytes_total')['service=orders direction=sent'], 7);
    equal(values(families, 'zidecar_ejections_total')['service=orders'], 0);
  });

  it('tell the state of circuits, endpoint by endpoint only where asked for', async () => {
    const some = parse((await setup(false).metrics.scrape()).text);
    equal(some.has('zidecar_circuit_state'), false);
    deepEqual(values(some, 'zidecar_endpoints'), {
      'service=orders state=closed': 2,
      'service=orders state=half_open': 0,
      'service=orders state=open': 1,
      'service=orders state=ejected': 0,
      'service=orders state=ill': 0,
    });
    deepEqual(values(parse((await setup(true).metrics.scrape()).text), 'zidecar_circuit_state'), {
      'service=orders endpoint=10.0.0.1:80': 0,
      'service=orders endpoint=[fd00::1]:80': 2,
      'service=orders endpoint=10.0.0.3:80': 1,
    });
  });

  it('show 2,000 endpoints at most, and count that there are more', async () => {
    const some = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ host: '10.0.0.1', port: index + 1, circuit: 'closed' as const }));
    for (const [count, isReached] of [
      [2_000, false],
      [2_001, true],
    ] as const) {
      const { metrics } = setup(true, some(count));
      await metrics.scrape();
      const families = parse((await metrics.scrape()).text);
      equal(families.get('zidecar_circuit_state')!.samples.length, 2_000);
      equal('bound=endpoints in the metrics' in values(families, 'zidecar_bound_reached_total'), isReached);
    }
  });

  it('let others have their turn after each few series of hundreds of services', async () => {
    rests = 0;
    await setup().metrics.scrape();
    equal(rests, 0);
    const many = Array.from({ length: 500 }, (_, index) => upstream(`s${index}`, []));
    const { text } = await setup(false, three, many).metrics.scrape();
    const series = parse(text);
    const ours = [...series].flatMap(([name, { samples }]) => (name in metricTable ? samples : [])).length;
    ok(ours > 10_000);
    equal(rests, Math.floor(ours / AT_ONCE));
  });

  it('show no buckets of a service that was never called', async () => {
    const { metrics, orders } = setup(false, three, [upstream('users', [])]);
    orders.ended(200, 1);
    const { samples } = parse((await metrics.scrape()).text).get('zidecar_request_duration_seconds')!;
    deepEqual([...new Set(samples.map(({ labels }) => labels['service']))], ['orders']);
  });

  it('tell the session, the announcements and the bounds', async () => {
    const families = parse((await setup().metrics.scrape()).text);
    deepEqual(values(families, 'zidecar_session_state'), {
      'state=connecting': 0,
      'state=connected': 0,
      'state=suspended': 1,
      'state=expired': 0,
      'state=closed': 0,
    });
    deepEqual(values(families, 'zidecar_registered'), { 'service=shop': 1 });
    deepEqual(values(families, 'zidecar_app_up'), { 'service=shop': 0 });
    deepEqual(values(families, 'zidecar_watches'), { '': 7 });
    deepEqual(values(families, 'zidecar_log_lines_lost_total'), { '': 3 });
    deepEqual(values(families, 'zidecar_build_info'), { 'version=0.1.0 node=v20': 1 });
  });

  it('count facts by labels that are closed sets', async () => {
    const { metrics } = setup();
    for (const result of ['ok', 'ok', 'no_node']) metrics.emit({ kind: 'registry_operation', op: 'read', result, ms: 1 });
    for (const result of ['pass', 'fail', 'pass'] as const)
      metrics.emit({ kind: 'probe_ended', service: 'shop', probe: 'tcp', result });
    metrics.emit({ kind: 'list_changed', path: '/services/orders', joined: 1, left: 0, total: 1, tookMs: 30 });
    metrics.emit({ kind: 'list_changed', path: '/services/users', joined: 1, left: 0, total: 1 });
    metrics.emit({ kind: 'warned', why: 'nothing to count' });
    const families = parse((await metrics.scrape()).text);
    deepEqual(values(families, 'zidecar_registry_operations_total'), { 'op=read result=ok': 2, 'op=read result=no_node': 1 });
    deepEqual(values(families, 'zidecar_probes_total'), { 'service=shop result=pass': 2, 'service=shop result=fail': 1 });
    const propagation = values(families, 'zidecar_propagation_seconds');
    deepEqual([propagation['bucket le=0.025'], propagation['bucket le=0.05'], propagation['sum']], [0, 1, 0.03]);
    equal(propagation['count'], 1);
  });

  it('hold the metrics of the process, less those that wake an idle one', async () => {
    const families = parse((await setup().metrics.scrape()).text);
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_seconds',
      'nodejs_gc_duration_seconds',
    ])
      ok(families.has(name), name);
    deepEqual(
      [...families.keys()].filter((name) => /lag_(min|max|mean|stddev|p\d+)/.test(name)),
      [],
    );
  });

  it('keep a name of others within its label', async () => {
    const { metrics } = setup(false, three, [upstream('a"b\\c\nd', [])]);
    metrics.emit({ kind: 'registry_operation', op: 'a"b\\c\nd', result: 'ok', ms: 1 });
    deepEqual(values(parse((await metrics.scrape()).text), 'zidecar_registry_operations_total'), { 'op=a"b\\c\nd result=ok': 1 });
    equal(values(parse((await metrics.scrape()).text), 'zidecar_panic')['service=a"b\\c\nd'], 0);
  });

  it('are parsed by a parser that refuses what is not the format', () => {
    for (const wrong of [
      'a 1',
      '# HELP a b\n# TYPE a gauge\nb 1\n',
      '# HELP a b\n# TYPE a gauge\na{x="1" 1\n',
      '# TYPE a gauge\na 1\n',
      '# HELP a b\n# TYPE a gauge\na 1\na 1\n',
    ])
      throws(() => parse(wrong));
  });
});
