import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Code, MAX_ERROR, bounded } from '../src/failure.mjs';
import { Registry, isBelow } from '../src/registry.mjs';

const SCRIPT = fileURLToPath(new URL('../publish', import.meta.url));
const JOB = fileURLToPath(new URL('../job', import.meta.url));
const TGZ = Buffer.from('a tarball');
const ZIP = Buffer.alloc(250, 'z');
const PART = 100;

let folder;
let server;
let url;
let state;

/** A registry with what a job uses of it, and GitHub's issuer of identities. */
async function answer(request, body) {
  const { pathname, searchParams } = new URL(request.url, url);
  const json = body.length > 0 && request.headers['content-type'] === 'application/json' ? JSON.parse(body) : null;
  state.seen.push({ call: `${request.method} ${pathname}`, authorization: request.headers.authorization, json });
  const scripted = state.scripted.get(`${request.method} ${pathname}`)?.shift();
  if (scripted !== undefined) return scripted;
  if (pathname === '/oidc') return [200, { value: `jwt for ${searchParams.get('audience')}` }];
  if (pathname.endsWith('/token')) return [200, { token: 'bld_exchanged', expiresAt: '2099-01-01T00:00:00.000Z' }];
  if (pathname.startsWith('/store/')) return put(request, pathname.split('/').at(-1), body);
  if (pathname.endsWith('/start') || pathname.endsWith('/complete')) return [200, {}];
  if (pathname === '/api/uploads') return [201, { upload: session(json) }];
  const id = /^\/api\/uploads\/(\w+)$/.exec(pathname)?.[1];
  return id ? [200, { upload: view(id) }] : [404, { error: 'not found', code: 'NOT_FOUND' }];
}

function session({ packageType, files: [file] }) {
  state.uploads.set(packageType, { ...file, arrived: new Map(), status: 'open' });
  return view(packageType);
}

function view(id) {
  const { name, size, arrived, status } = state.uploads.get(id);
  const there = [...arrived.values()].reduce((sum, { length }) => sum + length, 0);
  const file = { name, size, status: there === size ? 'uploaded' : 'pending' };
  if (status === 'open' && there < size && size <= PART) {
    Object.assign(file, { method: 'PUT', url: `${url}/store/${id}-1`, headers: { 'x-amz-checksum-sha256': 'x', 'content-length': `${size}` } });
  } else if (status === 'open' && size > PART) {
    file.partSize = PART;
    file.parts = Array.from({ length: Math.ceil(size / PART) }, (_, i) => ({
      number: i + 1,
      size: Math.min(PART, size - i * PART),
      ...(arrived.has(i + 1) ? { etag: 'e' } : { method: 'PUT', url: `${url}/store/${id}-${i + 1}`, headers: {} }),
    }));
  }
  return { id, status, error: state.uploadError, files: [file] };
}

function put(request, key, body) {
  if (request.headers.authorization) return [400, { error: 'a presigned address wants no Authorization' }];
  const [id, number] = key.split('-');
  state.uploads.get(id).arrived.set(Number(number), body);
  return [200, {}];
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'granary-publish-'));
  server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const [status, json] = await answer(request, Buffer.concat(chunks));
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${server.address().port}`;
  for (const [kind, file, bytes, fields] of [
    ['npm', 'lib-1.0.0.tgz', TGZ, { packageType: 'npm', packageName: '@a/lib', version: '1.0.0' }],
    ['swift', 'lib-1.0.0.zip', ZIP, { packageType: 'swift', scope: 'a', packageName: 'lib', version: '1.0.0' }],
  ]) {
    await mkdir(join(folder, kind));
    await writeFile(join(folder, kind, file), bytes);
    await writeFile(join(folder, kind, 'release.json'), JSON.stringify({ ...fields, file }));
  }
  await mkdir(join(folder, 'failed'));
  await writeFile(join(folder, 'failed', 'error.txt'), `no such target\n\u001b[31m${'x'.repeat(5000)}`);
});

after(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => {
  state = { seen: [], scripted: new Map(), uploads: new Map() };
});

async function publish(args, more = {}, { script = SCRIPT, cwd = folder } = {}) {
  const env = {
    PATH: process.env.PATH,
    GRANARY_URL: url,
    GRANARY_BUILD_ID: 'build-1',
    GRANARY_REPO_ID: 'my-kmp',
    GRANARY_BUILD_TOKEN: 'bld_given',
    GITHUB_RUN_ID: '12345678901',
    GITHUB_RUN_ATTEMPT: '2',
    ...more,
  };
  const child = spawn(script, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { output += text; });
  const status = await new Promise((done) => child.on('close', done));
  return { status, output };
}

const calls = () => state.seen.map(({ call }) => call);
const sent = (call) => state.seen.find((seen) => seen.call === call)?.json;

test('a build is claimed, sent and completed', async () => {
  const { status, output } = await publish(['--npm', 'npm', '--swift', 'swift']);
  assert.equal(status, 0, output);
  assert.deepEqual(sent('POST /api/kmp/builds/build-1/start'), { runId: 12345678901, attempt: 2 });
  const complete = { npm: { uploadId: 'npm' }, swift: { uploadId: 'swift' } };
  assert.deepEqual(sent('POST /api/kmp/builds/build-1/complete'), complete);
  const sha256 = createHash('sha256').update(TGZ).digest('hex');
  const files = [{ name: 'lib-1.0.0.tgz', size: TGZ.length, sha256 }];
  const expected = { repoId: 'my-kmp', packageType: 'npm', packageName: '@a/lib', version: '1.0.0', files };
  assert.deepEqual(sent('POST /api/uploads'), expected);
  const whole = (id) => Buffer.concat([...state.uploads.get(id).arrived].sort(([a], [b]) => a - b).map(([, bytes]) => bytes));
  assert.deepEqual(whole('npm'), TGZ);
  assert.equal(state.uploads.get('swift').arrived.size, 3);
  assert.deepEqual(whole('swift'), ZIP);
  assert.ok(state.seen.filter(({ call }) => call.includes('/api/')).every(({ authorization }) => authorization === 'Bearer bld_given'));
  assert.ok(!output.includes('bld_given'), output);
});

test('an identity of GitHub is exchanged for the token', async () => {
  const oidc = { GRANARY_BUILD_TOKEN: '', ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/oidc?api-version=2`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request' };
  const { status, output } = await publish(['--claim'], oidc);
  assert.equal(status, 0, output);
  assert.deepEqual(state.seen.map(({ call, authorization }) => [call, authorization]), [
    ['GET /oidc', 'bearer request'],
    ['POST /api/kmp/builds/build-1/token', `Bearer jwt for ${url}`],
    ['POST /api/kmp/builds/build-1/start', 'Bearer bld_exchanged'],
  ]);
});

test('a token that has run out is exchanged again, once', async () => {
  const oidc = { GRANARY_BUILD_TOKEN: '', ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/oidc?x=1`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request' };
  const old = [401, { error: 'the token has expired', code: 'UNAUTHORIZED' }];
  state.scripted.set('POST /api/uploads', [old]);
  assert.equal((await publish(['--claimed', '--npm', 'npm'], oidc)).status, 0);
  state.scripted.set('POST /api/uploads', [old, old]);
  const { status, output } = await publish(['--claimed', '--npm', 'npm'], oidc);
  assert.equal(status, Code.REGISTRY);
  assert.match(output, /answers 401: the token has expired/);
});

test('a run that has lost the claim does nothing more', async () => {
  state.scripted.set('POST /api/kmp/builds/build-1/start', [[409, { error: 'run 7 has this build', code: 'CONFLICT' }]]);
  const { status, output } = await publish(['--npm', 'npm']);
  assert.equal(status, Code.CLAIM_LOST, output);
  assert.match(output, /run 7 has this build/);
  assert.deepEqual(calls(), ['POST /api/kmp/builds/build-1/start']);
});

test('a build that failed is told with its reason, bounded, and nothing is sent', async () => {
  const { status } = await publish(['--claimed', '--swift', 'failed']);
  assert.equal(status, Code.BUILD_FAILED);
  assert.deepEqual(calls(), ['POST /api/kmp/builds/build-1/complete']);
  const { error } = sent(calls()[0]);
  assert.match(error, /^swift: no such target\n\?\[31mx+\.\.\.$/);
  assert.ok(error.length <= MAX_ERROR);
});

test('the half that was made is sent with the reason why there is no other, once', async () => {
  for (const [kind, args] of [
    ['npm', ['--npm', 'npm', '--swift', 'failed']],
    ['swift', ['--npm', 'failed', '--swift', 'swift']],
  ]) {
    state = { seen: [], scripted: new Map(), uploads: new Map() };
    const { status, output } = await publish(['--claimed', ...args]);
    assert.equal(status, Code.BUILD_FAILED, output);
    assert.match(output, /no such target/);
    const { error, ...uploads } = sent('POST /api/kmp/builds/build-1/complete');
    assert.deepEqual(uploads, { [kind]: { uploadId: kind } });
    assert.match(error, /^(npm|swift): no such target\n\?\[31mx+\.\.\.$/);
    assert.ok(error.length <= MAX_ERROR);
    assert.equal(calls().filter((call) => call.endsWith('/complete')).length, 1);
  }
});

test('both reasons are told, and what was left out on purpose only with something that is published', async () => {
  assert.equal((await publish(['--claimed', '--npm', 'nowhere', '--swift', 'nowhere'], { SWIFT_RESULT: 'skipped' })).status, Code.BUILD_FAILED);
  const none = sent('POST /api/kmp/builds/build-1/complete').error;
  assert.equal(none, "npm: it has left nothing\nswift: it has left nothing; its job ended as 'skipped'");
  state.seen = [];
  const { status } = await publish(['--claimed', '--npm', 'npm', '--swift', 'nowhere', '--without', 'no Mac']);
  assert.equal(status, Code.BUILD_FAILED);
  const some = sent('POST /api/kmp/builds/build-1/complete');
  assert.deepEqual(some, { npm: { uploadId: 'npm' }, error: 'no Mac\nswift: it has left nothing' });
});

test('one package that the registry does not take is no reason to lose the other', async () => {
  state.scripted.set('POST /api/uploads', [[413, { error: 'too large', code: 'TOO_LARGE' }]]);
  const { status, output } = await publish(['--claimed', '--npm', 'npm', '--swift', 'swift']);
  assert.equal(status, Code.BUILD_FAILED, output);
  const complete = sent('POST /api/kmp/builds/build-1/complete');
  assert.deepEqual(complete, { swift: { uploadId: 'swift' }, error: 'npm: the registry answers 413: too large' });
});

test('a half whose result is damaged is no reason to lose the other', async () => {
  await mkdir(join(folder, 'damaged'));
  for (const text of ['{"file":', '{"file":"gone.zip"}']) {
    state = { seen: [], scripted: new Map(), uploads: new Map() };
    await writeFile(join(folder, 'damaged', 'release.json'), text);
    const { status, output } = await publish(['--claimed', '--npm', 'npm', '--swift', 'damaged']);
    assert.equal(status, Code.BUILD_FAILED, output);
    const complete = sent('POST /api/kmp/builds/build-1/complete');
    assert.deepEqual(complete, { npm: { uploadId: 'npm' }, error: 'swift: what its job has left cannot be read' });
  }
});

/**
 * Where the steps of the workflow put the results: artifacts by name. Without a name the action puts the only artifact of a
 * run into `path` itself, which is no place for results.
 */
async function downloads() {
  const workflow = await readFile(new URL('../../kmp-build.yml', import.meta.url), 'utf8');
  const steps = workflow.split(/^ {6}- /m).filter((step) => step.includes('uses: actions/download-artifact@'));
  return steps.map((step) => {
    const [, artifact, path] = /^ {8}with: \{ name: (\w+), path: (\S+) \}$/m.exec(step);
    const [, input] = /^ {8}if: inputs\.(\w+) != ''$/m.exec(step);
    assert.match(step, /^ {8}continue-on-error: true$/m, 'a failed job has to be told');
    return { artifact, path, input };
  });
}

test('the last job of the workflow finds what the others have left, also if there is only one', async () => {
  const steps = await downloads();
  assert.deepEqual(steps.map(({ artifact, input }) => [artifact, input]), [['npm', 'npm_name'], ['swift', 'swift_package']]);
  for (const wanted of [['npm'], ['swift'], ['npm', 'swift']]) {
    state = { seen: [], scripted: new Map(), uploads: new Map() };
    const work = await mkdtemp(join(folder, 'run-'));
    for (const { artifact, path } of steps.filter((step) => wanted.includes(step.artifact))) {
      await cp(join(folder, artifact), join(work, path), { recursive: true });
    }
    const inputs = {
      KMP_NPM_NAME: wanted.includes('npm') ? '@a/lib' : '',
      KMP_SWIFT_PACKAGE: wanted.includes('swift') ? 'a.lib' : '',
      GRANARY_BUILD_ID: 'build-1.3',
    };
    const { status, output } = await publish(['publish'], inputs, { script: JOB, cwd: work });
    assert.equal(status, 0, output);
    const complete = Object.fromEntries(wanted.map((kind) => [kind, { uploadId: kind }]));
    assert.deepEqual(sent('POST /api/kmp/builds/build-1/complete'), complete);
    assert.ok(!calls().some((call) => call.endsWith('/start')), 'the first job has claimed it');
  }
});

test('what there is can be published with the reason why there is not all', async () => {
  const { status, output } = await publish(['--npm', 'npm', '--without', 'swift: that takes a Mac']);
  assert.equal(status, 0, output);
  const expected = { error: 'swift: that takes a Mac', npm: { uploadId: 'npm' } };
  assert.deepEqual(sent('POST /api/kmp/builds/build-1/complete'), expected);
  assert.equal((await publish(['--claim', '--without', 'x'])).status, Code.USAGE);
});

test('a job that left nothing is told with how it ended', async () => {
  const { status } = await publish(['--claimed', '--npm', 'nowhere'], { NPM_RESULT: 'cancelled' });
  assert.equal(status, Code.BUILD_FAILED);
  assert.match(sent(calls()[0]).error, /npm: it has left nothing; its job ended as 'cancelled'/);
});

test('what the registry refuses is told to it and to the log', async () => {
  state.scripted.set('POST /api/uploads', [[403, { error: 'not this name', code: 'FORBIDDEN' }]]);
  const { status, output } = await publish(['--claimed', '--npm', 'npm']);
  assert.equal(status, Code.REGISTRY);
  assert.match(output, /answers 403: not this name/);
  assert.match(sent('POST /api/kmp/builds/build-1/complete').error, /not this name/);
});

test('bytes that did not arrive are sent again', async () => {
  state.scripted.set('PUT /store/swift-2', [[500, {}], [403, {}]]);
  const { status, output } = await publish(['--claimed', '--swift', 'swift']);
  assert.equal(status, 0, output);
  assert.equal(calls().filter((call) => call === 'PUT /store/swift-2').length, 3);
  assert.equal(calls().filter((call) => call === 'PUT /store/swift-1').length, 1);
  state.scripted.set('PUT /store/npm-1', Array.from({ length: 9 }, () => [500, {}]));
  assert.equal((await publish(['--claimed', '--npm', 'npm'])).status, Code.REGISTRY);
});

test('a registry that is busy is asked again, and one that publishes later is waited for', async () => {
  state.scripted.set('POST /api/kmp/builds/build-1/complete', [[503, { error: 'busy' }], [202, {}]]);
  state.scripted.set('GET /api/uploads/npm', [
    [200, { upload: { id: 'npm', status: 'open', files: [{ name: 'x', size: 9, status: 'uploaded' }] } }],
    [200, { upload: { id: 'npm', status: 'completed', files: [] } }],
  ]);
  assert.equal((await publish(['--claimed', '--npm', 'npm'])).status, 0);
  assert.equal(calls().filter((call) => call.endsWith('/complete')).length, 2);
  state.scripted.set('POST /api/kmp/builds/build-1/complete', [[202, {}]]);
  state.scripted.set('GET /api/uploads/npm', [
    [200, { upload: { id: 'npm', status: 'open', files: [{ name: 'x', size: 9, status: 'uploaded' }] } }],
    [200, { upload: { id: 'npm', status: 'failed', error: 'no package.json', files: [] } }],
  ]);
  const { status, output } = await publish(['--claimed', '--npm', 'npm']);
  assert.equal(status, Code.REGISTRY);
  assert.match(output, /no package\.json/);
});

test('a version that is there already is completed without a session', async () => {
  state.scripted.set('POST /api/uploads', [[200, { upload: { id: null, status: 'completed', files: [] } }]]);
  assert.equal((await publish(['--claimed', '--npm', 'npm'])).status, 0);
  assert.deepEqual(sent('POST /api/kmp/builds/build-1/complete'), { npm: { uploadId: null } });
});

test('wrong arguments and environments are refused before anything is called', async () => {
  for (const [args, env] of [
    [[], {}],
    [['--claim', '--npm', 'npm'], {}],
    [['--npm', 'npm', 'more'], {}],
    [['--npm', 'npm', '--npm', 'npm'], {}],
    [['--npm', 'npm'], { GRANARY_URL: 'http://granary.example' }],
    [['--npm', 'npm'], { GRANARY_URL: '' }],
    [['--npm', 'npm'], { GRANARY_BUILD_ID: '../x' }],
    [['--npm', 'npm'], { GRANARY_BUILD_TOKEN: '' }],
    [['--npm', 'npm'], { GITHUB_RUN_ID: 'x' }],
  ]) {
    const { status, output } = await publish(args, env);
    assert.equal(status, Code.USAGE, `${args} ${JSON.stringify(env)} ${output}`);
  }
  assert.deepEqual(state.seen, []);
});

test('addresses below a registry', () => {
  assert.ok(isBelow('https://r.example/api/maven/x', 'https://r.example'));
  assert.ok(isBelow('https://r.example/g/api', 'https://r.example/g/'));
  assert.ok(!isBelow('https://r.example/good', 'https://r.example/go'));
  assert.ok(!isBelow('https://r.example.evil/api', 'https://r.example'));
  assert.ok(!isBelow('http://r.example/api', 'https://r.example'));
});

test('errors are bounded and plain', () => {
  assert.equal(bounded('a\r\nb\u0000\u001b c \n'), 'a\nb?? c');
  assert.equal(bounded('x'.repeat(5000)).length, MAX_ERROR);
});

test('a registry without an answer is given up', async () => {
  const registry = new Registry('http://127.0.0.1:9', 'b', { token: 't' }, { pause: 1 });
  await assert.rejects(registry.start(1, 1), (error) => error.code === Code.REGISTRY && /does not answer/.test(error.message));
});
