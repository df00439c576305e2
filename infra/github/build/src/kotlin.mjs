// The Kotlin compiler, as npm's package kotlin-compiler has it, on a Java runtime.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Code, Failure } from './failure.mjs';
import { readKlib } from './klib.mjs';
import { run } from './run.mjs';

const JARS = [
  'kotlin-compiler', 'kotlin-stdlib', 'kotlin-script-runtime', 'kotlin-reflect', 'annotations-13.0',
  'kotlinx-coroutines-core-jvm',
];

/** Longest time for one compilation. */
const MINUTES = 20;
/** Most memory of the compiler: 600 MB are enough for a library on coroutines. */
const HEAP = '-Xmx1536m';

/**
 * Finds the compiler: `{ folder, version, abi, stdlib }`. It is where GRANARY_KOTLIN_COMPILER says, the folder of the
 * npm package, or where `npm ci` puts it beside these scripts.
 */
export async function findCompiler() {
  const beside = fileURLToPath(new URL('../node_modules/kotlin-compiler', import.meta.url));
  const folder = process.env.GRANARY_KOTLIN_COMPILER || beside;
  let version;
  let klib;
  const stdlib = join(folder, 'lib', 'kotlin-stdlib-js.klib');
  try {
    ({ version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
    klib = await readFile(stdlib);
  } catch {
    throw new Failure(
      Code.TOOLS,
      'there is no Kotlin compiler; run npm ci in infra/github/build, or set GRANARY_KOTLIN_COMPILER to its folder',
    );
  }
  return { folder, version, abi: readKlib("Kotlin's standard library", klib).abi, stdlib };
}

/** Runs the compiler in the folder `cwd`: `{ status, output }`. */
export async function kotlinJs(compiler, args, cwd) {
  const path = JARS.map((jar) => join(compiler.folder, 'lib', `${jar}.jar`)).join(delimiter);
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java';
  // A short run: the second compiler of the JVM takes as long again as the whole of it.
  const jvm = ['-Xms512m', HEAP, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.awt.headless=true', '-cp', path];
  return await run(java, [...jvm, 'org.jetbrains.kotlin.cli.js.K2JSCompiler', ...args], { cwd, minutes: MINUTES });
}

/**
 * Links a klib and all it needs into one ES module with type definitions, in `work`: `{ code, types }`. `libraries`:
 * list of `{ module, klib }`; `root` likewise.
 */
export async function link(compiler, work, root, libraries, name) {
  await mkdir(join(work, 'klibs'), { recursive: true });
  const put = async ({ module, klib }, index) => {
    const path = join('klibs', `${index}-${module.artifact}.klib`);
    await writeFile(join(work, path), klib);
    return path;
  };
  const main = await put(root, 0);
  const paths = [];
  for (const [index, library] of libraries.entries()) {
    paths.push(await put(library, index + 1));
  }
  const { status, output } = await kotlinJs(
    compiler,
    [
      '-Xir-produce-js',
      `-Xinclude=${main}`,
      '-libraries', [compiler.stdlib, ...paths].join(delimiter),
      '-ir-output-dir', 'out',
      '-ir-output-name', name,
      '-module-kind', 'es',
      '-target', 'es2015',
      '-Xir-dce',
      '-main', 'noCall',
      '-Xgenerate-dts',
      // Without it a missing library is a warning, and the package fails when it is called.
      '-Xpartial-linkage-loglevel=error',
    ],
    work,
  );
  if (status !== 0) {
    throw new Failure(Code.COMPILER, `Kotlin ${compiler.version} cannot link it:\n${excerpt(output)}`);
  }
  const read = async (end) => await readFile(join(work, 'out', `${name}${end}`));
  try {
    return { code: await read('.mjs'), types: await read('.d.mts') };
  } catch {
    throw new Failure(Code.COMPILER, `Kotlin ${compiler.version} says that it is done and has written no module`);
  }
}

/** The beginning of what the compiler complains about; stack traces say nothing to an author of a library. */
function excerpt(output) {
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !/^\s+at /.test(line) && !/^warning:/.test(line));
  return lines.slice(0, 12).map((line) => line.slice(0, 400)).join('\n');
}
