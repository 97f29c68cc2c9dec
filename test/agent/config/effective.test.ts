import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check, effective } from '../../../agent/config/effective.js';
import { loadConfig } from '../../../agent/config/load.js';

const yaml = `
policy: random
announce: [{service: orders, port: 8080, dialects: ["spring:/a/very/long/path/that/no/terminal/line/holds/{service}/instances"]}]
upstreams: {users: {port: 7001, retries: 3}, "*": }
`;
const inputs = {
  env: { ZIDECAR_ZOOKEEPER: 'zk:2181', ZIDECAR_CONFIG: 'z.yaml', POD_IP: '10.1.2.3' },
  flags: { grace: '3s' },
  readFile: () => yaml,
};

describe('the effective settings', () => {
  it('tell each value and where it came from', () => {
    const rows = new Map(effective(loadConfig(inputs)).map(({ setting, value, from }) => [setting, `${value} < ${from}`]));
    deepEqual(
      ['ZOOKEEPER', 'POLICY', 'GRACE', 'WEIGHT', 'ADVERTISE', 'ZONE'].map((name) => rows.get(`ZIDECAR_${name}`)),
      ['zk:2181 < environment', 'random < z.yaml', '3s < --grace', '1 < default', '10.1.2.3 < POD_IP', 'none < default'],
    );
  });
});

describe('zidecar check', () => {
  it('prints tables that fit the terminal and lose nothing, and a row a line where there is none', () => {
    const { ok: right, output, complaint } = check(inputs, { json: false, width: 80 });
    ok(right);
    equal(complaint, '');
    ok(output.split('\n').every((line) => line.length <= 80 && !line.endsWith(' ')));
    ok(/^ZIDECAR_GRACE +--grace +3s$/m.test(output));
    ok(
      check(inputs, { json: false }).output.includes(
        'spring in /a/very/long/path/that/no/terminal/line/holds/orders/instances, app',
      ),
    );
    const text = output.replace(/\s+/g, '');
    ok(text.includes('spring in /a/very/long/path/that/no/terminal/line/holds/orders/instances, app'.replace(/\s+/g, '')));
    ok(/^users +curator in \/services\/users, on 127\.0\.0\.1:7001 and \[::1\]:7001, *retries$|retries 3/m.test(output));
    ok(/^any other +on its first use: \/services\/NAME$/m.test(output));
  });

  it('tells every problem, and warnings beside them', () => {
    const {
      ok: right,
      output,
      complaint,
    } = check({ env: { ZIDECAR_ZONE: 'a b', ZIDECAR_APP_PORT: '80', ZIDECAR_X_SERVICE_HOST: 'x' } }, { json: false });
    deepEqual([right, output], [false, '']);
    const lines = complaint.split('\n');
    equal(lines[0], 'the configuration has 2 problems:');
    ok(lines[1]!.startsWith('  ZIDECAR_ZONE="a b" has " " in it; accepted: '));
    ok(lines[2]!.startsWith('  ZIDECAR_ZOOKEEPER (or --zookeeper) is required'));
    ok(lines.slice(3).every((line) => line.startsWith('warning: ')));
  });

  it('with json prints one object either way', () => {
    const right = JSON.parse(check(inputs, { json: true }).output) as {
      ok: boolean;
      settings: unknown[];
      announcements: unknown[];
    };
    deepEqual([right.ok, right.settings.length > 40, right.announcements.length], [true, true, 1]);
    const wrong = JSON.parse(check({ env: {} }, { json: true }).output) as { ok: boolean; problems: unknown[] };
    deepEqual([wrong.ok, wrong.problems.length], [false, 1]);
  });
});
