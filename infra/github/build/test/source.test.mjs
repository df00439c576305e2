import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { authorizer } from '../src/credentials.mjs';
import { coordinates } from '../src/coordinates.mjs';
import { Code, Failure } from '../src/failure.mjs';
import { Sources, repositoryUrl, verify } from '../src/source.mjs';
import { serve } from './server.mjs';

const refused = (code, words) => (error) => error instanceof Failure && error.code === code && words.test(error.message);
const module = coordinates('g', 'a', '1+b');

let folder;
let server;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'granary-source-'));
  await mkdir(join(folder, 'g/a/1+b'), { recursive: true });
  await writeFile(join(folder, 'g/a/1+b/a-1+b.pom'), '<project/>');
  server = await serve(folder);
});

after(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const sources = (places, more = {}) => new Sources(places.map((place) => `${server.url}/${place}`), { pause: 1, seconds: 5, ...more });
const pom = async (places, more) => await sources(places, more).find(module, ['a-1+b.module', 'a-1+b.pom']);

test('addresses of repositories', () => {
  assert.equal(repositoryUrl('https://maven.example/a/b/'), 'https://maven.example/a/b');
  for (const bad of ['', 'x', 'file:///etc', 'ftp://a/b', 'https://a/b?c=d', 'https://a/b#c']) {
    assert.throws(() => repositoryUrl(bad), refused(Code.USAGE, /cannot be a repository/), bad);
  }
  assert.throws(() => repositoryUrl('https://user:hunter2@a/b'), (error) => error.code === Code.USAGE && !/hunter2/.test(error.message));
});

test('repositories are asked in turn, and a missing file is no error', async () => {
  const found = await pom(['nothing', 'repository']);
  assert.equal(found.base, `${server.url}/repository`);
  assert.equal(found.name, 'a-1+b.pom');
  assert.equal(found.bytes.toString(), '<project/>');
  assert.equal(await pom(['nothing']), null);
  assert.equal((await pom(['moved'])).bytes.toString(), '<project/>');
});

test('a repository that fails is not passed over for the next', async () => {
  const before = server.seen.length;
  await assert.rejects(pom(['broken', 'repository']), refused(Code.SOURCE, /answers 500/));
  const tries = server.seen.slice(before).filter(({ path }) => path.startsWith('/broken'));
  assert.equal(tries.length, 3);
  assert.ok(!server.seen.slice(before).some(({ path }) => path.startsWith('/repository')));
});

test('one that hangs is given up', async () => {
  await assert.rejects(pom(['hanging'], { seconds: 0.2 }), refused(Code.SOURCE, /no answer within 0.2 seconds/));
});

test('credentials go to the repository they are for', async () => {
  await assert.rejects(pom(['private']), refused(Code.SOURCE, /answers 401; check the credential/));
  const urls = [`${server.url}/private`, `${server.url}/repository`];
  const authorize = authorizer(urls, { GRANARY_SOURCE_USERNAME: 'reader', GRANARY_SOURCE_PASSWORD: 'secret' });
  assert.equal((await pom(['private'], { authorize })).bytes.toString(), '<project/>');
  const before = server.seen.length;
  await pom(['repository'], { authorize });
  assert.deepEqual(server.seen.slice(before).map(({ authorization }) => authorization), [null, null]);
  const own = authorizer(urls, { GRANARY_URL: server.url, GRANARY_BUILD_ID: 'b', GRANARY_BUILD_TOKEN: 'bld_x' });
  assert.equal(await own(urls[0]), 'Bearer bld_x');
  const other = authorizer(urls, { GRANARY_URL: 'https://granary.example', GRANARY_BUILD_ID: 'b', GRANARY_BUILD_TOKEN: 'bld_x' });
  assert.equal(await other(urls[0]), undefined);
});

test('a redirect to another origin takes no credential along', async () => {
  const other = await serve(folder);
  const fetched = globalThis.fetch;
  try {
    globalThis.fetch = async (at, init) => {
      const moved = new URL(at).pathname.startsWith('/away');
      const location = `${other.url}/repository/g/a/1%2Bb/a-1+b.pom`;
      return moved ? new Response(null, { status: 302, headers: { location } }) : await fetched(at, init);
    };
    const found = await pom(['away'], { authorize: async () => 'Bearer secret' });
    assert.equal(found.bytes.toString(), '<project/>');
    assert.deepEqual(other.seen.map(({ authorization }) => authorization), [null]);
  } finally {
    globalThis.fetch = fetched;
    other.close();
  }
});

test('redirects that lead astray are refused', async () => {
  const fetched = globalThis.fetch;
  const cases = [
    ['https://maven.example', 'http://maven.example/x', /without TLS/],
    ['https://maven.example', 'ftp://maven.example/x', /not http/],
    ['https://maven.example', 'https://169.254.169.254/latest', /private network/],
    ['https://maven.example', 'https://localhost/x', /private network/],
    ['https://maven.example', 'https://[::1]/x', /private network/],
    ['https://maven.example', 'https://10.0.0.1/x', /private network/],
    ['https://maven.example', 'https://maven.example/again', /more than 5 redirects/],
  ];
  try {
    for (const [base, location, words] of cases) {
      globalThis.fetch = async () => new Response(null, { status: 302, headers: { location } });
      const astray = new Sources([base], { pause: 1 });
      await assert.rejects(astray.find(module, ['a']), refused(Code.SOURCE, words), location);
    }
  } finally {
    globalThis.fetch = fetched;
  }
});

test('a file that is too large is not read', async () => {
  const base = `${server.url}/repository`;
  const url = `${base}/g/a/1%2Bb/a-1+b.pom`;
  await assert.rejects(sources(['repository']).get(base, url, 5), refused(Code.SOURCE, /larger than 5 bytes/));
});

test('digests: the strongest one counts', () => {
  const bytes = Buffer.from('abc');
  const sha1 = 'a9993e364706816aba3e25717850c26c9cd0d89d';
  assert.equal(verify('x', bytes, { sha1 }), true);
  assert.equal(verify('x', bytes, {}), false);
  assert.throws(() => verify('x', bytes, { sha1, sha256: '0'.repeat(64) }), refused(Code.SOURCE, /sha256/));
});
