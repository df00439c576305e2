import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { coordinates } from '../src/coordinates.mjs';
import { Code, Failure } from '../src/failure.mjs';
import { checkReadable, npmDependencies, readKlib } from '../src/klib.mjs';
import { exportedNames, importedModules, packageFiles } from '../src/npm-package.mjs';
import { appleTargets, moduleName, packageManifest, packageSwift, swiftIdentity, swiftModule } from '../src/swift-package.mjs';
import { npmTarball } from '../src/tar.mjs';
import { readZip, writeZip } from '../src/zip.mjs';

const run = promisify(execFile);
const refused = (code, words) => (error) => error instanceof Failure && error.code === code && words.test(error.message);

let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'granary-packages-'));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function zip(entries) {
  const path = join(folder, 'some.zip');
  await writeZip(path, Object.entries(entries).map(([name, text]) => ({ name, mode: 0o100644, bytes: Buffer.from(text) })));
  return await readFile(path);
}

test('what is written as a zip can be read again', async () => {
  const archive = await zip({ 'a.txt': 'hello '.repeat(100), 'empty': '', 'ä': 'x' });
  const entries = readZip(archive);
  assert.deepEqual([...entries.keys()], ['a.txt', 'empty', 'ä']);
  assert.equal(entries.get('a.txt')().toString(), 'hello '.repeat(100));
  assert.throws(() => readZip(archive, 10).get('a.txt')(), /too large/);
  for (const bad of [Buffer.alloc(0), Buffer.from('PK'), archive.subarray(10), archive.subarray(0, -30)]) {
    assert.throws(() => [...readZip(bad).values()].map((read) => read()), 'broken');
  }
});

test('a klib says its version, platform and npm dependencies', async () => {
  const manifest = 'abi_version=2.2.0\nbuiltins_platform=JS\ncompiler_version=2.2.0\nunique_name=g\\:a\n';
  const klib = readKlib('g:a:1', await zip({ 'default/manifest': manifest, 'default/ir/x': '', 'package.json': '{"dependencies":{"b":"1"}}' }));
  assert.deepEqual([klib.abi, klib.uniqueName, klib.npm.dependencies.b], ['2.2.0', 'g:a', '1']);
  const compiler = { abi: '2.2.0', version: '2.2.0' };
  checkReadable('x', klib, compiler);
  checkReadable('x', { ...klib, abi: '1.8.0' }, compiler);
  for (const newer of [{ abi: '2.3.0' }, { abi: '3.0.0' }, { abi: '' }, { platform: 'NATIVE' }]) {
    assert.throws(() => checkReadable('x', { ...klib, ...newer }, compiler), refused(Code.UNSUPPORTED, /ABI version|for NATIVE/));
  }
  for (const bad of [Buffer.from('no zip'), await zip({ 'default/manifest': manifest }), await zip({ 'x.js': '' })]) {
    assert.throws(() => readKlib('x', bad), refused(Code.UNSUPPORTED, /klib of x/));
  }
});

test('npm dependencies of several libraries are put together', () => {
  const merged = npmDependencies([
    { what: 'a', npm: { dependencies: { z: '^1.0.0', '@js-joda/core': '3.2.0' }, peerDependencies: { react: '>=18' } } },
    { what: 'b', npm: { dependencies: { z: '>=1.2 <2', '@js-joda/core': '3.2.0' } } },
    { what: 'c', npm: null },
    { what: 'd', npm: { dependencies: { z: '*' } } },
  ]);
  assert.deepEqual(Object.entries(merged.dependencies), [['@js-joda/core', '3.2.0'], ['z', '^1.0.0 >=1.2 <2']]);
  assert.deepEqual(merged.peerDependencies, { react: '>=18' });
  for (const [name, range] of [['x', 'git+ssh://evil'], ['x', 'file:../y'], ['../x', '1'], ['x', 1], ['x', 'https://evil/x.tgz'], ['__proto__', '1']]) {
    const npm = JSON.parse(`{"dependencies":{${JSON.stringify(name)}:${JSON.stringify(range)}}}`);
    assert.throws(() => npmDependencies([{ what: 'a', npm }]), refused(Code.DEPENDENCY, /only names and ranges/), `${name} ${range}`);
  }
});

test('exports and imports are seen', () => {
  const types = `type Nullable<T> = T\nexport declare class A {\n}\nexport declare namespace A {\n    namespace $metadata$ {}\n}
export declare function add(a: number): number;\nexport declare abstract class B<T> {}\nexport declare const c: { get(): void };\nexport interface D {}`;
  assert.deepEqual(exportedNames(types), ['A', 'B', 'D', 'add', 'c']);
  assert.deepEqual(exportedNames('type Nullable<T> = T\ndeclare function KtSingleton<T>(): T;'), []);
  const code = `import { LocalDate as a } from '@js-joda/core';\nimport * as fs from 'fs';\nimport 'side';\nimport d from "d/e";\nvar x = "import 'no'";`;
  assert.deepEqual(importedModules(code), ['@js-joda/core', 'd/e', 'fs', 'side']);
});

const module = coordinates('g', 'lib', '1.0');
const compiler = { version: '2.4.20' };
const pom = { description: 'A `lib`\n<script>', url: 'javascript:alert(1)', scm: 'https://example.com/s', licenses: [{ name: 'Own', url: 'https://example.com/l' }] };

function files(code, npm = null) {
  const linked = { code: Buffer.from(code), types: Buffer.from('export declare function f(): void;') };
  const closure = { pom, libraries: [{ module: coordinates('g', 'dep-js', '2') }] };
  return packageFiles({ name: '@a/lib', version: '1.0.0', module }, closure, linked, [{ what: 'g:lib:1.0', npm }], compiler);
}

test('a package has what npm and people need', () => {
  const [manifest, readme, ...rest] = files("import { x } from 'dep';\nimport 'node:fs';", { dependencies: { dep: '^1' } });
  const described = JSON.parse(manifest.bytes.toString());
  assert.deepEqual(rest.map(({ name }) => name), ['lib.mjs', 'lib.d.mts']);
  assert.deepEqual(described.exports['.'], { types: './lib.d.mts', default: './lib.mjs' });
  assert.deepEqual([described.license, described.homepage, described.dependencies], ['SEE LICENSE IN README.md', undefined, { dep: '^1' }]);
  const text = readme.bytes.toString();
  assert.match(text, /A \\`lib\\`\?\\<script\\>/);
  assert.match(text, /`g:dep-js:2`/);
  assert.match(text, /- Own: <https:\/\/example.com\/l>/);
});

test('imports that nobody provides are an error', () => {
  assert.throws(() => files("import { x } from 'dep';"), refused(Code.DEPENDENCY, /'dep' without saying/));
  assert.throws(() => files("import { x } from './local.js';"), refused(Code.UNSUPPORTED, /'\.\/local\.js'/));
});

test('a tarball is the same whenever it is made, and tar reads it', async () => {
  const list = [{ name: 'b', bytes: Buffer.from('two') }, { name: 'a/c', bytes: Buffer.alloc(512, 'x') }];
  const packed = npmTarball(list);
  assert.deepEqual(npmTarball([...list].reverse()), packed);
  await writeFile(join(folder, 'x.tgz'), packed);
  const { stdout } = await run('tar', ['-tzf', join(folder, 'x.tgz')]);
  assert.deepEqual(stdout.trim().split('\n'), ['package/a/c', 'package/b']);
  assert.throws(() => npmTarball([{ name: 'x'.repeat(100), bytes: Buffer.alloc(0) }]), /too long/);
});

test('names and targets of Swift packages', () => {
  assert.equal(moduleName('my-library_2'), 'MyLibrary2');
  assert.equal(moduleName('7zip'), 'Kotlin7zip');
  assert.deepEqual(appleTargets('iosArm64,macosArm64'), ['iosArm64', 'macosArm64']);
  for (const bad of ['', 'ios', 'iosArm64,', 'iosArm64,iosArm64', 'iosArm64;x']) assert.throws(() => appleTargets(bad), refused(Code.USAGE, /./), bad);
  for (const [scope, name] of [['a b', 'x'], ['-a', 'x'], ['a--b', 'x'], ['a', 'x"'], ['a', '../x'], ['a', ''], ['a'.repeat(40), 'x']]) {
    assert.throws(() => swiftIdentity(scope, name), refused(Code.USAGE, /is not a/), `${scope} ${name}`);
  }
  for (const bad of ['x', 'X"', 'X)', '']) assert.throws(() => swiftModule(bad), refused(Code.USAGE, /is not a module/), bad);
  const manifest = packageManifest('my-lib', 'MyLib', ['iosArm64', 'iosSimulatorArm64', 'macosArm64']);
  assert.match(manifest, /^\/\/ swift-tools-version:5\.9\n/);
  assert.match(manifest, /platforms: \[\.iOS\(\.v14\), \.macOS\(\.v11\)\]/);
  assert.match(manifest, /\.binaryTarget\(name: "MyLib", path: "MyLib\.xcframework"\)/);
});

test('the archive of a Swift package has one folder at its top and keeps links', async () => {
  const framework = join(folder, 'MyLib.xcframework');
  const slice = join(framework, 'macos-arm64/MyLib.framework');
  await mkdir(join(slice, 'Versions/A'), { recursive: true });
  await writeFile(join(framework, 'Info.plist'), '<plist/>');
  await writeFile(join(slice, 'Versions/A/MyLib'), Buffer.alloc(100_000, 7));
  await chmod(join(slice, 'Versions/A/MyLib'), 0o755);
  await symlink('A', join(slice, 'Versions/Current'));
  await symlink('Versions/Current/MyLib', join(slice, 'MyLib'));
  const release = { name: 'my-lib', version: '1.0.0', module: 'MyLib', targets: ['macosArm64'] };
  const [one, two] = [join(folder, 'one.zip'), join(folder, 'two.zip')];
  await packageSwift(one, release, framework);
  await packageSwift(two, release, framework);
  assert.deepEqual(await readFile(one), await readFile(two));
  const names = [...readZip(await readFile(one)).keys()];
  assert.ok(names.every((name) => name.startsWith('my-lib-1.0.0/')), names.join());
  assert.ok(names.includes('my-lib-1.0.0/Package.swift'));
  const unpacked = join(folder, 'unpacked');
  await run('unzip', ['-q', one, '-d', unpacked]);
  const inside = `${unpacked}/my-lib-1.0.0/MyLib.xcframework/macos-arm64/MyLib.framework`;
  const { stdout } = await run('find', [inside, '-type', 'l', '-printf', '%f>%l\n']);
  assert.deepEqual(stdout.trim().split('\n').sort(), ['Current>A', 'MyLib>Versions/Current/MyLib']);
  await run('test', ['-x', join(inside, 'Versions/A/MyLib')]);
});
