/**
 * nginx with one worker.
 *
 * Equal to the others: connections to endpoints are kept (`keepalive`, HTTP/1.1), turns are taken, a request id and Via are written,
 * nothing is logged. nginx by itself would put large bodies into files: it passes them on as they come instead, as all others do. It
 * keeps a request to repeat it only where calls are to be repeated. An endpoint is never taken out (`max_fails=0`), so that all repeat
 * the same number of calls.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { launch, type Contender, type Setting } from './contender.js';

const installed = (): string | undefined => /nginx\/(\S+)/.exec(spawnSync('nginx', ['-v'], { encoding: 'utf8' }).stderr)?.[1];

export const nginx: Contender = {
  id: 'nginx',
  title: 'nginx',
  missing: () => (installed() === undefined ? 'nginx is not installed: apt-get install -y nginx-light' : undefined),
  version: () => `nginx ${installed() ?? ''}`,
  async start(setting) {
    const file = `${setting.folder}/nginx.conf`;
    writeFileSync(file, configuration(setting));
    const process = launch(['nginx', '-p', setting.folder, '-e', 'stderr', '-c', file], setting);
    await process.answers(setting.port, setting.services[0]!.name);
    return process;
  },
};

const configuration = ({ services, retries, port, folder }: Setting): string => `
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 8000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_max_body_size 0;
  client_body_buffer_size 64k;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  server_names_hash_max_size 4096;
  map_hash_max_size 4096;
  map $http_connection $onward { default ""; ~*upgrade upgrade; }
${services
  .map(
    ({ name, endpoints }) =>
      `  upstream ${name} {\n${endpoints.map((at) => `    server ${at} max_fails=0;\n`).join('')}    keepalive 1024;\n    keepalive_requests 1000000000;\n  }\n`,
  )
  .join('')}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://${services.length === 1 ? services[0]!.name : '$host'};
      proxy_http_version 1.1;
      proxy_request_buffering ${retries ? 'on' : 'off'};
      proxy_max_temp_file_size 0;
      proxy_buffer_size 16k;
      proxy_buffers 8 16k;
      proxy_connect_timeout 1s;
      proxy_read_timeout 60s;
      proxy_next_upstream_tries 2;
      proxy_set_header Host $http_host;
      proxy_set_header Connection $onward;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header x-request-id $request_id;
      proxy_set_header via "1.1 nginx";
      add_header via "1.1 nginx" always;
    }
  }
}
`;
