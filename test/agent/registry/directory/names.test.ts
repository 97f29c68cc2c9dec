import { equal, notEqual, ok } from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fc } from '../../../support/fast-check.js';
import { fileOf, nameIn, placeOf, subjectOf } from '../../../../agent/registry/directory/names.js';
import { isNodeName } from '../../../../agent/registry/node-path.js';

/** Short ones of few characters, so that they meet; and long ones. */
const name = fc
  .oneof(
    fc.string({ unit: fc.constantFrom('.', '%', '2', 'E', '5', 'a', 's', 'ü', '-'), minLength: 1, maxLength: 6 }),
    fc.string({ unit: fc.constantFrom('.', '%', 'a', '日'), minLength: 190, maxLength: 500 }),
    fc.string({ minLength: 1 }),
  )
  .filter(isNodeName);

describe('the file of a node', () => {
  it('keeps the names that services have', () => {
    for (const plain of [
      'orders',
      '10.1.2.3:8080',
      'a b',
      'tri%3A%2F%2F10.1.2.3',
      'member_0000000007',
      '-',
      '~',
      'n'.repeat(200),
    ]) {
      equal(fileOf(plain), plain);
    }
  });

  it('never begins with a dot, holds no slash, and leaves room for what our dotfiles add', () => {
    fc.assert(
      fc.property(name, (given) => {
        const file = fileOf(given);
        ok(!file.startsWith('.') && !file.includes('/'));
        ok(Buffer.byteLength(`.${file}.node`) <= 255);
      }),
    );
  });

  it('tells the name again, but of a hashed one', () => {
    fc.assert(
      fc.property(name, (given) => {
        const known = nameIn(fileOf(given));
        ok(known);
        if (known === 'hashed') ok(Buffer.byteLength(given) > 197);
        else equal(known.name, given);
      }),
    );
  });

  it('belongs to one name', () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        if (one !== other) notEqual(fileOf(one), fileOf(other));
      }),
    );
  });

  it('is no node when we would not have written it so', () => {
    for (const file of [
      '.a',
      '..',
      '.a.node',
      '%41',
      '%',
      '%2e',
      '%2Fetc',
      'n'.repeat(201),
      '%2E',
      '%2E.',
      'a\nb',
      '\ud83d\ude00',
    ]) {
      equal(nameIn(file), undefined, file);
    }
  });

  it('is told from its dotfiles', () => {
    equal(subjectOf('a'), 'a');
    equal(subjectOf('.a.node'), 'a');
    equal(subjectOf('.a.data'), 'a');
    equal(subjectOf('.a.node.node'), 'a.node');
    equal(subjectOf('..node'), '');
    equal(subjectOf('.zidecar'), undefined);
  });

  it('lies below the root whatever the path', () => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 4 }), (names) => {
        const { file, data, record, folder } = placeOf('/root', `/${names.join('/')}`);
        for (const each of [file, data, record, folder]) ok(`${each}/`.startsWith('/root/'), each);
        equal(join(folder, names.length ? fileOf(names.at(-1)!) : ''), file);
      }),
    );
  });
});
