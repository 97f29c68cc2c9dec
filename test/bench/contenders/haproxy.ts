/**
 * HAProxy with one thread, three ways: as it comes; with the 64 KiB buffers that zidecar has too; and with splice, by which the kernel
 * moves large bodies without showing them to the program.
 *
 * Equal to the others: connections to endpoints are kept and shared by all calls (`http-reuse always`), turns are taken, a request id and
 * Via are written, nothing is logged. `retries` and `retry-on` repeat a call whose endpoint broke off, on another one.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { launch, type Contender, type Setting } from './contender.js';

const installed = (): string | undefined => {
  try {
    return /version (\S+)/.exec(execFileSync('haproxy', ['-v'], { encoding: 'utf8' }))?.[1];
  } catch {
    return undefined;
  }
};

export const haproxy = (
  id: string,
  title: string,
  tuning: { readonly global?: string; readonly defaults?: string },
): Contender => ({
  id,
  title,
  missing: () => (installed() === undefined ? 'haproxy is not installed: apt-get install -y haproxy' : undefined),
  version: () => `HAProxy ${installed() ?? ''}`,
  async start(setting) {
    const file = `${setting.folder}/haproxy.cfg`;
    writeFileSync(file, configuration(setting, tuning));
    writeFileSync(`${setting.folder}/services.map`, setting.services.map(({ name }) => `${name} ${name}\n`).join(''));
    const process = launch(['haproxy', '-db', '-f', file], setting);
    await process.answers(setting.port, setting.services[0]!.name);
    return process;
  },
});

const configuration = (
  { services, retries, port, folder }: Setting,
  { global = '', defaults = '' }: { readonly global?: string; readonly defaults?: string },
): string => `
global
  nbthread 1
  maxconn 4000
  ${global}

defaults
  mode http
  ${defaults}
  balance roundrobin
  http-reuse always
  retries 1
  ${retries ? 'option redispatch 1\n  retry-on conn-failure empty-response' : ''}
  timeout connect 1s
  timeout client 1h
  timeout server 60s
  timeout tunnel 1h
  timeout http-request 10s

frontend outbound
  bind 127.0.0.1:${port}
  unique-id-format %[uuid()]
  unique-id-header x-request-id
  http-request add-header via "1.1 haproxy"
  http-response add-header via "1.1 haproxy"
  ${services.length === 1 ? `default_backend ${services[0]!.name}` : `use_backend %[req.hdr(host),map(${folder}/services.map)]`}
${services.map(({ name, endpoints }) => `backend ${name}\n${endpoints.map((at, index) => `  server e${index} ${at}\n`).join('')}`).join('\n')}`;
