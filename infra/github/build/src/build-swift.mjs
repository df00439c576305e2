// Builds a Swift package of a Kotlin Multiplatform library: an XCFramework, by Gradle on a Mac.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { options } from './args.mjs';
import { coordinates, packageVersion, semver, spelled } from './coordinates.mjs';
import { authorizer } from './credentials.mjs';
import { Code, Failure, main } from './failure.mjs';
import { parseModule, targets as targetsOf } from './module-metadata.mjs';
import { building, writeRelease } from './out.mjs';
import { run } from './run.mjs';
import { Sources, missing, repositoryUrl } from './source.mjs';
import { APPLE_TARGETS, appleTargets, moduleName, packageSwift, swiftIdentity, swiftModule } from './swift-package.mjs';

const USAGE = `Usage: build-swift --group GROUP --artifact ARTIFACT --version VERSION --scope SCOPE --name NAME
                   --targets TARGET[,TARGET ...] --repository URL [--repository URL ...] --out FOLDER
                   [--module MODULE] [--package-version VERSION] [--check]

Builds the Swift package SCOPE.NAME, which is an XCFramework of the Apple targets of a Kotlin Multiplatform library:
FOLDER/NAME-<version>.zip. Prints what it has made as JSON. If it fails, FOLDER/error.txt says why.

  --targets          as Gradle calls them: iosArm64, iosSimulatorArm64, macosArm64, ...
  --module           what Swift code imports; my-library is MyLibrary if it is not given
  --repository       Maven repository; they are searched in turn
  --package-version  version of the package, where that of the library is no semantic version
  --check            only looks whether the library has these targets; this is done on any system

Environment: as of build-npm, and GRANARY_GRADLE, the Gradle to run (default: gradle).

Exit codes: 0 done, 2 wrong arguments, 3 no such library or version, 4 a repository cannot be read, 5 no such Apple
target, 7 no module metadata, 9 Gradle cannot build it, 10 Gradle missing, 11 this is no Mac (arguments were right), 12
the registry refuses the job, 1 a mistake of this script.`;

/** Longest time of the whole build: the first one downloads Kotlin/Native. */
const MINUTES = 50;

/** Fails unless the library is published for all targets. */
async function check(sources, module, targets) {
  const what = spelled(module);
  const name = `${module.artifact}-${module.version}`;
  const found = await sources.find(module, [`${name}.module`, `${name}.pom`]);
  if (found === null) {
    throw new Failure(Code.NOT_FOUND, missing(module, sources.urls));
  }
  if (!found.name.endsWith('.module')) {
    throw new Failure(Code.UNSUPPORTED, `${what} is published without Gradle module metadata, which its Apple targets need`);
  }
  const has = targetsOf(parseModule(what, found.bytes));
  const lacking = targets.filter((target) => !has.includes(APPLE_TARGETS.get(target)[0]));
  if (lacking.length > 0) {
    const known = [...APPLE_TARGETS].filter(([, [konan]]) => has.includes(konan)).map(([target]) => target);
    throw new Failure(
      Code.NO_TARGET,
      `${what} is not published for ${lacking.join(', ')}; its Apple targets are ${known.join(', ') || 'none'}`,
    );
  }
}

/** A file of Java properties. Everything in it is checked before; what is not plain is escaped all the same. */
function properties(values) {
  const escape = (text) => text.replace(/[^A-Za-z0-9._~/,+@-]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return Object.entries(values).map(([name, value]) => `${name}=${escape(value)}\n`).join('');
}

/** Builds the XCFramework: its path in `work`. */
async function assemble(work, { module, frameworkName, targets, urls, authorize, kotlin }) {
  await cp(fileURLToPath(new URL('../swift', import.meta.url)), work, { recursive: true });
  const values = {
    'granary.dependency': spelled(module),
    'granary.module': frameworkName,
    'granary.targets': targets.join(','),
    'granary.repositories': urls.join(','),
    'granary.kotlin': kotlin,
    'org.gradle.jvmargs': '-Xmx3g',
    'kotlin.native.ignoreDisabledTargets': 'true',
  };
  await writeFile(join(work, 'gradle.properties'), properties(values));
  const secrets = {};
  for (const [index, url] of urls.entries()) {
    const header = await authorize(url);
    if (header !== undefined) secrets[`GRANARY_AUTHORIZATION_${index}`] = header;
  }
  const task = `assemble${frameworkName}ReleaseXCFramework`;
  const args = ['--no-daemon', '--console=plain', '--project-dir', work, task];
  const { status, output } = await run(process.env.GRANARY_GRADLE || 'gradle', args, { cwd: work, minutes: MINUTES, secrets, echo: true });
  if (status !== 0) {
    const wrong = /\* What went wrong:\n([\s\S]*?)\n\n\* Try:/.exec(output)?.[1] ?? output.trim().split('\n').slice(-10).join('\n');
    throw new Failure(Code.COMPILER, `Gradle cannot build it:\n${wrong.slice(0, 1500)}`);
  }
  const framework = join(work, 'build', 'XCFrameworks', 'release', `${frameworkName}.xcframework`);
  if (!(await stat(join(framework, 'Info.plist')).catch(() => null))) {
    throw new Failure(Code.COMPILER, `Gradle says that it is done and has written no ${frameworkName}.xcframework`);
  }
  return framework;
}

async function sha256(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

async function kotlinVersion() {
  const own = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  return own.dependencies['kotlin-compiler'];
}

async function build(out, request) {
  const { identity, version, targets, frameworkName } = request;
  const work = await mkdtemp(join(tmpdir(), 'granary-swift-'));
  try {
    const framework = await assemble(work, { ...request, kotlin: await kotlinVersion() });
    const file = `${identity.name}-${version}.zip`;
    await packageSwift(join(out, file), { name: identity.name, version, module: frameworkName, targets }, framework);
    await writeRelease(out, { packageType: 'swift', scope: identity.scope, packageName: identity.name, version, file });
    const path = join(out, file);
    return { name: `${identity.scope}.${identity.name}`, version, file: path, size: (await stat(path)).size, sha256: await sha256(path) };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

await main('build-swift', async () => {
  const given = options(
    process.argv.slice(2),
    {
      group: { required: true },
      artifact: { required: true },
      version: { required: true },
      scope: { required: true },
      name: { required: true },
      targets: {},
      repository: { required: true, multiple: true },
      out: { required: true },
      module: {},
      'package-version': {},
      check: { flag: true },
    },
    USAGE,
  );
  const out = resolve(given.out);
  const made = await building(out, async () => {
    const module = coordinates(given.group, given.artifact, given.version);
    const identity = swiftIdentity(given.scope, given.name);
    if (given.targets === undefined) {
      throw new Failure(Code.USAGE, 'no Apple target is named; give --targets, such as iosArm64,macosArm64');
    }
    const targets = appleTargets(given.targets);
    const frameworkName = given.module === undefined ? moduleName(identity.name) : swiftModule(given.module);
    const urls = given.repository.map(repositoryUrl);
    const wanted = given['package-version'];
    const version = wanted === undefined ? packageVersion(module.version) : semver(wanted);
    if (!given.check && process.platform !== 'darwin') {
      throw new Failure(Code.NOT_MACOS, 'an XCFramework can be built on macOS only; the arguments are right');
    }
    const authorize = authorizer(urls);
    await check(new Sources(urls, { authorize }), module, targets);
    const request = { module, identity, version, targets, frameworkName, urls, authorize };
    return given.check ? { targets } : await build(out, request);
  });
  console.log(JSON.stringify(made));
});
