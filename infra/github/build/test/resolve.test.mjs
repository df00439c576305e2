import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { coordinates, folder } from '../src/coordinates.mjs';
import { Code, Failure } from '../src/failure.mjs';
import { Resolver } from '../src/resolve.mjs';

const BASE = 'https://maven.example/r';
const refused = (code, words) => (error) => error instanceof Failure && error.code === code && words.test(error.message);

/** A repository in memory, with what the resolver uses of Sources. */
class Memory {
  constructor() {
    this.urls = [BASE];
    this.files = new Map();
  }

  put(module, end, content) {
    const name = `${module.artifact}-${module.version}${end}`;
    this.files.set(`${BASE}/${folder(module)}/${name}`, Buffer.from(content));
  }

  async find(module, names) {
    for (const name of names) {
      const url = `${BASE}/${folder(module)}/${name}`;
      if (this.files.has(url)) return { base: BASE, url, name, bytes: this.files.get(url) };
    }
    return null;
  }

  async get(base, url) {
    return this.files.get(url) ?? null;
  }

  /** A library of one module; `needs` are `name:version`, and `more` goes into its variant. */
  library(artifact, version, needs = [], more = {}) {
    const module = coordinates('g', artifact, version);
    const dependencies = needs.map((need) => {
      const [name, wanted] = need.split(':');
      const group = name.startsWith('kotlin-') ? 'org.jetbrains.kotlin' : 'g';
      return { group, module: name, version: wanted === undefined ? undefined : { requires: wanted } };
    });
    const attributes = { 'org.gradle.usage': 'kotlin-runtime', 'org.jetbrains.kotlin.platform.type': 'js' };
    const klib = `klib of ${artifact} ${version}`;
    const name = `${artifact}-${version}.klib`;
    const files = [{ name, url: name, sha256: createHash('sha256').update(klib).digest('hex') }];
    this.metadata(module, [{ name: 'js', attributes, dependencies, files, ...more }]);
    this.put(module, '.klib', klib);
  }

  metadata(module, variants) {
    const component = { group: module.group, module: module.artifact, version: module.version };
    this.put(module, '.module', JSON.stringify({ formatVersion: '1.1', component, variants }));
  }
}

async function closure(memory, artifact = 'app', version = '1.0') {
  const found = await new Resolver(memory).closure(coordinates('g', artifact, version));
  return { ...found, names: found.libraries.map(({ module }) => `${module.artifact}:${module.version}`) };
}

test('the highest version that is asked for wins, and what only a loser asks for is left out', async () => {
  const memory = new Memory();
  memory.library('app', '1.0', ['a:1.0', 'b:1.0', 'kotlin-stdlib:2.0.0']);
  memory.library('a', '1.0', ['c:1.0', 'kotlin-stdlib:2.1.20']);
  memory.library('b', '1.0', ['c:1.10', 'app:0.9']);
  memory.library('c', '1.0', ['only-old:1.0']);
  memory.library('c', '1.10', ['b:1.0', 'kotlin-stdlib-js:1.9.0']);
  memory.library('only-old', '1.0', ['c:99']);
  const found = await closure(memory);
  assert.deepEqual(found.names, ['a:1.0', 'b:1.0', 'c:1.10']);
  assert.equal(found.stdlib, '2.1.20');
  assert.equal(found.root.klib.toString(), 'klib of app 1.0');
});

test('a library and its JavaScript module are one, by whichever name it is asked for', async () => {
  const memory = new Memory();
  const attributes = { 'org.gradle.usage': 'kotlin-runtime', 'org.jetbrains.kotlin.platform.type': 'js' };
  const root = coordinates('g', 'lib', '1.1');
  const at = { url: '../../elsewhere', group: 'g', module: 'lib-js', version: '1.1' };
  memory.metadata(root, [{ name: 'js', attributes, 'available-at': at }]);
  memory.library('lib-js', '1.1');
  memory.library('lib-js', '1.0');
  memory.library('app', '1.0', ['lib:1.1', 'lib-js:1.0']);
  assert.deepEqual((await closure(memory)).names, ['lib-js:1.1']);
  assert.equal((await closure(memory, 'lib', '1.1')).root.module.artifact, 'lib-js');
});

test('constraints and platforms give versions', async () => {
  const memory = new Memory();
  memory.library('app', '1.0', ['a', 'b:1.0'], { dependencyConstraints: [{ group: 'g', module: 'b', version: { requires: '2.0' } }] });
  await assert.rejects(closure(memory), refused(Code.DEPENDENCY, /asks for g:a without a version/));
  const bom = { group: 'g', module: 'bom', version: { requires: '1.0' }, attributes: { 'org.gradle.category': 'platform' } };
  const dependencies = [bom, { group: 'g', module: 'a' }, { group: 'g', module: 'b', version: { requires: '1.0' } }];
  memory.library('app', '1.0', [], { dependencies, dependencyConstraints: [{ group: 'g', module: 'b', version: { requires: '2.0' } }] });
  const constraint = { group: 'g', module: 'a', version: { requires: '3.0' } };
  memory.metadata(coordinates('g', 'bom', '1.0'), [
    { name: 'apiElements', attributes: { 'org.gradle.category': 'platform' }, dependencyConstraints: [constraint] },
  ]);
  memory.library('a', '3.0');
  memory.library('b', '1.0');
  memory.library('b', '2.0');
  assert.deepEqual((await closure(memory)).names, ['a:3.0', 'b:2.0']);
});

test('what cannot be resolved is named, with who asks for it', async () => {
  const memory = new Memory();
  await assert.rejects(closure(memory), refused(Code.NOT_FOUND, /g:app:1.0 is in none of the repositories/));
  memory.library('app', '1.0', ['a:1.0']);
  await assert.rejects(closure(memory), refused(Code.DEPENDENCY, /g:app:1.0 needs g:a:1.0/));
  const strictly = { dependencies: [{ group: 'g', module: 'b', version: { strictly: '1.0' } }] };
  memory.library('app', '1.0', [], { dependencies: [...strictly.dependencies, { group: 'g', module: 'a', version: { requires: '1.0' } }] });
  memory.library('a', '1.0', ['b:2.0']);
  memory.library('b', '1.0');
  memory.library('b', '2.0');
  await assert.rejects(closure(memory), refused(Code.DEPENDENCY, /strictly at 1.0/));
});

test('other bytes than the metadata says, and files of other places, are refused', async () => {
  const memory = new Memory();
  memory.library('app', '1.0');
  memory.put(coordinates('g', 'app', '1.0'), '.klib', 'other');
  await assert.rejects(closure(memory), refused(Code.SOURCE, /sha256/));
  for (const url of ['https://evil.example/x.klib', '../../../../../x.klib', '//evil.example/x.klib', 'file:///x.klib', 'x.klib?y#.klib']) {
    memory.library('app', '1.0', [], { files: [{ name: 'x.klib', url }] });
    await assert.rejects(closure(memory), (error) => [Code.SOURCE, Code.UNSUPPORTED].includes(error.code), url);
  }
});

test('a library with POMs alone is found by the module beside it', async () => {
  const memory = new Memory();
  const pom = (artifact, needs = '') => `<project><groupId>g</groupId><artifactId>${artifact}</artifactId><version>1.0</version>
    <dependencies>${needs}</dependencies></project>`;
  memory.put(coordinates('g', 'app', '1.0'), '.pom', pom('app'));
  await assert.rejects(closure(memory), refused(Code.NO_TARGET, /no JavaScript target/));
  const needs = '<dependency><groupId>g</groupId><artifactId>a</artifactId><version>1.0</version></dependency>';
  memory.put(coordinates('g', 'app-js', '1.0'), '.pom', pom('app-js', needs));
  memory.put(coordinates('g', 'app-js', '1.0'), '.klib', 'klib');
  memory.library('a', '1.0');
  const found = await closure(memory);
  assert.deepEqual(found.names, ['a:1.0']);
  assert.equal(found.root.module.artifact, 'app-js');
  memory.put(coordinates('g', 'app-js', '1.0'), '.klib.sha1', `${'0'.repeat(40)}\n`);
  await assert.rejects(closure(memory), refused(Code.SOURCE, /sha1/));
});
