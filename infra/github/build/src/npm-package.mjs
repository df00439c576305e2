// The npm package around linked code.

import { isBuiltin } from 'node:module';

import { Code, Failure, shown } from './failure.mjs';
import { spelled } from './coordinates.mjs';
import { npmDependencies } from './klib.mjs';
import { spdx } from './pom.mjs';

/** What a module exports, by its type definitions; in order, each once. */
export function exportedNames(types) {
  const declared =
    /^export (?:declare )?(?:abstract )?(?:class|interface|function|const|let|var|namespace|enum|type) ([\p{ID_Start}$_][\p{ID_Continue}$]*)/gmu;
  return [...new Set([...types.matchAll(declared)].map(([, name]) => name))].sort();
}

/** What a module imports. */
export function importedModules(code) {
  const from = /^(?:import|export)\b[^;'"]*?(?:\bfrom\s*)?['"]([^'"\n]+)['"];?$/gm;
  return [...new Set([...code.matchAll(from)].map(([, name]) => name))].sort();
}

function packageOf(specifier) {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
}

function checkImports(code, { dependencies, peerDependencies }) {
  for (const specifier of importedModules(code)) {
    if (/^[./]/.test(specifier)) {
      throw new Failure(
        Code.UNSUPPORTED,
        `the library imports the file '${shown(specifier)}', which is not a part of what it publishes for Kotlin`,
      );
    }
    const name = packageOf(specifier);
    if (!isBuiltin(specifier) && !(name in dependencies) && !(name in peerDependencies)) {
      throw new Failure(
        Code.DEPENDENCY,
        `the library imports the npm package '${shown(name)}' without saying which version of it it needs`,
      );
    }
  }
}

function webAddress(text) {
  return /^https?:\/\/[^\s<>"'`]+$/.test(text) && URL.canParse(text) ? text : undefined;
}

/** One line that a README can show as it is. */
function plain(text) {
  return shown(text, 1000).replace(/[\\`*_{}[\]<>()#|]/g, '\\$&');
}

/**
 * The files of a package: list of `{ name, bytes }`. `about`: `{ name, version, module }`; `closure` and `linked` as
 * resolving and linking give them; `klibs`: list of `{ what, npm }`.
 */
export function packageFiles(about, closure, linked, klibs, compiler) {
  const types = linked.types.toString('utf8');
  const exported = exportedNames(types);
  if (exported.length === 0) {
    throw new Failure(
      Code.NOTHING_EXPORTED,
      `${spelled(about.module)} exports nothing to JavaScript; mark what its users are to call with @JsExport`,
    );
  }
  const needed = npmDependencies(klibs);
  checkImports(linked.code.toString('utf8'), needed);
  const base = about.module.artifact;
  const text = (content) => Buffer.from(content, 'utf8');
  return [
    { name: 'package.json', bytes: text(`${JSON.stringify(manifest(about, closure.pom, needed), null, 2)}\n`) },
    { name: 'README.md', bytes: text(readme(about, closure, exported, compiler)) },
    { name: `${base}.mjs`, bytes: linked.code },
    { name: `${base}.d.mts`, bytes: linked.types },
  ];
}

function manifest({ name, version, module }, pom, { dependencies, peerDependencies }) {
  const [code, types] = [`./${module.artifact}.mjs`, `./${module.artifact}.d.mts`];
  const source = webAddress(pom.scm);
  const filled = (map) => (Object.keys(map).length > 0 ? map : undefined);
  return {
    name,
    version,
    description: pom.description ? shown(pom.description, 500) : undefined,
    license: pom.licenses.length === 0 ? undefined : (spdx(pom.licenses) ?? 'SEE LICENSE IN README.md'),
    homepage: webAddress(pom.url),
    repository: source && { type: 'git', url: source },
    type: 'module',
    main: code,
    module: code,
    types,
    exports: { '.': { types, default: code }, './package.json': './package.json' },
    files: [code.slice(2), types.slice(2)],
    dependencies: filled(dependencies),
    peerDependencies: filled(peerDependencies),
  };
}

function readme({ name, version, module }, { pom, libraries }, exported, compiler) {
  const lines = [`# ${name}`, ''];
  if (pom.description) {
    lines.push(plain(pom.description), '');
  }
  lines.push(
    `Version ${version}, built of the Kotlin Multiplatform library \`${spelled(module)}\` with Kotlin ${compiler.version}.`,
    '',
    '```js',
    `import { ${exported.slice(0, 3).join(', ')} } from '${name}';`,
    '```',
    '',
    `It exports: ${exported.slice(0, 200).map((one) => `\`${one}\``).join(', ')}${exported.length > 200 ? ' and more' : ''}.`,
    '',
  );
  if (libraries.length > 0) {
    lines.push('It contains what it uses of these libraries, besides the Kotlin standard library:', '');
    lines.push(...libraries.map((library) => `- \`${spelled(library.module)}\``), '');
  }
  if (pom.licenses.length > 0) {
    lines.push('## Licence', '');
    for (const { name: title, url } of pom.licenses) {
      const address = webAddress(url);
      lines.push(`- ${plain(title || 'named by its address')}${address ? `: <${address}>` : ''}`);
    }
    lines.push('');
  }
  return lines.join('\n');
}
