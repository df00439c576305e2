// The registries that are compared: how they are started with the same content, and how all of it ends.
import { makeRepo, startGranary } from "./granary.mjs";
import { basic, mirrored, restore } from "./maven.mjs";
import { startNginx } from "./nginx.mjs";
import { folder, removeFolder, settled } from "./process.mjs";
import { hasReposilite, startReposilite } from "./reposilite.mjs";
import { startVerdaccio } from "./verdaccio.mjs";

/** Granary's repository. */
export const REPO = "bench";

/**
 * Gives `work` a folder and an empty list, and returns what it returns. Afterwards, whatever has happened, the servers that it has
 * added to the list are stopped, and the folder is removed.
 */
export async function withServers(work) {
  const home = folder();
  const running = [];
  try {
    return await work(home, running);
  } finally {
    for (const server of running) await server.stop();
    removeFolder(home);
  }
}

/** Starts Granary with a private repository for npm, and Verdaccio. Both are added to `running` as they start. */
export async function npmContest(setting, home, running) {
  const granary = await startGranary(setting, home);
  running.push(granary);
  await makeRepo(granary, { name: REPO });
  const verdaccio = await startVerdaccio(setting, home);
  running.push(verdaccio);
  return [granary, verdaccio];
}

/**
 * Starts Granary with a private repository for Maven, which `fill(repository)` fills; it gives the paths that are asked for. Then
 * nginx with what Granary answers to those, and Reposilite if it is there.
 *
 * Gives the servers, Granary first, each a repository with `name`, `url` (with a slash at its end) and `headers`. All of them are
 * added to `running` as they start.
 */
export async function mavenContest(setting, home, running, fill) {
  const server = await startGranary(setting, home);
  running.push(server);
  await makeRepo(server, { name: REPO, packageTypes: ["maven"] });
  const granary = { ...server, url: `${server.registry(REPO, "maven")}/`, headers: basic(server.token) };
  const paths = await fill(granary);
  await settled(server);
  const files = await mirrored(granary, paths);
  const nginx = await startNginx(setting, home, files);
  running.push(nginx);
  const servers = [granary, { ...nginx, url: `${nginx.base}/` }];
  if (hasReposilite()) {
    const reposilite = await startReposilite(home);
    running.push(reposilite);
    await restore(reposilite, files);
    servers.push(reposilite);
  }
  return servers;
}
