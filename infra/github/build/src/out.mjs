// The folder that a build writes.

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Code, Failure, bounded, shown } from './failure.mjs';

/** Where a failed build leaves its reason, for the job that reports it. */
export const ERROR_FILE = 'error.txt';
/** Where a build says what it has made: the fields of an upload, and the name of the `file`. */
export const RELEASE_FILE = 'release.json';

/** Says what a build has made. */
export async function writeRelease(folder, release) {
  await writeFile(join(folder, RELEASE_FILE), `${JSON.stringify(release, null, 2)}\n`);
}

/**
 * Runs a build that writes into `folder`, which has to be empty or absent. If it fails, the folder has the reason in
 * `error.txt`.
 */
export async function building(folder, build) {
  let content;
  try {
    await mkdir(folder, { recursive: true });
    content = await readdir(folder);
  } catch (error) {
    throw new Failure(Code.USAGE, `--out ${shown(folder)} cannot be used: ${shown(error.message)}`);
  }
  if (content.length > 0) {
    throw new Failure(Code.USAGE, `--out ${shown(folder)} is not empty; name a new folder`);
  }
  try {
    return await build();
  } catch (error) {
    const why = error instanceof Failure ? error.message : 'the build failed unexpectedly; see the log of the run';
    await writeFile(join(folder, ERROR_FILE), `${bounded(why)}\n`);
    throw error;
  }
}
