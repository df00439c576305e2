import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Code, Failure } from '../src/failure.mjs';
import { availableAt, checkComponent, jsVariant, klibFile, parseModule, requests, targets } from '../src/module-metadata.mjs';
import { parsePom, parseXml, spdx } from '../src/pom.mjs';

const refused = (code, words) => (error) => error instanceof Failure && error.code === code && words.test(error.message);

const PLATFORM = 'org.jetbrains.kotlin.platform.type';

function variant(name, usage, more = {}, rest = {}) {
  const attributes = { 'org.gradle.category': 'library', 'org.gradle.usage': usage, [PLATFORM]: 'js', 'org.jetbrains.kotlin.js.compiler': 'ir', ...more };
  return { name, attributes, ...rest };
}

function read(variants, component = { group: 'g', module: 'a', version: '1' }) {
  return parseModule('g:a:1', Buffer.from(JSON.stringify({ formatVersion: '1.1', component, variants })));
}

test('the variant for JavaScript at run time is chosen among all others', () => {
  const module = read([
    variant('common', 'kotlin-metadata', { [PLATFORM]: 'common' }),
    variant('jvm', 'java-runtime', { [PLATFORM]: 'jvm' }),
    variant('wasm', 'kotlin-runtime', { [PLATFORM]: 'wasm' }),
    variant('legacy', 'kotlin-runtime', { 'org.jetbrains.kotlin.js.compiler': 'legacy' }),
    variant('sources', 'kotlin-runtime', { 'org.gradle.category': 'documentation' }),
    variant('fixtures', 'kotlin-runtime', {}, { capabilities: [{ group: 'g', name: 'a-test-fixtures' }] }),
    variant('unpacked', 'kotlin-runtime', { 'org.jetbrains.kotlin.klib.packaging': 'non-packed' }),
    variant('api', 'kotlin-api'),
    variant('runtime', 'kotlin-runtime'),
    variant('ios', 'kotlin-api', { [PLATFORM]: 'native', 'org.jetbrains.kotlin.native.target': 'ios_arm64' }),
  ]);
  assert.equal(jsVariant('g:a:1', module).name, 'runtime');
  assert.equal(jsVariant('g:a:1', module, [{ group: 'g', name: 'a-test-fixtures' }]).name, 'fixtures');
  assert.deepEqual(targets(module), ['common', 'ios_arm64', 'js', 'jvm', 'wasm']);
});

test('a library without a variant to use says why', () => {
  const jvm = read([variant('jvm', 'java-runtime', { [PLATFORM]: 'jvm' })]);
  assert.throws(() => jsVariant('g:a:1', jvm), refused(Code.NO_TARGET, /no JavaScript target; it is published for jvm/));
  const old = read([variant('old', 'kotlin-runtime', { 'org.jetbrains.kotlin.js.compiler': 'legacy' })]);
  assert.throws(() => jsVariant('g:a:1', old), refused(Code.UNSUPPORTED, /old JavaScript compiler/));
  const two = read([variant('browser', 'kotlin-runtime'), variant('node', 'kotlin-runtime')]);
  assert.throws(() => jsVariant('g:a:1', two), refused(Code.UNSUPPORTED, /browser, node/));
  const jar = read([variant('js', 'kotlin-runtime', {}, { files: [{ name: 'a.jar', url: 'a.jar' }] })]);
  assert.throws(() => klibFile('g:a:1', jsVariant('g:a:1', jar)), refused(Code.UNSUPPORTED, /0 klibs/));
});

test('broken and hostile metadata is refused', () => {
  for (const text of ['', '{', '[]', 'null', '{"formatVersion":"2.0","variants":[]}', '{"formatVersion":"1.1"}', '{"formatVersion":"1.1","variants":[{}]}']) {
    assert.throws(() => parseModule('g:a:1', Buffer.from(text)), refused(Code.SOURCE, /cannot be used/), text);
  }
  const hostile = variant('js', 'kotlin-runtime', {}, {
    'available-at': { url: 'x', group: '../..', module: 'a', version: '1' },
    dependencies: [{ group: 'g', module: 'a/../../b', version: { requires: '1' } }],
  });
  assert.throws(() => availableAt('g:a:1', hostile), refused(Code.SOURCE, /not a group id/));
  assert.throws(() => requests('g:a:1', hostile), refused(Code.SOURCE, /not an artifact id/));
  assert.throws(() => checkComponent({ group: 'g', artifact: 'b', version: '1' }, read([])), refused(Code.SOURCE, /is that of g:a:1/));
  assert.doesNotThrow(() => checkComponent({ group: 'g', artifact: 'a-js', version: '1' }, read([])));
});

test('what a variant asks for', () => {
  const asks = variant('js', 'kotlin-runtime', {}, {
    dependencies: [
      { group: 'g', module: 'plain', version: { requires: '1.0' } },
      { group: 'g', module: 'strict', version: { strictly: '2.0', requires: '2.0' } },
      { group: 'g', module: 'soft', version: { prefers: '3.0' } },
      { group: 'g', module: 'open' },
      { group: 'g', module: 'bom', version: { requires: '4.0' }, attributes: { 'org.gradle.category': 'platform' } },
    ],
  });
  const found = requests('g:a:1', asks).map(({ module, wanted, strict, isPlatform }) => [module, wanted, strict, isPlatform]);
  assert.deepEqual(found, [
    ['plain', '1.0', false, false],
    ['strict', '2.0', true, false],
    ['soft', '3.0', false, false],
    ['open', null, false, false],
    ['bom', '4.0', false, true],
  ]);
  for (const wanted of ['[1.0,2.0)', '1.+', 'latest.release', '(,1.0]']) {
    const dynamic = { dependencies: [{ group: 'g', module: 'm', version: { requires: wanted } }] };
    assert.throws(() => requests('g:a:1', dynamic), refused(Code.DEPENDENCY, /range/), wanted);
  }
});

test('a POM is read with its entities, comments and own coordinates', () => {
  const pom = parsePom('g:a:1', Buffer.from(`<?xml version="1.0"?><!-- <description>no</description> -->
    <project xmlns="x"><parent><groupId>g</groupId><version>1</version></parent><artifactId>a</artifactId>
      <description>Fish &amp; <![CDATA[<chips>]]> &#x1F41F;\n  \${project.version}</description><url>https://example.com</url>
      <licenses><license><name>MIT</name></license></licenses><scm><url>https://example.com/s</url></scm>
      <dependencies>
        <dependency><groupId>\${project.groupId}</groupId><artifactId>b</artifactId><version>2</version></dependency>
        <dependency><groupId>t</groupId><artifactId>t</artifactId><version>2</version><scope>test</scope><optional>true</optional></dependency>
      </dependencies><empty/></project>`));
  assert.equal(pom.description, 'Fish & <chips> \u{1F41F} 1');
  assert.equal(pom.scm, 'https://example.com/s');
  assert.deepEqual(pom.dependencies.map(({ group, module, wanted, scope, isOptional }) => [group, module, wanted, scope, isOptional]), [
    ['g', 'b', '2', 'compile', false],
    ['t', 't', '2', 'test', true],
  ]);
});

test('XML that is no POM is refused, and entities are never expanded', () => {
  const bomb = '<!DOCTYPE project [<!ENTITY a "aaaa">]><project><description>&a;</description></project>';
  const deep = '<a>'.repeat(100) + '</a>'.repeat(100);
  for (const text of ['', 'x', '<project>', '<project></projec>', '<a/><b/>', bomb, deep, '<project><a</project>']) {
    assert.throws(() => parseXml('g:a:1', text), refused(Code.SOURCE, /cannot be used/), text.slice(0, 60));
  }
  assert.throws(() => parsePom('g:a:1', Buffer.from('<html/>')), refused(Code.SOURCE, /no project/));
  assert.equal(parseXml('g:a:1', '<project>&unknown;</project>').text, '&unknown;');
});

test('licences by their SPDX names', () => {
  const named = (...names) => spdx(names.map((name) => ({ name, url: '' })));
  for (const name of ['Apache-2.0', 'The Apache License, Version 2.0', 'The Apache Software License, Version 2.0', 'Apache License 2.0', 'Apache 2.0']) {
    assert.equal(named(name), 'Apache-2.0', name);
  }
  assert.equal(named('MIT License'), 'MIT');
  assert.equal(named('The MIT License'), 'MIT');
  assert.equal(named('MIT', 'Apache-2.0'), '(MIT OR Apache-2.0)');
  assert.equal(named('Some licence of ours'), null);
  assert.equal(named('MIT', 'Some licence of ours'), null);
  assert.equal(spdx([{ name: 'Apache', url: 'http://www.apache.org/licenses/LICENSE-2.0.txt' }]), 'Apache-2.0');
});
