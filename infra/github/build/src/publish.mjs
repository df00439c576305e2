// Tells the registry how a build has ended, with what it has made.

import { access, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import { options } from './args.mjs';
import { Code, Failure, bounded, main, shown } from './failure.mjs';
import { ERROR_FILE, RELEASE_FILE } from './out.mjs';
import { Registry, STATUS } from './registry.mjs';
import { published, send } from './upload.mjs';

const USAGE = `Usage: publish [--npm FOLDER] [--swift FOLDER] [--claimed] [--without REASON]
       publish --claim

Claims a build for this run, uploads what build-npm and build-swift have left in FOLDER, and completes the build. If one
FOLDER has no release, the build is completed with the reason and what is in the other, which is published; then a retry
of the build makes only what is missing.

  --claim    only claims it: exit code 13 if another run has it
  --claimed  does not claim it again: a step before this one has
  --without  publishes what there is, and completes the build with the reason why there is not all of it

Environment: GRANARY_URL, GRANARY_BUILD_ID, GRANARY_REPO_ID (the repository that packages go to), and either
GRANARY_BUILD_TOKEN (bld_...) or a GitHub job with the permission id-token: write. GITHUB_RUN_ID and
GITHUB_RUN_ATTEMPT say which run it is. NPM_RESULT and SWIFT_RESULT: how the jobs ended, for the reason.

Exit codes: 0 published, 2 wrong arguments or environment, 12 the registry refuses or does not answer, 13 another run
has the build, 14 the build has failed, at least in part, and this has been told, 1 a mistake of this script.`;

/** How long the registry may take to verify and publish, in minutes. */
const MINUTES = 20;

function number(name) {
  const text = process.env[name] ?? '';
  if (!/^[1-9]\d{0,14}$/.test(text)) {
    throw new Failure(Code.USAGE, `${name} has to be a number`);
  }
  return Number(text);
}

async function readText(path) {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  }
}

/** What a build has left: `{ release, path }` or `{ error }`. */
async function outcome(kind, folder) {
  const text = await readText(join(folder, RELEASE_FILE));
  const why = await readText(join(folder, ERROR_FILE));
  if (text === null || why !== null) {
    const result = process.env[`${kind.toUpperCase()}_RESULT`];
    const left = `it has left nothing${result ? `; its job ended as '${shown(result, 40)}'` : ''}`;
    return { error: `${kind}: ${(why ?? '').trim() || left}` };
  }
  try {
    const { file, ...release } = JSON.parse(text);
    const path = join(folder, basename(file));
    await access(path);
    return { release, path };
  } catch (error) {
    console.error(`publish: ${kind}: ${error.message}`);
    return { error: `${kind}: what its job has left cannot be read` };
  }
}

/** Completes the build with what there is of it: the reasons why there is not more, which the registry knows then. */
async function finish(registry, folders, without) {
  const made = [];
  const reasons = [];
  for (const [kind, folder] of folders) {
    const { error, ...end } = await outcome(kind, folder);
    if (error === undefined) made.push([kind, end]);
    else reasons.push(error);
  }
  if (made.length === 0) {
    throw new Failure(Code.BUILD_FAILED, reasons.join('\n'));
  }
  const repoId = process.env.GRANARY_REPO_ID ?? '';
  if (!/^[a-z0-9][a-z0-9-]{0,62}[a-z0-9]$/.test(repoId)) {
    throw new Failure(Code.USAGE, 'GRANARY_REPO_ID has to be the id of a repository');
  }
  const uploads = {};
  for (const [kind, { release, path }] of made) {
    console.error(`sending ${basename(path)}`);
    try {
      uploads[kind] = { uploadId: await send(registry, { repoId, ...release }, path) };
    } catch (error) {
      // One package that is not taken is no reason to lose the other.
      if (!(error instanceof Failure)) throw error;
      reasons.push(`${kind}: ${error.message}`);
    }
  }
  const sent = Object.values(uploads);
  if (sent.length === 0) {
    throw new Failure(Code.REGISTRY, reasons.join('\n'));
  }
  const error = [without, ...reasons].filter((reason) => reason !== undefined).join('\n');
  const answer = await registry.complete(error === '' ? uploads : { ...uploads, error: bounded(error) });
  if (answer[STATUS] === 202) {
    const ids = sent.map(({ uploadId }) => uploadId);
    await published(registry, ids.filter((id) => id !== null), MINUTES);
  }
  return reasons;
}

async function publish(registry, folders, without) {
  let reasons;
  try {
    reasons = await finish(registry, folders, without);
  } catch (error) {
    const why = error instanceof Failure ? error.message : 'publishing failed unexpectedly; see the log of the run';
    try {
      await registry.complete({ error: bounded(why) });
    } catch (second) {
      console.error(`publish: the registry could not be told: ${second.message}`);
    }
    throw error;
  }
  if (reasons.length > 0) {
    throw new Failure(Code.BUILD_FAILED, reasons.join('\n'));
  }
}

await main('publish', async () => {
  const given = options(process.argv.slice(2), { npm: {}, swift: {}, claim: { flag: true }, claimed: { flag: true }, without: {} }, USAGE);
  const folders = ['npm', 'swift'].filter((kind) => given[kind] !== undefined).map((kind) => [kind, resolve(given[kind])]);
  if (given.claim ? folders.length > 0 || given.claimed || given.without !== undefined : folders.length === 0) {
    throw new Failure(Code.USAGE, 'give --claim alone, or --npm or --swift; see --help');
  }
  const registry = Registry.ofJob();
  if (!given.claimed) {
    await registry.start(number('GITHUB_RUN_ID'), number('GITHUB_RUN_ATTEMPT'));
  }
  if (!given.claim) {
    await publish(registry, folders, given.without);
  }
});
