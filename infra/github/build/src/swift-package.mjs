// The Swift package around an XCFramework.

import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

import { Code, Failure, shown } from './failure.mjs';
import { writeZip } from './zip.mjs';

/**
 * Apple targets by the names that Gradle has for them: what Kotlin/Native calls them in metadata, and the platform of a
 * Swift package with the oldest release that Kotlin 2.4 builds for.
 */
export const APPLE_TARGETS = new Map(
  Object.entries({
    iosArm64: ['ios_arm64', '.iOS(.v14)'],
    iosSimulatorArm64: ['ios_simulator_arm64', '.iOS(.v14)'],
    iosX64: ['ios_x64', '.iOS(.v14)'],
    macosArm64: ['macos_arm64', '.macOS(.v11)'],
    macosX64: ['macos_x64', '.macOS(.v11)'],
    tvosArm64: ['tvos_arm64', '.tvOS(.v14)'],
    tvosSimulatorArm64: ['tvos_simulator_arm64', '.tvOS(.v14)'],
    tvosX64: ['tvos_x64', '.tvOS(.v14)'],
    watchosArm32: ['watchos_arm32', '.watchOS(.v7)'],
    watchosArm64: ['watchos_arm64', '.watchOS(.v7)'],
    watchosDeviceArm64: ['watchos_device_arm64', '.watchOS(.v7)'],
    watchosSimulatorArm64: ['watchos_simulator_arm64', '.watchOS(.v7)'],
    watchosX64: ['watchos_x64', '.watchOS(.v7)'],
  }),
);

/** Apple targets of a list such as `iosArm64,macosArm64`; at least one, each once. */
export function appleTargets(text) {
  const names = text.split(',');
  for (const name of names) {
    if (!APPLE_TARGETS.has(name)) {
      const known = [...APPLE_TARGETS.keys()].join(', ');
      throw new Failure(Code.USAGE, `'${shown(name)}' is not an Apple target: there are ${known}`);
    }
  }
  if (new Set(names).size !== names.length) {
    throw new Failure(Code.USAGE, 'an Apple target is named twice');
  }
  return names;
}

/** Scope and name of a package in a Swift registry. */
export function swiftIdentity(scope, name) {
  if (!/^[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}$/.test(scope) || scope.length > 39) {
    throw new Failure(Code.USAGE, `'${shown(scope)}' is not a scope: it has up to 39 letters, digits and inner '-'`);
  }
  if (!/^[A-Za-z0-9](?:[-_]?[A-Za-z0-9]){0,99}$/.test(name) || name.length > 100) {
    throw new Failure(Code.USAGE, `'${shown(name)}' is not a name: it has up to 100 letters, digits, inner '-' and '_'`);
  }
  return { scope, name };
}

/** The module that Swift code imports: `my-library` is MyLibrary. */
export function moduleName(name) {
  const parts = name.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const joined = parts.map((part) => part[0].toUpperCase() + part.slice(1)).join('');
  return swiftModule(/^\d/.test(joined) ? `Kotlin${joined}` : joined);
}

/** The name of a Swift module. */
export function swiftModule(name) {
  if (!/^[A-Z][A-Za-z0-9]{0,99}$/.test(name)) {
    throw new Failure(Code.USAGE, `'${shown(name)}' is not a module: it has letters and digits and begins with a capital`);
  }
  return name;
}

/** `Package.swift` of a package that is one XCFramework. All that goes into it is checked by the functions above. */
export function packageManifest(name, module, targets) {
  const platforms = [...new Set(targets.map((target) => APPLE_TARGETS.get(target)[1]))].sort();
  return `// swift-tools-version:5.9
import PackageDescription

let package = Package(
    name: "${name}",
    platforms: [${platforms.join(', ')}],
    products: [.library(name: "${module}", targets: ["${module}"])],
    targets: [.binaryTarget(name: "${module}", path: "${module}.xcframework")]
)
`;
}

/** Files below a folder in the order of their names, one at a time: frameworks are large. */
async function* walk(folder, prefix) {
  const names = (await readdir(folder)).sort();
  for (const name of names) {
    const [path, entry] = [join(folder, name), `${prefix}/${name}`];
    const found = await lstat(path);
    if (found.isSymbolicLink()) {
      // Bundles of macOS are made of them, and a signature breaks if they become copies.
      yield { name: entry, mode: 0o120777, bytes: Buffer.from(await readlink(path), 'utf8') };
    } else if (found.isDirectory()) {
      yield* walk(path, entry);
    } else if (found.isFile()) {
      yield { name: entry, mode: found.mode & 0o100 ? 0o100755 : 0o100644, bytes: await readFile(path) };
    }
  }
}

/**
 * Writes the archive of a release to `path`: one folder at its top, because SwiftPM takes one off, with the manifest and
 * the framework. The same files make the same bytes.
 */
export async function packageSwift(path, { name, version, module, targets }, framework) {
  const top = `${name}-${version}`;
  async function* entries() {
    const manifest = Buffer.from(packageManifest(name, module, targets), 'utf8');
    yield { name: `${top}/Package.swift`, mode: 0o100644, bytes: manifest };
    yield* walk(framework, `${top}/${module}.xcframework`);
  }
  await writeZip(path, entries());
}
