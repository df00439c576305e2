// The Maven repositories that are compared, with the same files in each.
import { makeRepo, settled, startGranary } from "./granary.mjs";
import { basic, mirrored, restore } from "./maven.mjs";
import { startNginx } from "./nginx.mjs";
import { hasReposilite, startReposilite } from "./reposilite.mjs";

/**
 * Starts Granary with a private repository, which `fill(repository)` fills; it gives the paths that are asked for. Then nginx with
 * what Granary answers to those, and Reposilite if it is there.
 *
 * Gives the servers, Granary first, each a repository with `name`, `url` (with a slash at its end) and `headers`. All of them are
 * added to `running` as they start, so that whoever called can stop them whatever happens.
 */
export async function contest(setting, home, running, fill) {
  const server = await startGranary(setting, home);
  running.push(server);
  await makeRepo(server, { name: "bench", packageTypes: ["maven"] });
  const granary = { ...server, url: `${server.registry("bench", "maven")}/`, headers: basic(server.token) };
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
