import assert from 'node:assert/strict';
import { test } from 'node:test';

import { artifact, compareVersions, coordinates, folder, group, isSemver, npmName, packageVersion, version } from '../src/coordinates.mjs';
import { Code, Failure } from '../src/failure.mjs';

const refused = (code) => (error) => error instanceof Failure && error.code === code;

// What a shell, a path, an address or a template would make something else of.
const HOSTILE = [
  '', '.', '..', '../x', 'a/b', 'a\\b', 'a b', 'a;b', 'a$(b)', 'a`b`', '${a}', 'a|b', 'a&b', "a'b", 'a"b', 'a\nb', 'a\0b', 'a%2fb', 'a?b',
  'a#b', 'a:b', '-a;', 'é', 'a..b', '.a', 'a.', 'x'.repeat(300), undefined, null, 7, ['a'],
];

test('coordinates are those of Maven and nothing else', () => {
  const good = coordinates('com.example-x', 'my_lib.core', '1.0.0-rc1+build.5');
  assert.equal(folder(good), 'com/example-x/my_lib.core/1.0.0-rc1+build.5');
  for (const text of HOSTILE) {
    for (const check of [group, artifact, version]) {
      assert.throws(() => check(text), refused(Code.USAGE), `${check.name} ${JSON.stringify(text)}`);
    }
  }
});

test('a message shows a hostile name on one short line', () => {
  assert.throws(() => group(`a\n\u001b[31m${'x'.repeat(1000)}`), (error) => {
    assert.ok(error.message.length < 300, error.message);
    return !/[\n\u001b]/.test(error.message);
  });
});

test('names of npm packages', () => {
  for (const good of ['a', 'my-lib', '@acme/my.lib', '@a-b/c_d']) assert.equal(npmName(good), good);
  const bad = [...HOSTILE.filter((text) => text !== 'a..b'), 'Upper', '@a', '@/a', '@a/', '@a/b/c', '_a', '@_a/b', '@a/.b', 'node_modules', 'a@1'];
  for (const text of bad) assert.throws(() => npmName(text), refused(Code.USAGE), JSON.stringify(text));
});

test('versions of packages', () => {
  const known = { '1.2.3': '1.2.3', '1.1': '1.1.0', 2: '2.0.0', '1.0-rc1': '1.0.0-rc1', '1.0.0-rc.1+b5': '1.0.0-rc.1+b5' };
  for (const [from, to] of Object.entries(known)) assert.equal(packageVersion(from), to, from);
  for (const bad of ['1.0.0.Final', '2024.1.2.3', '01.2.3', '1.0.0-01', 'v1.0.0', '1.', 'x']) {
    assert.throws(() => packageVersion(bad), refused(Code.USAGE), bad);
  }
  assert.equal(isSemver('1.2.3-0a'), true);
  assert.equal(isSemver('1.2.3-'), false);
});

test('versions in the order of Maven', () => {
  const sorted = ['1.0-dev-1', '1.0-alpha', '1.0-alpha2', '1.0-alpha10', '1.0-beta', '1.0-M1', '1.0-rc1', '1.0-rc2', '1.0', '1.0.1', '1.1', '1.9.21', '1.10', '2.0.0-Beta1', '2.0.0'];
  for (const [i, one] of sorted.entries()) {
    for (const [j, other] of sorted.entries()) {
      assert.equal(Math.sign(compareVersions(one, other)), Math.sign(i - j), `${one} and ${other}`);
    }
  }
  assert.equal(compareVersions('1.0', '1.0.0'), 0);
  assert.ok(compareVersions('99999999999999999999.1', '99999999999999999998.2') > 0);
});
