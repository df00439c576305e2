// Names and versions. They come from strangers: everything is checked here before it is used in a path, an address or
// a file. The grammars are those of the registry itself (shared/model).

import { Code, Failure, shown } from './failure.mjs';

const MAX_NAME = 256;
const MAX_VERSION = 128;

function plainDots(text) {
  return text !== '' && !text.startsWith('.') && !text.endsWith('.') && !text.includes('..');
}

function checked(what, text, fits, rule) {
  if (typeof text !== 'string' || !fits) {
    throw new Failure(Code.USAGE, `'${shown(text)}' is not ${what}: ${rule}`);
  }
  return text;
}

/** A Maven group id. */
export function group(text) {
  const fits = typeof text === 'string' && text.length <= MAX_NAME && plainDots(text) && /^[A-Za-z0-9_.-]+$/.test(text);
  return checked('a group id', text, fits, "it has letters, digits, '_' and '-' in parts joined by dots");
}

/** A Maven artifact id. */
export function artifact(text) {
  const fits = typeof text === 'string' && text.length <= MAX_NAME && plainDots(text) && /^[A-Za-z0-9_.-]+$/.test(text);
  return checked('an artifact id', text, fits, "it has letters, digits, '_', '-' and inner dots");
}

/** A Maven version. */
export function version(text) {
  const fits =
    typeof text === 'string' && text.length <= MAX_VERSION && plainDots(text) && /^[A-Za-z0-9_.+~-]+$/.test(text);
  return checked('a version', text, fits, "it has letters, digits, '_', '-', '+', '~' and inner dots");
}

/** Coordinates of a Maven module. */
export function coordinates(groupText, artifactText, versionText) {
  return { group: group(groupText), artifact: artifact(artifactText), version: version(versionText) };
}

/** `group:artifact:version`. */
export function spelled({ group: g, artifact: a, version: v }) {
  return `${g}:${a}:${v}`;
}

/** The folder of a module in a Maven repository. */
export function folder({ group: g, artifact: a, version: v }) {
  return `${g.replaceAll('.', '/')}/${a}/${v}`;
}

/** A name of an npm package, for one that is published new: npm refuses upper case there. */
export function npmName(text) {
  const part = /^[a-z0-9~-][a-z0-9._~-]*$/;
  const [, scope, base] = /^(?:@([^/]*)\/)?([^/]*)$/.exec(typeof text === 'string' ? text : '/') ?? [];
  const fits =
    base !== undefined &&
    text.length <= 214 &&
    [scope, base].every((p) => p === undefined || (part.test(p) && !p.endsWith('.') && p !== '-')) &&
    !['node_modules', 'favicon.ico'].includes(text);
  return checked('a name of an npm package', text, fits, "it is name or @scope/name of small letters, digits, '-', '.', '_'");
}

const IDENTIFIERS = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
const SEMVER = new RegExp(`^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-(${IDENTIFIERS}))?(?:\\+(${IDENTIFIERS}))?$`);

/** Whether a text is a version as npm and Swift want it (Semantic Versioning 2.0.0). */
export function isSemver(text) {
  const found = typeof text === 'string' && text.length <= 256 ? SEMVER.exec(text) : null;
  // A numeric identifier of a pre-release has no leading zero.
  return found !== null && (found[4] ?? '').split('.').every((id) => !/^0\d+$/.test(id));
}

/** A version given for a package. */
export function semver(text) {
  return checked('a semantic version', text, isSemver(text), 'it has the form 1.2.3 or 1.2.3-rc.1');
}

/**
 * The version of the package that is built of a Maven version: as it is if it is a semantic version, and with zeros
 * for a missing minor and patch (`1.1` is 1.1.0, `2-rc1` is 2.0.0-rc1). Nothing else is guessed: `1.0.0.Final` could
 * meet `1.0.0`, so whoever asks for it gives the version himself.
 */
export function packageVersion(mavenVersion) {
  const short = /^(\d+)(?:\.(\d+))?(-[0-9A-Za-z.+-]+)?$/.exec(mavenVersion);
  const full = short ? `${short[1]}.${short[2] ?? '0'}.0${short[3] ?? ''}` : mavenVersion;
  for (const candidate of [mavenVersion, full]) {
    if (isSemver(candidate)) {
      return candidate;
    }
  }
  throw new Failure(
    Code.USAGE,
    `the version '${shown(mavenVersion)}' is not a semantic version; give the package's own with --package-version`,
  );
}

// Words of qualifiers, in the order of Maven; a text without one stands between 'rc' and 'sp'.
const QUALIFIERS = ['dev', 'alpha', 'a', 'beta', 'b', 'milestone', 'm', 'cr', 'rc', 'snapshot', '', 'final', 'ga', 'release', 'sp'];
const RANK = new Map(QUALIFIERS.map((word, index) => [word, index]));
const PLAIN = RANK.get('');

/**
 * Which of two versions is newer, for choosing among those that several modules ask for: below 0, 0 or above 0. Parts
 * are compared in turn, numbers as numbers, words by rank and then by name, as Maven does for all that libraries use.
 */
export function compareVersions(one, other) {
  const parts = (text) => text.toLowerCase().match(/\d+|[a-z]+/g) ?? [];
  const [left, right] = [parts(one), parts(other)];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const order = comparePart(left[i], right[i]);
    if (order !== 0) {
      return order;
    }
  }
  return 0;
}

function comparePart(one, other) {
  const isNumber = (part) => part !== undefined && /^\d/.test(part);
  if (isNumber(one) || isNumber(other)) {
    // A number is above a word, and a missing one is 0.
    if (one !== undefined && !isNumber(one)) return -1;
    if (other !== undefined && !isNumber(other)) return 1;
    const [left, right] = [BigInt(one ?? '0'), BigInt(other ?? '0')];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  const rank = (part) => RANK.get(part ?? '') ?? PLAIN - 0.5;
  return Math.sign(rank(one) - rank(other)) || (one ?? '').localeCompare(other ?? '', 'en');
}
