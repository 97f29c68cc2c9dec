/**
 * The names of all metrics of ours, which dashboards and alerts are built on: a name that is here stays. metrics.ts fills them, and
 * README.md shows them. Base units only (seconds, counts), and no label whose values a stranger can multiply.
 */
/** One row a metric: its kind, its labels, and what it says. Labels are separated by spaces. */
export const metricTable = {
  zidecar_requests_total: [
    'counter',
    'service code',
    'Calls of the app that have ended, by class of status or by the code of our refusal.',
  ],
  zidecar_request_duration_seconds: [
    'histogram',
    'service',
    'From the head of a call to the end of its answer, attempts and pauses included.',
  ],
  zidecar_requests_in_flight: ['gauge', 'service', 'Calls that hold an endpoint now.'],
  zidecar_requests_lost_total: ['counter', 'service', 'Calls to which the app got anything but the full answer of an endpoint.'],
  zidecar_lane_calls_total: [
    'counter',
    'lane',
    'Calls carried by each lane: fast for plain exchanges, full for all others, tcp.',
  ],
  zidecar_attempts_total: ['counter', 'service', 'Sends of calls to endpoints.'],
  zidecar_retries_total: ['counter', 'service', 'Attempts after the first of a call.'],
  zidecar_hedges_total: [
    'counter',
    'service result',
    'Second sends of slow calls beside the first: won by the second, or lost to the first (which may have failed, too).',
  ],
  zidecar_retry_overflow_total: ['counter', 'service', 'Retries that the retry budget did not allow.'],
  zidecar_subsets_dropped_total: [
    'counter',
    'service',
    'Subsets of endpoints that were given up for others: calls ask for more than the 32 that are kept.',
  ],
  zidecar_tunnel_bytes_total: [
    'counter',
    'service direction',
    'Bytes of websockets and of plain TCP: sent by the app, received by it.',
  ],
  zidecar_endpoints: [
    'gauge',
    'service state',
    'Endpoints by what decides about them: a circuit that is open or half_open, else ejected, else ill (by checks), else closed: well.',
  ],
  zidecar_circuit_state: [
    'gauge',
    'service endpoint',
    'Circuit of an endpoint: 0 closed, 1 half-open, 2 open. Only with ZIDECAR_METRICS_ENDPOINTS=on.',
  ],
  zidecar_doubtful_endpoints: ['gauge', 'service', 'Endpoints that have to prove who they are before a new connection to them.'],
  zidecar_mass_drops_total: ['counter', 'service', 'Times that most endpoints vanished at one time and were kept as doubtful.'],
  zidecar_identity_questions_total: [
    'counter',
    'result',
    'Doubtful endpoints that were asked who they are: same, foreign (no sidecar, taken as it is), other, withdrawn, silent, refused.',
  ],
  zidecar_list_age_seconds: [
    'gauge',
    'service',
    'Age of the list that calls go by while the registry does not confirm it; 0 while it does.',
  ],
  zidecar_ejections_total: ['counter', 'service', 'Endpoints ejected because of their answers.'],
  zidecar_ejections_withheld_total: ['counter', 'service', 'Ejections that the cap on ejected endpoints did not allow.'],
  zidecar_panic: ['gauge', 'service', '1 while too few endpoints are well, and ejections and checks are pardoned.'],
  zidecar_would_have_total: [
    'counter',
    'service what',
    'What shadow mode has not done: circuits opened, endpoints ejected (outlier) or put out by checks, calls refused by limits.',
  ],
  zidecar_limit: ['gauge', 'service limit', 'Most connections, pending and requests at one time.'],
  zidecar_limit_used: ['gauge', 'service limit', 'Connections, pending and requests that there are now.'],
  zidecar_limit_refused_total: [
    'counter',
    'service limit',
    'Calls that a limit refused; zidecar_would_have_total has those of the shadow.',
  ],
  zidecar_app_up: ['gauge', 'service', 'Verdict of the probes of the app: 1 up, 0 down.'],
  zidecar_probes_total: ['counter', 'service result', 'Probes of the app by result; unknown is a probe that could not be run.'],
  zidecar_registered: [
    'gauge',
    'service',
    '1 only while a read has shown our node, our bytes and our session as its owner, and nothing has spoken against it since.',
  ],
  zidecar_announcements_lost_total: [
    'counter',
    'service by',
    'Times that our node was lost: with its session, removed, changed, or taken over by another live sidecar that says it is us.',
  ],
  zidecar_session_state: ['gauge', 'state', '1 for the state in which the session of the registry is.'],
  zidecar_other_session_state: ['gauge', 'registry state', 'The same of each registry beside the main one, four at most.'],
  zidecar_registry_operations_total: [
    'counter',
    'op result',
    'Operations of the registry; result is ok or the code of the error.',
  ],
  zidecar_znodes_ignored_total: ['counter', 'reason', 'Versions of nodes that were skipped because they could not be used.'],
  zidecar_propagation_seconds: [
    'histogram',
    '',
    'From the first watch that told of an instance that joined or left to calls going by the list with it; one for each such list, none ' +
      'for a first list or what a slow look found.',
  ],
  zidecar_watches: ['gauge', '', 'Watches armed in the registry.'],
  zidecar_config_reloads_total: ['counter', 'result', 'Times that the settings were read again: ok, or refused as a whole.'],
  zidecar_bound_reached_total: [
    'counter',
    'bound',
    'Times that a bound of ours was reached; with our own client of ZooKeeper also each call that it refused because too many were ' +
      'out or because of its size.',
  ],
  zidecar_log_lines_lost_total: ['counter', '', 'Lines of log that were dropped because nobody read the ones before.'],
  zidecar_event_loop_active_seconds_total: [
    'counter',
    '',
    'Time for which the event loop was not idle; its rate is the load of our one thread, 0 to 1.',
  ],
  zidecar_build_info: ['gauge', 'version node', 'Always 1; what is running.'],
} as const satisfies Record<string, readonly ['counter' | 'gauge' | 'histogram', labels: string, help: string]>;

export type MetricName = keyof typeof metricTable;
