// Builds an npm package of a Kotlin Multiplatform library.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { options } from './args.mjs';
import { compareVersions, coordinates, npmName, packageVersion, semver, spelled } from './coordinates.mjs';
import { Code, Failure, main } from './failure.mjs';
import { authorizer } from './credentials.mjs';
import { checkReadable, readKlib } from './klib.mjs';
import { findCompiler, link } from './kotlin.mjs';
import { packageFiles } from './npm-package.mjs';
import { building, writeRelease } from './out.mjs';
import { Resolver } from './resolve.mjs';
import { Sources, repositoryUrl } from './source.mjs';
import { npmTarball } from './tar.mjs';

const USAGE = `Usage: build-npm --group GROUP --artifact ARTIFACT --version VERSION --name NAME
                 --repository URL [--repository URL ...] --out FOLDER
                 [--package-version VERSION] [--timeout SECONDS]

Builds the npm package NAME of the JavaScript target of a Kotlin Multiplatform library: FOLDER/package and
FOLDER/<name>-<version>.tgz. Prints what it has made as JSON. If it fails, FOLDER/error.txt says why.

  --repository       Maven repository; the first one that has a module is used for it
  --package-version  version of the package, where that of the library is no semantic version
  --timeout          how long a repository may keep silent, 1 to 600 seconds (default 30)

Environment: GRANARY_SOURCE_USERNAME and GRANARY_SOURCE_PASSWORD are told to the first repository; GRANARY_URL with
GRANARY_BUILD_TOKEN, or with GRANARY_BUILD_ID inside of a GitHub job, to repositories of that registry.
GRANARY_ALLOW_PRIVATE_SOURCES: with 'true', repositories may be at private addresses; that of GRANARY_URL always may.
GRANARY_KOTLIN_COMPILER: folder of the npm package kotlin-compiler. JAVA_HOME: Java 17 or newer.

Exit codes: 0 done, 2 wrong arguments, 3 no such library or version, 4 a repository cannot be read, 5 no JavaScript
target, 6 nothing exported, 7 built in a way that cannot be used, 8 a dependency is missing or contradicts another,
9 the compiler refuses it, 10 compiler or Java missing, 12 the registry refuses the job, 1 a mistake of this script.`;

async function build({ module, name, version, urls, seconds, out }) {
  const compiler = await findCompiler();
  const sources = new Sources(urls, { authorize: authorizer(urls), seconds });
  const closure = await new Resolver(sources).closure(module);
  console.error(`${spelled(module)}: ${closure.libraries.length + 1} klibs, Kotlin ${compiler.version}`);
  const klibs = [closure.root, ...closure.libraries].map(({ module: of, klib }) => {
    const what = spelled(of);
    const read = readKlib(what, klib);
    checkReadable(what, read, compiler);
    return { what, npm: read.npm };
  });
  checkStdlib(closure, compiler, module);
  const work = await mkdtemp(join(tmpdir(), 'granary-npm-'));
  try {
    const linked = await link(compiler, work, closure.root, closure.libraries, module.artifact);
    return await write(out, { name, version, module }, packageFiles({ name, version, module }, closure, linked, klibs, compiler));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function checkStdlib({ stdlib }, compiler, module) {
  if (stdlib !== null && compareVersions(stdlib, compiler.version) > 0) {
    throw new Failure(
      Code.UNSUPPORTED,
      `${spelled(module)} needs the standard library of Kotlin ${stdlib}, and the compiler is ${compiler.version}; a ` +
        'newer kotlin-compiler is needed in package.json',
    );
  }
}

async function write(out, { name, version }, files) {
  for (const { name: file, bytes } of files) {
    const path = join(out, 'package', file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  const tarball = npmTarball(files);
  const file = `${name.split('/').at(-1)}-${version}.tgz`;
  await writeFile(join(out, file), tarball);
  await writeRelease(out, { packageType: 'npm', packageName: name, version, file });
  return { name, version, file: join(out, file), size: tarball.length, sha256: createHash('sha256').update(tarball).digest('hex') };
}

await main('build-npm', async () => {
  const given = options(
    process.argv.slice(2),
    {
      group: { required: true },
      artifact: { required: true },
      version: { required: true },
      name: { required: true },
      repository: { required: true, multiple: true },
      out: { required: true },
      'package-version': {},
      timeout: {},
    },
    USAGE,
  );
  const out = resolve(given.out);
  const made = await building(out, async () => {
    const module = coordinates(given.group, given.artifact, given.version);
    const name = npmName(given.name);
    const urls = given.repository.map(repositoryUrl);
    const wanted = given['package-version'];
    const version = wanted === undefined ? packageVersion(module.version) : semver(wanted);
    if (!/^([1-9]\d?|[1-5]\d\d|600)$/.test(given.timeout ?? '30')) {
      throw new Failure(Code.USAGE, '--timeout is a number of seconds from 1 to 600');
    }
    return await build({ module, name, version, urls, seconds: Number(given.timeout ?? '30'), out });
  });
  console.log(JSON.stringify(made));
});
