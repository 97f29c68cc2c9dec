import { deepEqual, equal, ok } from 'node:assert/strict';
import { it } from 'node:test';
import type { Tree } from '../../../../agent/registry/tree.js';
import { bell, bytes, text, until } from '../tree-contract.js';
import type { Stage } from '../tree-contract.js';

const nothing = new Uint8Array();
type Ask = 'exists' | 'read' | 'children';
const asks: readonly Ask[] = ['exists', 'read', 'children'];

export function watches(stage: Stage): void {
  /** Resolves when everything that was done before this call has had its chance to ring: a later change of another node has rung. */
  const settled = async (): Promise<void> => {
    const canary = await stage.parent();
    const { ring, heard } = bell();
    await stage.us.read(canary, ring);
    await stage.them.write(canary, bytes('sing'), 0);
    await heard();
  };
  /** Arms each kind of watch on the path, has `change` done, and tells which were called: `quiet` ones must not be. */
  const rings = async (path: string, change: () => Promise<unknown>, loud: readonly Ask[]): Promise<void> => {
    const bells = new Map(asks.map((ask) => [ask, bell()]));
    for (const [ask, { ring }] of bells) await stage.us[ask](path, ring);
    await change();
    await Promise.all(loud.map((ask) => bells.get(ask)!.heard()));
    await settled();
    deepEqual(
      [...bells].map(([ask, { rung }]) => [ask, rung()]),
      asks.map((ask) => [ask, loud.includes(ask) ? 1 : 0]),
    );
  };

  it('calls when a node is written by us or by them, once, and not those who watch its children', async () => {
    const path = `${await stage.parent()}/a`;
    await stage.us.create(path, nothing, 'persistent');
    for (const [version, who] of [stage.us, stage.them, stage.them].entries()) {
      await rings(path, () => who.write(path, bytes('x'), version), ['exists', 'read']);
    }
  });

  it('calls when a node with children is written', async () => {
    const path = await stage.parent();
    await stage.us.create(`${path}/a`, nothing, 'persistent');
    await rings(path, () => stage.them.write(path, bytes('x'), 0), ['exists', 'read']);
    await rings(path, () => stage.them.write(path, bytes('y'), 1), ['exists', 'read']);
  });

  it('calls when a missing node comes to be', async () => {
    const path = `${await stage.parent()}/a`;
    for (const mode of ['persistent', 'ephemeral', 'container'] as const) {
      await rings(path, () => stage.them.create(path, bytes('x'), mode), asks);
      await stage.us.remove(path);
    }
  });

  it('calls when a node below missing parents comes to be', async () => {
    const parent = await stage.parent();
    await rings(
      `${parent}/a/b/c`,
      async () => {
        for (const path of [`${parent}/a`, `${parent}/a/b`]) await stage.them.create(path, nothing, 'persistent');
        await stage.them.create(`${parent}/a/b/c`, bytes('x'), 'ephemeral');
      },
      asks,
    );
  });

  it('calls when a node is removed, and again when it comes back', async () => {
    const path = `${await stage.parent()}/a`;
    await stage.us.create(path, bytes('x'), 'persistent');
    await rings(path, () => stage.them.remove(path), asks);
    await rings(path, () => stage.them.create(path, nothing, 'persistent'), asks);
  });

  it('calls when the parents of a node are removed with it and come back', async () => {
    const parent = await stage.parent();
    const path = `${parent}/a/b`;
    const make = async (): Promise<void> => {
      await stage.them.create(`${parent}/a`, nothing, 'persistent');
      await stage.them.create(path, nothing, 'persistent');
    };
    await make();
    const remove = async (): Promise<void> => {
      await stage.them.remove(path);
      await stage.them.remove(`${parent}/a`);
    };
    await rings(path, remove, asks);
    await rings(path, make, asks);
  });

  it('calls who watches the children when one comes or goes, not when one is written', async () => {
    const parent = await stage.parent();
    await rings(parent, () => stage.them.create(`${parent}/a`, nothing, 'persistent'), ['children']);
    await rings(parent, () => stage.them.create(`${parent}/b`, bytes('x'), 'ephemeral'), ['children']);
    await rings(parent, () => stage.them.write(`${parent}/b`, bytes('y'), 0), []);
    await rings(parent, () => stage.them.create(`${parent}/a/below`, nothing, 'persistent'), []);
    await rings(parent, () => stage.them.remove(`${parent}/b`), ['children']);
  });

  it('calls for the first child of a node that holds data', async () => {
    const path = `${await stage.parent()}/a`;
    await stage.us.create(path, bytes('data'), 'persistent');
    await rings(path, () => stage.them.create(`${path}/b`, nothing, 'persistent'), ['children']);
    await rings(path, () => stage.them.create(`${path}/c`, nothing, 'persistent'), ['children']);
  });

  it('calls nobody for a change of another node', async () => {
    const parent = await stage.parent();
    await stage.us.create(`${parent}/a`, nothing, 'persistent');
    await rings(
      `${parent}/a`,
      async () => {
        await stage.them.create(`${parent}/ab`, nothing, 'persistent');
        await stage.them.write(`${parent}/ab`, bytes('x'), 0);
        await stage.them.write(parent, bytes('x'), 0);
        await stage.them.remove(`${parent}/ab`);
      },
      [],
    );
  });

  it('calls once however often the node changes, and never again', async () => {
    const path = `${await stage.parent()}/a`;
    await stage.us.create(path, nothing, 'persistent');
    await rings(
      path,
      async () => {
        for (let version = 0; version < 10; version++) await stage.them.write(path, bytes('x'), version);
        await stage.them.remove(path);
      },
      asks,
    );
  });

  it('calls everybody who listens on one path', async () => {
    const path = `${await stage.parent()}/a`;
    const bells = Array.from({ length: 5 }, bell);
    for (const { ring } of bells) await stage.us.read(path, ring);
    await stage.them.create(path, nothing, 'persistent');
    await Promise.all(bells.map(({ heard }) => heard()));
    await settled();
    ok(bells.every(({ rung }) => rung() === 1));
  });

  it('does not call from within the call that arms it, nor when nothing changes', async () => {
    const path = `${await stage.parent()}/a`;
    for (const there of [false, true]) {
      if (there) await stage.us.create(path, nothing, 'persistent');
      const bells = asks.map((ask) => [ask, bell()] as const);
      const answers = bells.map(([ask, { ring }]) => stage.us[ask](path, ring));
      ok(bells.every(([, { rung }]) => rung() === 0));
      await Promise.all(answers);
      await settled();
      ok(bells.every(([, { rung }]) => rung() === 0));
    }
  });

  it('calls after the change can be read', async () => {
    const path = `${await stage.parent()}/a`;
    await stage.us.create(path, nothing, 'persistent');
    for (let version = 0; version < 10; version++) {
      const { ring, heard } = bell();
      await stage.us.read(path, ring);
      await stage.them.write(path, bytes(`${version}`), version);
      await heard();
      equal(text((await stage.us.read(path))?.data), `${version}`);
    }
  });

  it('loses no update to a reader that asks again each time it is called', async () => {
    const parent = await stage.parent();
    const seen = { data: '', names: 0 };
    const follow = async (tree: Tree): Promise<void> => {
      seen.data = text((await tree.read(parent, () => void follow(tree)))!.data)!;
    };
    const list = async (tree: Tree): Promise<void> => {
      seen.names = (await tree.children(parent, () => void list(tree)))!.names.length;
    };
    await Promise.all([follow(stage.us), list(stage.us)]);
    for (let round = 0; round < 50; round++) {
      await stage.them.write(parent, bytes(`${round}`), round);
      await stage.them.create(`${parent}/${round}`, nothing, 'persistent');
    }
    await until(() => seen.data === '49' && seen.names === 50, 'the last of fifty changes');
  });

  it('hears of what a foreign program writes', async () => {
    const parent = await stage.parent();
    await rings(parent, () => stage.harness.plant(`${parent}/a`, bytes('by hand')), ['children']);
    await rings(`${parent}/b`, () => stage.harness.plant(`${parent}/b`, bytes('by hand')), asks);
  });

  it('watches odd and long names too', async () => {
    const parent = await stage.parent();
    for (const name of ['.hidden', '10.1.2.3:8080', '%2Fa', 'two words', 'Grüße', `${'%3A'.repeat(159)}a`]) {
      const path = `${parent}/${name}`;
      await rings(path, () => stage.them.create(path, bytes('x'), 'ephemeral'), asks);
      await rings(path, () => stage.them.write(path, bytes('y'), 0), ['exists', 'read']);
      await rings(parent, () => stage.them.remove(path), ['children']);
    }
  });
}
