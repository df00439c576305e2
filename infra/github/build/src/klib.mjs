// What a klib says of itself.

import { Code, Failure, shown } from './failure.mjs';
import { readZip } from './zip.mjs';

const MAX_MANIFEST = 4 * 1024 * 1024;

/**
 * Reads a klib: `{ abi, compiler, platform, uniqueName, npm }`. `abi` is the version of the format, `npm` the
 * package.json that Gradle puts beside the code, or null.
 */
export function readKlib(what, bytes) {
  let entries;
  let manifest;
  let description;
  try {
    entries = readZip(bytes, MAX_MANIFEST);
    manifest = entries.get('default/manifest')?.().toString('utf8');
    description = entries.get('package.json')?.().toString('utf8');
  } catch (error) {
    throw new Failure(Code.UNSUPPORTED, `the klib of ${what} cannot be read: ${shown(error.message)}`);
  }
  if (manifest === undefined || ![...entries.keys()].some((name) => name.startsWith('default/ir/'))) {
    throw new Failure(Code.UNSUPPORTED, `the klib of ${what} has no code for Kotlin's IR compiler`);
  }
  const properties = parseProperties(manifest);
  return {
    abi: properties.abi_version ?? '',
    compiler: properties.compiler_version ?? '',
    platform: properties.builtins_platform ?? '',
    uniqueName: properties.unique_name ?? '',
    npm: description === undefined ? null : parseDescription(what, description),
  };
}

function parseProperties(text) {
  const pairs = text.split('\n').map((line) => /^([^=]+)=(.*)$/.exec(line.trimEnd()));
  return Object.fromEntries(pairs.filter(Boolean).map(([, key, value]) => [key, value.replace(/\\(.)/g, '$1')]));
}

function parseDescription(what, text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure(Code.UNSUPPORTED, `the package.json in the klib of ${what} is not JSON`);
  }
}

/** Fails if a compiler, which reads klibs up to its own ABI version, cannot read a klib. */
export function checkReadable(what, klib, compiler) {
  if (klib.platform !== '' && klib.platform !== 'JS') {
    throw new Failure(Code.UNSUPPORTED, `the klib of ${what} is for ${shown(klib.platform, 20)} and not for JavaScript`);
  }
  const [minor, newest] = [klib.abi, compiler.abi].map((abi) => /^(\d{1,4})\.(\d{1,4})\./.exec(abi));
  if (minor === null) {
    throw new Failure(Code.UNSUPPORTED, `the klib of ${what} does not say its ABI version`);
  }
  const order = Number(minor[1]) - Number(newest[1]) || Number(minor[2]) - Number(newest[2]);
  if (order > 0) {
    throw new Failure(
      Code.UNSUPPORTED,
      `the klib of ${what} has ABI version ${shown(klib.abi, 20)} (Kotlin ${shown(klib.compiler, 30)}), and Kotlin ` +
        `${compiler.version} reads up to ${newest[1]}.${newest[2]}; a newer kotlin-compiler is needed in package.json`,
    );
  }
}

// What npm calls a range, without addresses, files and tags.
const RANGE = /^[0-9A-Za-z.*^~<>=| +-]{1,100}$/;
const NAME = /^(@[A-Za-z0-9._~-]+\/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*$/;

/**
 * npm packages that libraries ask for: `{ dependencies, peerDependencies }`, names in order. `klibs`: list of
 * `{ what, npm }`.
 */
export function npmDependencies(klibs) {
  const merged = { dependencies: new Map(), peerDependencies: new Map() };
  for (const { what, npm } of klibs) {
    for (const kind of ['dependencies', 'peerDependencies']) {
      const wanted = npm?.[kind];
      for (const [name, range] of typeof wanted === 'object' && wanted !== null ? Object.entries(wanted) : []) {
        if (!NAME.test(name) || name.length > 214 || typeof range !== 'string' || !RANGE.test(range)) {
          throw new Failure(
            Code.DEPENDENCY,
            `${what} needs the npm package '${shown(name)}' as '${shown(range)}'; only names and ranges of versions are taken`,
          );
        }
        const known = merged[kind].get(name);
        merged[kind].set(name, known === undefined ? range : both(name, known, range));
      }
    }
  }
  const sorted = (map) => Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
  return { dependencies: sorted(merged.dependencies), peerDependencies: sorted(merged.peerDependencies) };
}

/** A range that both ranges have in common: npm reads a space as 'and'. */
function both(name, one, other) {
  if (one === other || other === '*') return one;
  if (one === '*') return other;
  if (`${one}${other}`.includes('||') || / - /.test(`${one} ${other}`)) {
    throw new Failure(Code.DEPENDENCY, `the npm package ${name} is wanted as '${shown(one)}' and as '${shown(other)}'`);
  }
  return `${one} ${other}`;
}
