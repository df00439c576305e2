// The npm half from one end to the other, with the real compiler, npm, Node and TypeScript. Started by infra/github/test,
// which says by KMP_FIXTURE, KMP_REAL (real libraries and `later`) and KMP_TSC where things are.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Code } from '../src/failure.mjs';
import { serve } from './server.mjs';

const BUILD = fileURLToPath(new URL('..', import.meta.url));

let folder;
let fixture;
let real;

before(async () => {
  // The servers are at private addresses.
  process.env.GRANARY_ALLOW_PRIVATE_SOURCES = 'true';
  folder = await mkdtemp(join(tmpdir(), 'granary-kmp-'));
  fixture = await serve(process.env.KMP_FIXTURE);
  real = await serve(process.env.KMP_REAL);
});

after(async () => {
  fixture.close();
  real.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a program to its end, whatever that is. Servers of this process go on answering meanwhile. */
function run(program, args, options = {}) {
  return new Promise((done) => {
    execFile(program, args, { cwd: folder, ...options }, (error, stdout, stderr) => {
      done({ status: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

let runs = 0;

/** Builds a package: what it prints, its exit code, the folder it wrote and the reason it left there. */
async function build({ artifact = 'greeter', version = '1.0.0', name = '@acme/greeter', repositories, more = [], env = {} }) {
  runs += 1;
  const out = join(folder, `out-${runs}`);
  const urls = repositories ?? [`${fixture.url}/repository`];
  const args = ['--group', 'com.example.kmp', '--artifact', artifact, '--version', version, '--name', name, '--out', out];
  const ended = await run(join(BUILD, 'build-npm'), [...args, ...urls.flatMap((url) => ['--repository', url]), ...more], {
    env: { ...process.env, ...env },
  });
  const why = await readFile(join(out, 'error.txt'), 'utf8').catch(() => null);
  return { ...ended, out, why };
}

/** A project that has a package installed by npm. */
async function installed(tarball) {
  const project = await mkdtemp(join(folder, 'project-'));
  await writeFile(join(project, 'package.json'), '{ "name": "user", "version": "1.0.0", "private": true, "type": "module" }');
  const { status, stderr } = await run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--loglevel=error', tarball], { cwd: project });
  assert.equal(status, 0, stderr);
  return project;
}

test('a library becomes a package that Node runs and TypeScript understands', async () => {
  const first = await build({});
  assert.equal(first.status, 0, first.stderr);
  const made = JSON.parse(first.stdout);
  assert.deepEqual([made.name, made.version], ['@acme/greeter', '1.0.0']);
  const release = JSON.parse(await readFile(join(first.out, 'release.json'), 'utf8'));
  assert.deepEqual(release, { packageType: 'npm', packageName: '@acme/greeter', version: '1.0.0', file: 'greeter-1.0.0.tgz' });
  assert.deepEqual((await readdir(join(first.out, 'package'))).sort(), ['README.md', 'greeter.d.mts', 'greeter.mjs', 'package.json']);

  const second = await build({});
  assert.deepEqual(await readFile(JSON.parse(second.stdout).file), await readFile(made.file), 'the same bytes when built again');

  const project = await installed(made.file);
  const program = `import { Greeter, add } from '@acme/greeter';
    const greeter = new Greeter('sv');
    console.log(JSON.stringify([greeter.language, greeter.greet('Ada'), greeter.greetAll(['Grace', 'Ada']), add(2, 40)]));`;
  await writeFile(join(project, 'main.js'), program);
  const { stdout, stderr } = await run(process.execPath, ['main.js'], { cwd: project });
  assert.deepEqual(JSON.parse(stdout || 'null'), ['sv', 'Hej, Ada!', ['Hej, Ada!', 'Hej, Grace!'], 42], stderr);

  const typed = (number) => `import { Greeter, add } from '@acme/greeter';
    export const text: string = new Greeter('de').greetAll(['x'])[0];
    export const sum: number = add(1, ${number});\n`;
  const config = { compilerOptions: { module: 'nodenext', strict: true, noEmit: true, target: 'es2022', types: [] }, files: ['main.ts'] };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config));
  const check = async (source) => {
    await writeFile(join(project, 'main.ts'), source);
    return await run(process.execPath, [process.env.KMP_TSC, '-p', project]);
  };
  const right = await check(typed('2'));
  assert.equal(right.status, 0, right.stdout);
  const wrong = await check(typed("'2'"));
  assert.match(wrong.stdout, /TS2345/, 'a wrong argument is found');
});

test('a library on real coroutines, with older klibs than the compiler, of two repositories', async () => {
  const repositories = [`${fixture.url}/repository`, `${real.url}/repository`];
  const { status, stdout, stderr } = await build({ artifact: 'later', name: 'later', repositories });
  assert.equal(status, 0, stderr);
  const project = await installed(JSON.parse(stdout).file);
  await writeFile(join(project, 'main.js'), "import { later } from 'later'; console.log(await later(41));");
  const ended = await run(process.execPath, ['main.js'], { cwd: project });
  assert.equal(ended.stdout.trim(), '42', ended.stderr);
  const readme = await readFile(join(project, 'node_modules/later/README.md'), 'utf8');
  assert.match(readme, /`org\.jetbrains\.kotlinx:kotlinx-coroutines-core-js:1\.8\.1`/);
});

test('a job of the workflow reads its inputs from the environment', async () => {
  const work = await mkdtemp(join(folder, 'job-'));
  const env = {
    ...process.env,
    KMP_GROUP: 'com.example.kmp',
    KMP_ARTIFACT: 'old-greeter',
    KMP_VERSION: '1.0',
    KMP_REPOSITORIES: `${fixture.url}/nothing ${fixture.url}/private`,
    KMP_PACKAGE_VERSION: '',
    KMP_NPM_NAME: '@acme/old-greeter',
    GRANARY_SOURCE_PASSWORD: '',
    GRANARY_URL: fixture.url,
    GRANARY_BUILD_ID: 'b',
    GRANARY_BUILD_TOKEN: 'bld_secret',
  };
  const denied = await run(join(BUILD, 'job'), ['npm'], { cwd: work, env });
  assert.equal(denied.status, Code.SOURCE, 'the token of the build opens no repository that wants another');
  await rm(join(work, 'result'), { recursive: true });
  const first = `${fixture.url}/private`;
  const login = { KMP_REPOSITORIES: `${first} ${fixture.url}/nothing`, GRANARY_SOURCE_USERNAME: 'reader', GRANARY_SOURCE_PASSWORD: 'secret' };
  const { status, stderr } = await run(join(BUILD, 'job'), ['npm'], { cwd: work, env: { ...env, ...login } });
  assert.equal(status, 0, stderr);
  assert.deepEqual((await readdir(join(work, 'result'))).sort(), ['old-greeter-1.0.0.tgz', 'package', 'release.json']);
  for (const secret of ['bld_secret', 'secret']) assert.ok(!stderr.includes(secret), stderr);

  const swift = { ...env, KMP_ARTIFACT: 'greeter', KMP_VERSION: '1.0.0', KMP_REPOSITORIES: `${fixture.url}/repository`, KMP_SWIFT_PACKAGE: 'acme.my-greeter' };
  const job = async (name, targets) => {
    await rm(join(work, 'result'), { recursive: true, force: true });
    return await run(join(BUILD, 'job'), [name], { cwd: work, env: { ...swift, KMP_TARGETS: targets } });
  };
  assert.equal((await job('targets', 'iosArm64,macosArm64')).status, 0);
  const lacking = await job('targets', 'iosArm64,tvosArm64');
  assert.equal(lacking.status, Code.NO_TARGET);
  assert.match(lacking.stderr, /not published for tvosArm64; its Apple targets are iosArm64, iosSimulatorArm64, macosArm64/);
  const unnamed = await job('targets', '');
  assert.equal(unnamed.status, Code.USAGE);
  const why = await readFile(join(work, 'result', 'error.txt'), 'utf8');
  assert.match(why, /^no Apple target is named; give --targets, such as iosArm64/);
  if (process.platform !== 'darwin') {
    assert.equal((await job('swift', 'iosArm64')).status, Code.NOT_MACOS);
    assert.equal((await job('swift', 'iosArm64;x')).status, Code.USAGE);
  }
});

const REFUSED = [
  ['no JavaScript target', { artifact: 'jvm-only' }, Code.NO_TARGET, /has no JavaScript target; it is published for common, jvm/],
  ['nothing exported', { artifact: 'words' }, Code.NOTHING_EXPORTED, /exports nothing to JavaScript; mark .* with @JsExport/],
  ['a dependency that is nowhere', { artifact: 'incomplete' }, Code.DEPENDENCY, /needs com\.example\.kmp:nowhere:1\.0\.0/],
  ['a dependency that is not named', { artifact: 'unlinked' }, Code.COMPILER, /cannot link it:\nerror: .*'hello'/],
  ['other bytes than its metadata says', { artifact: 'tampered' }, Code.SOURCE, /its sha512 is/],
  ['a newer Kotlin', { artifact: 'from-the-future' }, Code.UNSUPPORTED, /ABI version 99\.0\.0/],
  ['no such version', { version: '9.9.9' }, Code.NOT_FOUND, /greeter:9\.9\.9 is in none of the repositories/],
  ['no such library', { artifact: 'nothing' }, Code.NOT_FOUND, /is in none of the repositories/],
  ['a bad version', { version: '1.0.0.Final' }, Code.USAGE, /give the package's own with --package-version/],
  ['a bad package version', { more: ['--package-version', '1.0'] }, Code.USAGE, /not a semantic version/],
  ['a bad name', { name: '@acme/Greeter' }, Code.USAGE, /not a name of an npm package/],
  ['a bad time', { more: ['--timeout', '0'] }, Code.USAGE, /--timeout is a number of seconds/],
];

for (const [what, request, code, words] of REFUSED) {
  test(`refused: ${what}`, async () => {
    const { status, why, stderr, stdout } = await build(request);
    assert.equal(status, code, stderr);
    assert.match(stderr, words);
    assert.match(why, words);
    assert.equal(stdout, '');
  });
}

test('what a shell would run stays text', async () => {
  const trap = join(folder, 'trap');
  for (const text of [`x;touch ${trap}`, `$(touch ${trap})`, `\`touch ${trap}\``, `x'&touch ${trap}&'`, `x"\ntouch ${trap}`, '--help=x', '--help', '../../x']) {
    for (const request of [{ artifact: text }, { version: text }, { name: text }]) {
      const { status, stderr } = await build(request);
      assert.equal(status, Code.USAGE, `${JSON.stringify(request)} ${stderr}`);
    }
  }
  assert.equal(await readFile(trap).catch(() => null), null);
});

test('a repository that hangs, fails or wants a credential', async () => {
  const hanging = await build({ repositories: [`${fixture.url}/hanging`], more: ['--timeout', '1'] });
  assert.equal(hanging.status, Code.SOURCE, hanging.stderr);
  assert.match(hanging.why, /no answer within 1 seconds/);
  const closed = await build({ repositories: ['http://127.0.0.1:9'] });
  assert.equal(closed.status, Code.SOURCE, closed.stderr);
  const broken = await build({ repositories: [`${fixture.url}/broken`, `${fixture.url}/repository`] });
  assert.equal(broken.status, Code.SOURCE, broken.stderr);
  assert.match(broken.why, /answers 500/);
  const wanted = await build({ repositories: [`${fixture.url}/private`] });
  assert.match(wanted.why, /answers 401; check the credential of this repository/);
  const leaked = await build({ repositories: ['https://user:hunter2@maven.example/x'] });
  assert.equal(leaked.status, Code.USAGE);
  assert.ok(!`${leaked.stderr}${leaked.why}`.includes('hunter2'));
});

test('a folder that has something already, and tools that are missing', async () => {
  const { out } = await build({ version: 'x y' });
  await mkdir(join(out, 'kept'));
  const args = ['--group', 'g', '--artifact', 'a', '--version', '1', '--name', 'n', '--repository', fixture.url, '--out', out];
  const again = await run(join(BUILD, 'build-npm'), args);
  assert.equal(again.status, Code.USAGE);
  assert.match(again.stderr, /is not empty/);
  const noCompiler = await build({ env: { GRANARY_KOTLIN_COMPILER: folder } });
  assert.equal(noCompiler.status, Code.TOOLS, noCompiler.stderr);
  const noJava = await build({ env: { JAVA_HOME: folder } });
  assert.equal(noJava.status, Code.TOOLS, noJava.stderr);
});
