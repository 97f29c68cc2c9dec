/** `zidecar drain` by the short way of a preStop hook, against the long way. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { zidecar } from '../support/program.js';

describe('drain as a hook', () => {
  it('tells the same by either way: nobody answers, the admin is off', async () => {
    for (const admin of ['127.0.0.1:1', 'unix:/no/such.sock', 'off']) {
      const short = await zidecar(['drain'], { ZIDECAR_ADMIN: admin });
      equal(short.code, 69, short.err);
      ok(short.err !== '');
      deepEqual(short, await zidecar(['drain', '--admin', admin]));
    }
  });

  it('has the long way tell what is wrong with an address', async () => {
    const { code, err } = await zidecar(['drain'], { ZIDECAR_ADMIN: 'nowhere' });
    equal(code, 64);
    match(err, /ZIDECAR_ADMIN="nowhere" has no port/);
  });

  it('reads a file of settings, where there is one, by the long way', async () => {
    const { code, err } = await zidecar(['drain'], { ZIDECAR_CONFIG: '/no/such.yaml' });
    equal(code, 64);
    match(err, /such\.yaml/);
  });

  it('loads neither the grammar of the line nor the schema of all settings', () => {
    const seen = new Set<string>();
    const visit = (file: URL): void => {
      if (seen.has(file.href)) return;
      seen.add(file.href);
      for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) .*?from '(\.[^']+)';$/gms))
        visit(new URL(name, file));
    };
    visit(new URL('../../agent/hook.js', import.meta.url));
    const names = [...seen].map((href) => fileURLToPath(href).replace(/^.*\/dist\//, ''));
    ok(names.includes('agent/admin/client.js'));
    deepEqual(
      names.filter((name) => /schema|cli\.js|commands|load\.js/.test(name)),
      [],
    );
  });
});
