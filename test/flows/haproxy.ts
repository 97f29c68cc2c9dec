/** HAProxy as the comparisons run it: one thread, redispatch, and repeating all that zidecar repeats by default. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `rest`: of the frontend that listens at `port`, and the backends. */
export async function haproxyAt(
  port: number,
  timeouts: Readonly<Record<'connect' | 'client' | 'server', string>>,
  rest: string,
): Promise<{ readonly command: readonly [string, ...string[]]; readonly clean: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'zidecar-test-'));
  const file = join(folder, 'haproxy.cfg');
  await writeFile(
    file,
    `global
  nbthread 1
defaults
  mode http
  balance roundrobin
  http-reuse always
  retries 1
  option redispatch 1
  retry-on conn-failure empty-response junk-response response-timeout
  timeout connect ${timeouts.connect}
  timeout client ${timeouts.client}
  timeout server ${timeouts.server}
frontend outbound
  bind 127.0.0.1:${port}
${rest}
`,
  );
  return {
    command: ['haproxy', '-db', '-f', file],
    clean: () => rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 }),
  };
}
