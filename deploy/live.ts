/**
 * The health check of the container image: asks the sidecar's /live and ends with 0 or 1, the only codes that Docker knows.
 * It reads ZIDECAR_HEALTH from the container's environment itself, because the image has no shell to hand it over. A health listener that
 * was moved by a flag or by the configuration file cannot be seen from here; one that is off cannot be asked, and passes.
 */
import type { RequestOptions } from 'node:http';

const { get } = process.getBuiltinModule('node:http'); // not by an import: see lb/node-http.ts

const DEFAULT = '[::]:6191';
const LOOPBACK = [
  { address: '::1', family: 6 },
  { address: '127.0.0.1', family: 4 },
];
/** One process stands behind all of its listeners: the first will do. */
const address = process.env['ZIDECAR_HEALTH']?.split(',')[0]?.trim() || DEFAULT;

function where(): RequestOptions {
  if (address.startsWith('unix:')) return { socketPath: address.slice('unix:'.length) };
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = address.slice(colon + 1);
  if (host !== '::') return { host: host === '0.0.0.0' ? '127.0.0.1' : host, port };
  // an address of each family, and no name: an image need not have an /etc/hosts
  return { host: 'this pod', port, lookup: (_name, _options, found) => found(null, LOOPBACK) };
}

function end(well: boolean, word: string): void {
  console.log(`${address}: ${word}`);
  process.exitCode = well ? 0 : 1;
}

if (address === 'off') end(true, 'nothing to ask');
else
  get({ ...where(), path: '/live', agent: false }, (answer) => {
    answer.resume();
    end(answer.statusCode === 200, `answered ${answer.statusCode ?? 'nothing'}`);
  }).on('error', (error) => end(false, error.message));
