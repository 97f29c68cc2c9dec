/** What the VEX statement says of http-proxy is true: its passes for plain requests never run, whatever an app sends. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { house } from '../../lb/full/house.js';
import { RawServer } from '../../support/raw.js';

type Passes = Record<string, (...args: unknown[]) => unknown>;
const require = createRequire(import.meta.url);
const ran: string[] = [];
/** http-proxy collects its passes when a proxy is made, so wrapping them before is seen by every proxy. */
for (const kind of ['web-incoming', 'web-outgoing', 'ws-incoming']) {
  const passes = require(`http-proxy/lib/http-proxy/passes/${kind}`) as Passes;
  for (const [name, pass] of Object.entries(passes)) passes[name] = (...args) => (ran.push(`${kind} ${name}`), pass(...args));
}

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: orders\r\n\r\n';
const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
const chunked = (method: string, more = ''): string =>
  `${method} /real HTTP/1.1\r\nHost: orders\r\n${more}Transfer-Encoding: chunked\r\n\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;

describe('the VEX statement', () => {
  const vex = JSON.parse(readFileSync('deploy/image/zidecar.openvex.json', 'utf8')) as {
    '@context': string;
    statements: {
      vulnerability: { name: string };
      status: string;
      justification: string;
      products: { subcomponents: { '@id': string }[] }[];
    }[];
  };

  it('is an OpenVEX document of the version of http-proxy that is installed', () => {
    equal(vex['@context'], 'https://openvex.dev/ns/v0.2.0');
    const { version } = require('http-proxy/package.json') as { version: string };
    const [{ vulnerability, status, justification, products } = vex.statements[0]!] = vex.statements;
    deepEqual(
      [vulnerability.name, status, justification],
      ['CVE-2026-29057', 'not_affected', 'vulnerable_code_not_in_execute_path'],
    );
    for (const { subcomponents } of products) equal(subcomponents[0]!['@id'], `pkg:npm/http-proxy@${version}`);
  });

  it('is right that http-proxy has one caller, which calls ws and nothing else', () => {
    const callers = ['agent', 'lb', 'health', 'deploy'].flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts') && readFileSync(`${folder}/${name}`, 'utf8').includes("from 'http-proxy'"))
        .map((name) => `${folder}/${name}`),
    );
    deepEqual(callers, ['lb/full/upgrade.ts']);
    const calls = [...readFileSync(callers[0]!, 'utf8').matchAll(/\bproxy\.(\w+)\(/g)].map(([, name]) => name);
    deepEqual(calls, ['on', 'ws']);
  });

  it('is right that a chunked DELETE or OPTIONS reaches the endpoint as one request, with or without an upgrade', async (t) => {
    for (const method of ['DELETE', 'OPTIONS', 'GET', 'POST'])
      for (const more of ['', upgrade]) {
        const requests: string[] = [];
        const orders = await RawServer.start(async (wire) => {
          for (;;) {
            const head = await wire.head();
            requests.push(head.split(' HTTP')[0]!);
            if (/transfer-encoding: chunked/i.test(head)) requests.push(await wire.until('0\r\n\r\n'));
            wire.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          }
        });
        const { app } = await house(t, { orders: [orders] });
        const answer = await (await app()).write(chunked(method, more)).head();
        if (more === '' || answer.startsWith('HTTP/1.1 200')) {
          match(answer, /^HTTP\/1\.1 200/);
          equal(requests[0], `${method} /real`);
          ok(requests.slice(1).join('').includes(smuggled), requests.join('\n')); // in the body, where it belongs
          equal(requests.length, 2);
        } else match(answer, /^HTTP\/1\.1 400/); // refused as a whole
        ok(!requests.includes('GET /smuggled'));
      }
    deepEqual(
      ran.filter((pass) => pass.startsWith('web')),
      [],
    );
  });

  it('is right that a handshake runs the passes of ws alone', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    });
    const { app } = await house(t, { orders: [orders] });
    match(await (await app()).write(`GET / HTTP/1.1\r\nHost: orders\r\n${upgrade}\r\n`).head(), / 101 /);
    deepEqual(ran, ['ws-incoming checkMethodAndHeader', 'ws-incoming XHeaders', 'ws-incoming stream']);
  });
});
