// The JavaScript klib of a library, and those of everything that it needs.

import { Code, Failure, shown } from './failure.mjs';
import { artifact as artifactId, compareVersions, group as groupId, spelled } from './coordinates.mjs';
import {
  availableAt, checkComponent, jsVariant, klibFile, parseModule, plainVersion, platformVariant, requests,
} from './module-metadata.mjs';
import { parsePom } from './pom.mjs';
import { MAX_LIBRARY, Sources, missing, verify } from './source.mjs';

const MAX_MODULES = 400;
/** How often the choice of versions may change. */
const MAX_ROUNDS = 50;

/**
 * The standard library is the compiler's own: the compiler accepts no other (it wants the ABI version of its own
 * release), and programs built against an older one run with it.
 */
const STANDARD = new Set(['kotlin-stdlib', 'kotlin-stdlib-js', 'kotlin-stdlib-common']);

function isStandard({ group, module }) {
  return group === 'org.jetbrains.kotlin' && STANDARD.has(module);
}

/** Reads modules from repositories, each once. */
export class Resolver {
  constructor(sources) {
    this.sources = sources;
    this.read = new Map();
  }

  /**
   * Everything that is linked for a library: `{ pom, root, libraries, stdlib }`. `root` and each of `libraries` (in the
   * order of their names) have `module` and `klib`; `stdlib` is the newest version of the standard library that any
   * of them asks for, or null.
   */
  async closure(module) {
    let root = await this.library(module, []);
    if (root.file === null) {
      const { capabilities, from, group, module: name, wanted } = root.requests[0];
      root = await this.library({ group, artifact: name, version: wanted }, capabilities, from);
    }
    if (root.file === null) {
      throw new Failure(Code.SOURCE, `${spelled(root.at)} names another module in turn; its metadata is broken`);
    }
    const { selected, stdlib } = await this.select(root, module);
    const libraries = [];
    for (const name of [...selected.keys()].sort()) {
      const { found } = selected.get(name);
      if (found.file !== null) {
        libraries.push({ module: found.at, klib: await this.klib(found) });
      }
    }
    return { pom: await this.pom(module), root: { module: root.at, klib: await this.klib(root) }, libraries, stdlib };
  }

  /**
   * Chooses one version of each module: the highest that anything chosen asks for, as Gradle does. It is done anew
   * until nothing changes, so what only a version asked for that lost does not count.
   */
  async select(root, module) {
    let versions = new Map();
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const walk = await this.walk(root, module, versions);
      const grown = new Map();
      for (const [name, list] of walk.wanted) {
        grown.set(name, list.map(({ wanted }) => wanted).reduce((a, b) => (compareVersions(b, a) > 0 ? b : a)));
      }
      const isSame = grown.size === versions.size && [...grown].every(([name, wanted]) => versions.get(name) === wanted);
      if (isSame) {
        for (const { error } of walk.selected.values()) {
          if (error !== undefined) throw error;
        }
        checkStrict(walk.wanted, versions);
        return walk;
      }
      versions = grown;
    }
    throw new Failure(Code.DEPENDENCY, `no versions of the dependencies of ${spelled(module)} fit together`);
  }

  /** One walk over the graph with what the previous one has chosen. */
  async walk(root, module, versions) {
    const selected = new Map();
    const wanted = new Map();
    let stdlib = null;
    const own = new Set([`${module.group}:${module.artifact}`, `${root.at.group}:${root.at.artifact}`]);
    const ask = (request, by) => {
      const name = `${request.group}:${request.module}`;
      if (request.wanted !== null) {
        wanted.set(name, [...(wanted.get(name) ?? []), { wanted: request.wanted, strict: request.strict, by }]);
      }
      return name;
    };
    const constraints = [];
    const queue = [root];
    while (queue.length > 0) {
      const found = queue.shift();
      const by = spelled(found.at);
      constraints.push(...found.constraints.map((request) => ({ request, by })));
      for (const request of found.requests) {
        if (own.has(`${request.group}:${request.module}`)) {
          continue;
        }
        if (isStandard(request)) {
          if (request.wanted !== null && (stdlib === null || compareVersions(request.wanted, stdlib) > 0)) {
            stdlib = request.wanted;
          }
          continue;
        }
        const name = ask(request, by);
        if (selected.has(name)) {
          continue;
        }
        if (selected.size >= MAX_MODULES) {
          throw new Failure(Code.DEPENDENCY, `more than ${MAX_MODULES} modules are needed`);
        }
        const version = versions.get(name) ?? request.wanted;
        // Without a version yet: a constraint, which is read later in this walk, may give one in the next.
        selected.set(name, { found: null, by });
        if (version === null) {
          continue;
        }
        try {
          const next = await this.dependency({ group: request.group, artifact: request.module, version }, request, by);
          selected.get(name).found = next;
          queue.push(next);
        } catch (error) {
          // Counts only if this version is the one that is chosen in the end.
          if (!(error instanceof Failure) || error.code === Code.SOURCE) throw error;
          selected.get(name).error = error;
        }
      }
    }
    for (const { request, by } of constraints) {
      if (selected.has(`${request.group}:${request.module}`) && !isStandard(request)) {
        ask(request, by);
      }
    }
    for (const [name, { found, error, by }] of selected) {
      if (found === null && error === undefined && !wanted.has(name)) {
        throw new Failure(Code.DEPENDENCY, `${by} asks for ${name} without a version, and nothing gives one`);
      }
    }
    return { selected, wanted, stdlib };
  }

  async dependency(module, request, by) {
    try {
      const { capabilities, from } = request;
      return request.isPlatform ? await this.platform(module) : await this.library(module, capabilities, from);
    } catch (error) {
      if (error instanceof Failure && [Code.NOT_FOUND, Code.NO_TARGET].includes(error.code)) {
        throw new Failure(Code.DEPENDENCY, `${by} needs ${spelled(module)}: ${error.message}`);
      }
      throw error;
    }
  }

  /**
   * The JavaScript variant of a module: `{ at, base, url, file, requests, constraints }`. A library whose variants are
   * modules of their own has no file and asks for that of JavaScript, as others may ask for that one directly.
   */
  async library(module, capabilities, from) {
    const key = `${spelled(module)} ${JSON.stringify(capabilities)}`;
    if (!this.read.has(key)) {
      this.read.set(key, await this.readLibrary(module, capabilities, from));
    }
    return this.read.get(key);
  }

  async readLibrary(module, capabilities, from) {
    const what = spelled(module);
    const file = await this.sources.find(module, [metadataName(module), pomName(module)], from);
    if (file === null) {
      throw new Failure(Code.NOT_FOUND, missing(module, this.sources.urls));
    }
    if (file.name === pomName(module)) {
      return await this.withoutMetadata(module, file);
    }
    const metadata = parseModule(what, file.bytes);
    checkComponent(module, metadata);
    const variant = jsVariant(what, metadata, capabilities);
    const target = availableAt(what, variant);
    if (target === null) {
      return found(module, file, variant);
    }
    const { group, artifact, version: wanted } = target;
    const request = { group, module: artifact, wanted, strict: false, isPlatform: false, capabilities, from: file.base };
    return { at: module, base: file.base, url: file.url, file: null, requests: [request], constraints: [] };
  }

  /** A module that has a POM alone: that of a JavaScript target, or a library whose target stands beside it. */
  async withoutMetadata(module, file) {
    const what = spelled(module);
    const beside = { ...module, artifact: `${module.artifact}-js` };
    for (const target of [module, beside]) {
      const at = await this.sources.find(target, [metadataName(target), pomName(target)]);
      if (at === null) {
        continue;
      }
      if (at.name === metadataName(target)) {
        const metadata = parseModule(spelled(target), at.bytes);
        checkComponent(target, metadata);
        return found(target, at, jsVariant(spelled(target), metadata));
      }
      const name = `${target.artifact}-${target.version}.klib`;
      const url = at.url.slice(0, at.url.lastIndexOf('/') + 1) + encodeURIComponent(name);
      const klib = await this.sources.get(at.base, url, MAX_LIBRARY);
      if (klib !== null) {
        const list = pomRequests(spelled(target), parsePom(spelled(target), at.bytes));
        return { at: target, base: at.base, url: at.url, file: { url, digests: {} }, requests: list, constraints: [] };
      }
    }
    const has = `it has no Gradle module metadata in ${shown(file.base, 200)}, no klib and no ${beside.artifact}`;
    throw new Failure(Code.NO_TARGET, `${what} has no JavaScript target: ${has}`);
  }

  /** A platform says versions and has no code. */
  async platform(module) {
    const file = await this.sources.find(module, [metadataName(module), pomName(module)]);
    if (file === null) {
      throw new Failure(Code.NOT_FOUND, missing(module, this.sources.urls));
    }
    const what = spelled(module);
    const none = { at: module, base: file.base, url: file.url, file: null, requests: [], constraints: [] };
    if (file.name === pomName(module)) {
      const { managed } = parsePom(what, file.bytes);
      return { ...none, constraints: pomRequests(what, { dependencies: managed }) };
    }
    const variant = platformVariant(parseModule(what, file.bytes));
    return { ...none, constraints: variant === null ? [] : requests(what, variant, 'dependencyConstraints') };
  }

  async klib({ at, base, url, file }) {
    const what = spelled(at);
    const address = Sources.inside(base, url, file.url);
    const bytes = await this.sources.get(base, address, MAX_LIBRARY);
    if (bytes === null) {
      throw new Failure(Code.DEPENDENCY, `the klib of ${what} is not in its repository`);
    }
    if (!verify(`the klib of ${what}`, bytes, file.digests)) {
      // Published without module metadata: Maven's own sidecar, where there is one.
      const sum = await this.sources.get(base, `${address}.sha1`, 1024);
      if (sum !== null) {
        verify(`the klib of ${what}`, bytes, { sha1: sum.toString('utf8').trim().split(/\s/)[0] });
      }
    }
    return bytes;
  }

  /** The POM of the library itself, or an empty one: a library without it can still be built. */
  async pom(module) {
    const file = await this.sources.find(module, [pomName(module)]);
    const what = spelled(module);
    return file === null ? parsePom(what, Buffer.from('<project/>')) : parsePom(what, file.bytes);
  }
}

function metadataName({ artifact, version }) {
  return `${artifact}-${version}.module`;
}

function pomName({ artifact, version }) {
  return `${artifact}-${version}.pom`;
}

function found(at, { base, url }, variant) {
  const what = spelled(at);
  return {
    at,
    base,
    url,
    file: klibFile(what, variant),
    requests: requests(what, variant),
    constraints: requests(what, variant, 'dependencyConstraints'),
  };
}

function pomRequests(what, { dependencies }) {
  const used = dependencies.filter(({ scope, isOptional }) => ['compile', 'runtime'].includes(scope) && !isOptional);
  return used.map((entry) => {
    const wanted = entry.wanted === null ? null : plainVersion(what, entry, entry.wanted);
    const { group, module } = { group: groupId(entry.group), module: artifactId(entry.module) };
    return { group, module, wanted, strict: false, isPlatform: false, capabilities: [] };
  });
}

function checkStrict(wanted, versions) {
  for (const [name, list] of wanted) {
    const strict = list.find((entry) => entry.strict && entry.wanted !== versions.get(name));
    if (strict) {
      throw new Failure(
        Code.DEPENDENCY,
        `${strict.by} wants ${name} strictly at ${strict.wanted}, and something else asks for ${versions.get(name)}`,
      );
    }
  }
}

