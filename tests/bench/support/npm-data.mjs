// The same npm packages in both registries.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bench, startGranary } from "./granary.mjs";
import { pathOf, publishOf } from "./packages.mjs";
import { settled } from "./process.mjs";
import { publishAll } from "./publishing.mjs";
import { expecting } from "./raw.mjs";

/** How many versions are published at the same time while packages are prepared. */
const WIDTH = 8;

/** The versions of a package that has `count` of them: 1.0.0, 1.0.1 and so on, with archives of about 1 kB. */
export function* versionsOf(name, count, first = 0) {
  for (let i = first; i < count; i++) yield publishOf(name, `1.0.${i}`);
}

/** Publishes a package of `count` versions to Granary. */
export function fillGranary(server, repo, name, count) {
  return publishAll(server.registry(repo), server.token, versionsOf(name, count), WIDTH);
}

/**
 * Puts packages into Granary, `sizes` being a map from their names to how many versions each is to have. One version of each is
 * published; the others are copied from it while the server is stopped, each with an integrity of its own that is made up: they are
 * to be listed, and cannot be installed. Gives the server that has been started anew on the same folder.
 */
export async function fillGranaryInBulk(setting, home, server, repo, sizes) {
  const { data } = server;
  for (const name of sizes.keys()) await publishAll(server.registry(repo), server.token, versionsOf(name, 1), 1);
  await settled(server);
  await server.stop();
  const grow = [...sizes].filter(([, count]) => count > 1).flatMap(([name, count]) => ["--grow", `${name}=${count}`]);
  if (grow.length) await bench(["load", "--data", data, "--repo", repo, ...grow]);
  return startGranary(setting, home, { data });
}

/**
 * Puts a package of `count` versions into Verdaccio. One version is published; the others are written into its storage in the
 * form of that one, because Verdaccio writes the whole document anew for each version, which takes hours for 10,000 of them.
 */
export async function fillVerdaccio(server, name, count) {
  await publishAll(server.registry(), server.token, versionsOf(name, 1), 1);
  const folder = join(server.storage, name);
  const path = join(folder, "package.json");
  const stored = JSON.parse(readFileSync(path, "utf8"));
  const [first] = Object.values(stored.versions);
  let moment = Date.parse(stored.time.modified);
  for (const { version, manifest, archive, file } of versionsOf(name, count, 1)) {
    // Whatever Verdaccio itself has put into the published one, and what is this version's own.
    stored.versions[version] = { ...first, ...manifest };
    // A second from each to the next, as between the copies in Granary.
    moment += 1000;
    stored.time[version] = new Date(moment).toISOString();
    stored._attachments[file] = { shasum: manifest.dist.shasum, version };
    stored["dist-tags"].latest = version;
    writeFileSync(join(folder, file), archive);
  }
  stored.time.modified = new Date(moment).toISOString();
  writeFileSync(path, JSON.stringify(stored, null, "\t"));
}

/** Fails unless the registry lists so many versions of the package. */
export async function expectVersions(server, registry, name, count) {
  const listed = await listedVersions(server, registry, name);
  if (listed !== count) throw new Error(`${server.name} lists ${listed} versions of ${name} instead of ${count}`);
}

/** How many versions of a package the registry lists. */
export async function listedVersions(server, registry, name) {
  const answer = await expecting(200, registry + pathOf(name), { headers: { ...server.headers, accept: "application/json" } });
  return Object.keys(JSON.parse(answer.body.toString()).versions).length;
}
