// Leaves what the jobs `npm` and `swift` of the workflow leave, without a compiler and a Mac: the content of the packages is
// a sample, and they are packed and described as by build-npm and build-swift.
//
// Usage: node results.mjs npm|swift FOLDER, with KMP_NPM_NAME or KMP_SWIFT_PACKAGE and KMP_TARGETS, and KMP_PACKAGE_VERSION

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { npmName, semver } from '../src/coordinates.mjs';
import { writeRelease } from '../src/out.mjs';
import { appleTargets, moduleName, packageSwift, swiftIdentity } from '../src/swift-package.mjs';
import { npmTarball } from '../src/tar.mjs';

async function npm(out, version) {
  const name = npmName(process.env.KMP_NPM_NAME);
  const manifest = { name, version, type: 'module', main: './lib.mjs' };
  const texts = { 'package.json': JSON.stringify(manifest), 'lib.mjs': 'export const one = 1;\n' };
  const files = Object.entries(texts).map(([file, text]) => ({ name: file, bytes: Buffer.from(text, 'utf8') }));
  const file = `${name.split('/').at(-1)}-${version}.tgz`;
  await writeFile(join(out, file), npmTarball(files));
  await writeRelease(out, { packageType: 'npm', packageName: name, version, file });
}

async function swift(out, version) {
  const identity = swiftIdentity(...process.env.KMP_SWIFT_PACKAGE.split('.'));
  const targets = appleTargets(process.env.KMP_TARGETS);
  const file = `${identity.name}-${version}.zip`;
  const framework = await mkdtemp(join(tmpdir(), 'granary-framework-'));
  try {
    await writeFile(join(framework, 'Info.plist'), '<plist version="1.0"><dict/></plist>\n');
    for (const target of targets) {
      await mkdir(join(framework, target));
      await writeFile(join(framework, target, 'library'), 'machine code');
    }
    await packageSwift(join(out, file), { name: identity.name, version, module: moduleName(identity.name), targets }, framework);
  } finally {
    await rm(framework, { recursive: true, force: true });
  }
  await writeRelease(out, { packageType: 'swift', scope: identity.scope, packageName: identity.name, version, file });
}

const [kind, out] = process.argv.slice(2);
await mkdir(out, { recursive: true });
await { npm, swift }[kind](out, semver(process.env.KMP_PACKAGE_VERSION));
