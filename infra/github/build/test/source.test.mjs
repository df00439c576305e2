import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { authorizer } from '../src/credentials.mjs';
import { coordinates } from '../src/coordinates.mjs';
import { Code, Failure } from '../src/failure.mjs';
import { isPublic, publicNames, send } from '../src/guard.mjs';
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

// The server is at a private address.
const env = { GRANARY_ALLOW_PRIVATE_SOURCES: 'true' };
const sources = (places, more = {}) => new Sources(places.map((place) => `${server.url}/${place}`), { pause: 1, seconds: 600, env, ...more });
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
  try {
    const ask = async (at, init) => {
      const moved = new URL(at).pathname.startsWith('/away');
      const location = `${other.url}/repository/g/a/1%2Bb/a-1+b.pom`;
      return moved ? new Response(null, { status: 302, headers: { location } }) : await send(at, init);
    };
    const found = await pom(['away'], { authorize: async () => 'Bearer secret', ask });
    assert.equal(found.bytes.toString(), '<project/>');
    assert.deepEqual(other.seen.map(({ authorization }) => authorization), [null]);
  } finally {
    other.close();
  }
});

test('redirects that lead astray are refused', async () => {
  const cases = [
    ['https://maven.example', 'http://maven.example/x', /without TLS/],
    ['https://maven.example', 'ftp://maven.example/x', /not http/],
    ['https://maven.example', 'https://169.254.169.254/latest', /private network/],
    ['https://maven.example', 'https://localhost/x', /private network/],
    ['https://maven.example', 'https://[::1]/x', /private network/],
    ['https://maven.example', 'https://10.0.0.1/x', /private network/],
    ['https://maven.example', 'https://100.64.0.1/x', /private network/],
    ['https://maven.example', 'https://198.18.0.1/x', /private network/],
    ['https://maven.example', 'https://[64:ff9b::7f00:1]/x', /private network/],
    ['https://maven.example', 'https://[2002:7f00:1::]/x', /private network/],
    ['https://maven.example', 'https://2130706433/x', /private network/],
    ['https://maven.example', 'https://maven.example/again', /more than 5 redirects/],
  ];
  for (const [base, location, words] of cases) {
    for (const environment of [{}, env]) {
      const ask = async () => new Response(null, { status: 302, headers: { location } });
      const astray = new Sources([base], { pause: 1, ask, env: environment });
      await assert.rejects(astray.find(module, ['a']), refused(Code.SOURCE, words), location);
    }
  }
});

test('only what the internet reaches is public', () => {
  const open = ['1.1.1.1', '93.184.216.34', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:1.1.1.1', '64:ff9b::101:101', '2002:101:101::1'];
  for (const address of open) {
    assert.ok(isPublic(address), address);
  }
  const closed = [
    ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.8.8.8', '169.254.169.254', '172.16.0.1', '172.31.255.255'],
    ...['192.0.0.8', '192.0.2.1', '192.88.99.1', '192.168.1.1', '198.18.0.1', '198.19.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1'],
    ...['240.0.0.1', '255.255.255.255', '::', '::1', '::ffff:127.0.0.1', '::ffff:169.254.169.254', '::7f00:1', '64:ff9b::7f00:1'],
    ...['64:ff9b:1::a00:1', '2002:7f00:1::', '2001:db8::1', '2001::1', '2001:2::1', '2001:20::1', '3fff::1', 'fc00::1', 'fd00:ec2::254'],
    ...['fe80::1', 'fe80::1%eth0', 'ff02::1', '100::1', '::ffff:0:1.1.1.1', '', 'maven.example', '1.1.1', '2130706433'],
  ];
  for (const address of closed) {
    assert.ok(!isPublic(address), address);
  }
});

test('a name gives its public addresses only, and it is not told why one has none', async () => {
  const known = {
    'mixed.example': ['10.0.0.1', '1.1.1.1', '::1', '2606:4700::1111'],
    'inside.example': ['10.0.0.1', 'fd00::1'],
  };
  const resolve = (name, options, done) => {
    const found = (known[name] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    done(found.length > 0 ? null : new Error('ENOTFOUND'), found);
  };
  const ask = (name, options) =>
    new Promise((done, failed) => {
      publicNames(resolve)(name, options, (error, ...found) => (error ? failed(error) : done(found)));
    });
  assert.deepEqual(await ask('mixed.example', { all: true }), [[{ address: '1.1.1.1', family: 4 }, { address: '2606:4700::1111', family: 6 }]]);
  assert.deepEqual(await ask('mixed.example', {}), ['1.1.1.1', 4]);
  const words = async (name) => (await ask(name, { all: true }).catch((error) => error)).message.replace(name, 'NAME');
  assert.match(await words('inside.example'), /not found on the internet.*GRANARY_ALLOW_PRIVATE_SOURCES/);
  assert.equal(await words('inside.example'), await words('nowhere.example'));
});

test('a source in a private network is not connected to', async () => {
  const before = server.seen.length;
  const { port } = new URL(server.url);
  await assert.rejects(pom(['repository'], { env: {} }), refused(Code.SOURCE, /private network/));
  for (const nothing of ['', 'false', '1']) {
    await assert.rejects(pom(['repository'], { env: { GRANARY_ALLOW_PRIVATE_SOURCES: nothing } }), refused(Code.SOURCE, /private network/));
  }
  // By a name that means it, at once and after a redirect.
  const asked = [];
  const resolve = (name, options, done) => {
    asked.push(name);
    done(null, [{ address: '127.0.0.1', family: 4 }]);
  };
  const named = new Sources([`http://maven.example:${port}/repository`], { pause: 1, seconds: 600, env: {}, resolve });
  await assert.rejects(named.find(module, ['a-1+b.pom']), refused(Code.SOURCE, /not found on the internet/));
  const ask = async (at, init) => {
    const location = `http://elsewhere.example:${port}/repository/g/a/1%2Bb/a-1+b.pom`;
    return new URL(at).hostname === 'maven.example' ? new Response(null, { status: 302, headers: { location } }) : await send(at, init);
  };
  const led = new Sources([`http://maven.example:${port}/repository`], { pause: 1, seconds: 600, env: {}, resolve, ask });
  await assert.rejects(led.find(module, ['a-1+b.pom']), refused(Code.SOURCE, /'elsewhere.example' is not found on the internet/));
  assert.deepEqual(new Set(asked), new Set(['maven.example', 'elsewhere.example']));
  assert.equal(server.seen.length, before);
});

test('the registry itself may be anywhere, and nobody else leads to it', async () => {
  assert.equal((await pom(['repository'], { env: { GRANARY_URL: server.url } })).bytes.toString(), '<project/>');
  const before = server.seen.length;
  const other = { GRANARY_URL: 'http://127.0.0.1:1' };
  await assert.rejects(pom(['repository'], { env: other }), refused(Code.SOURCE, /private network/));
  const location = `${server.url}/repository/g/a/1%2Bb/a-1+b.pom`;
  const ask = async (at, init) =>
    at.startsWith(server.url) ? await send(at, init) : new Response(null, { status: 302, headers: { location } });
  const led = new Sources(['http://maven.example'], { pause: 1, ask, env: { GRANARY_URL: server.url } });
  await assert.rejects(led.find(module, ['a-1+b.pom']), refused(Code.SOURCE, /private network/));
  assert.equal(server.seen.length, before);
  // It says itself where its files are.
  const home = new Sources(['http://registry.example'], { pause: 1, seconds: 600, ask, env: { GRANARY_URL: 'http://registry.example' } });
  assert.equal((await home.find(module, ['a-1+b.pom'])).bytes.toString(), '<project/>');
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
