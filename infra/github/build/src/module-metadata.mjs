// Gradle Module Metadata (`.module`), as far as choosing the JavaScript variant of a library needs it.

import { Code, Failure, shown } from './failure.mjs';
import { artifact, coordinates, group, spelled, version } from './coordinates.mjs';

const PLATFORM = 'org.jetbrains.kotlin.platform.type';
const COMPILER = 'org.jetbrains.kotlin.js.compiler';
const NATIVE = 'org.jetbrains.kotlin.native.target';
const PACKAGING = 'org.jetbrains.kotlin.klib.packaging';
const CATEGORY = 'org.gradle.category';
const USAGE = 'org.gradle.usage';
const STATUS = 'org.jetbrains.kotlin.localToProject';

/** Most modules that one module may ask for. */
const MAX_DEPENDENCIES = 500;

/**
 * Reads a `.module` file. The result has `component` (coordinates of the library it belongs to) and `variants`, each
 * with `name`, `attributes`, and what else the file says.
 */
export function parseModule(what, bytes) {
  const wrong = (why) => new Failure(Code.SOURCE, `the module metadata of ${what} cannot be used: ${why}`);
  let document;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw wrong('it is not JSON');
  }
  if (!/^1\.\d+$/.test(String(document?.formatVersion))) {
    throw wrong(`its format is ${shown(document?.formatVersion)}, and only 1.x is known`);
  }
  if (!Array.isArray(document.variants) || document.variants.length > 1000) {
    throw wrong('it has no list of variants');
  }
  const variants = document.variants.map((variant) => {
    if (typeof variant?.name !== 'string' || !isObject(variant.attributes ?? {})) {
      throw wrong('a variant has no name or no attributes');
    }
    return { ...variant, attributes: variant.attributes ?? {} };
  });
  return { component: document.component ?? {}, variants };
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a library can be used on, for messages: `js`, `jvm`, `ios_arm64` and so on. */
export function targets(module) {
  const names = module.variants.map(({ attributes }) => attributes[NATIVE] ?? attributes[PLATFORM]);
  return [...new Set(names.filter((name) => typeof name === 'string'))].sort();
}

/**
 * The variant with the JavaScript klib: for the IR compiler, at run time if the library says so (what it only needs
 * for itself is listed there too). `wanted` are the capabilities that a dependency asks for, usually none.
 */
export function jsVariant(what, module, wanted = []) {
  const forJs = module.variants.filter(({ attributes }) => attributes[PLATFORM] === 'js');
  const libraries = forJs.filter(
    ({ attributes }) => (attributes[CATEGORY] ?? 'library') === 'library' && /^kotlin-(api|runtime)$/.test(attributes[USAGE]),
  );
  if (libraries.length === 0) {
    const has = targets(module).map((name) => shown(name, 40)).join(', ') || 'no Kotlin target';
    throw new Failure(Code.NO_TARGET, `${what} has no JavaScript target; it is published for ${has}`);
  }
  const usable = libraries.filter(({ attributes }) => (attributes[COMPILER] ?? 'ir') === 'ir');
  if (usable.length === 0) {
    throw new Failure(
      Code.UNSUPPORTED,
      `${what} is published for Kotlin's old JavaScript compiler only; it has to be built with the IR compiler`,
    );
  }
  const offering = usable.filter((variant) => offers(variant, module.component, wanted));
  const runtime = offering.filter(({ attributes }) => attributes[USAGE] === 'kotlin-runtime');
  const left = runtime.length > 0 ? runtime : offering;
  // Since Kotlin 2.2 a klib may be published as a folder too; those are for use inside of one build.
  const packed = left.filter(
    ({ attributes }) => (attributes[PACKAGING] ?? 'packed') === 'packed' && attributes[STATUS] === undefined,
  );
  if (packed.length !== 1) {
    const names = left.map(({ name }) => shown(name, 60)).join(', ') || 'none with the capability that is asked for';
    throw new Failure(Code.UNSUPPORTED, `${what} has not one JavaScript variant to use but these: ${names}`);
  }
  return packed[0];
}

/** Capabilities of other things, such as test fixtures, do not stand for the library itself. */
function offers(variant, component, wanted) {
  const named = ({ group: g, name }) => `${g}:${name}`;
  const own = `${component.group}:${component.module}`;
  const offered = (variant.capabilities ?? []).map(named);
  if (wanted.length > 0) {
    return wanted.every((capability) => offered.includes(named(capability)));
  }
  return offered.length === 0 || offered.includes(own);
}

/** Whether a dependency is on a platform (BOM), which has no code but says versions. */
export function isPlatform(dependency) {
  return /^(enforced-)?platform$/.test(dependency.attributes?.[CATEGORY] ?? '');
}

/** The variant of a platform that says versions. */
export function platformVariant(module) {
  return module.variants.find(({ attributes }) => /platform$/.test(attributes[CATEGORY] ?? '')) ?? null;
}

/** The module that has the files of a variant, or null if they are in this one. */
export function availableAt(what, variant) {
  const at = variant['available-at'];
  if (at === undefined) {
    return null;
  }
  // Its url is left alone: every repository keeps a module in the folder of its name.
  return strangers(what, () => coordinates(at?.group, at?.module, at?.version));
}

/** The klib of a variant: `{ url, digests }`. */
export function klibFile(what, variant) {
  const files = (Array.isArray(variant.files) ? variant.files : []).filter(({ url }) => /\.klib$/.test(url));
  if (files.length !== 1) {
    throw new Failure(
      Code.UNSUPPORTED,
      `${what} has ${files.length} klibs in its variant ${shown(variant.name, 60)}, and one is needed; ` +
        'libraries of before Kotlin 1.4 cannot be used',
    );
  }
  const { url, sha512, sha256, sha1 } = files[0];
  return { url, digests: { sha512, sha256, sha1 } };
}

/**
 * What a variant asks for, with `constraints` for its version constraints: `{ group, module, wanted, strict,
 * isPlatform, capabilities }`; `wanted` is null if no version is given.
 */
export function requests(what, variant, list = 'dependencies') {
  const entries = variant[list] ?? [];
  if (!Array.isArray(entries) || entries.length > MAX_DEPENDENCIES) {
    throw new Failure(Code.SOURCE, `the module metadata of ${what} cannot be used: ${list} is no short list`);
  }
  return entries.map((entry) =>
    strangers(what, () => {
      const { strictly, requires, prefers } = entry.version ?? {};
      const wanted = strictly ?? requires ?? prefers;
      return {
        group: group(entry.group),
        module: artifact(entry.module),
        wanted: wanted === undefined || wanted === '' ? null : plainVersion(what, entry, wanted),
        strict: strictly !== undefined && strictly !== '',
        isPlatform: isPlatform(entry),
        capabilities: entry.requestedCapabilities ?? [],
      };
    }),
  );
}

/** A range would make two builds of one version differ, and published libraries have resolved ones. */
export function plainVersion(what, { group: g, module }, text) {
  if (/[[\](),+]$|^[[\](),]|^latest\./.test(text)) {
    throw new Failure(
      Code.DEPENDENCY,
      `${what} asks for a range of versions of ${shown(g)}:${shown(module)}, '${shown(text)}'; only plain versions can be built`,
    );
  }
  return version(text);
}

/** What is wrong with names in a file of a stranger is no mistake of whoever calls the script. */
function strangers(what, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof Failure && error.code === Code.USAGE) {
      throw new Failure(Code.SOURCE, `the metadata of ${what} cannot be used: ${error.message}`);
    }
    throw error;
  }
}

/** Fails unless metadata belongs to the module it was asked for. */
export function checkComponent(module, { component }) {
  const { group: g, module: m, version: v } = component;
  // In a target's own metadata the component is the library that the target belongs to.
  if (g !== module.group || v !== module.version || !`${module.artifact}-`.startsWith(`${m}-`)) {
    throw new Failure(
      Code.SOURCE,
      `the module metadata of ${spelled(module)} is that of ${shown(g)}:${shown(m)}:${shown(v)}`,
    );
  }
}
