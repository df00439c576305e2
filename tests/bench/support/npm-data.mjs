// The same npm packages in both registries.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expecting } from "./raw.mjs";
import { pathOf, publishOf } from "./packages.mjs";
import { publishAll } from "./publishing.mjs";

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
 * Puts a package of `count` versions into Verdaccio. One version is published; the others are written into its storage in the
 * form of that one, because Verdaccio writes the whole document anew for each version, which takes hours for 10,000 of them.
 */
export async function fillVerdaccio(server, name, count) {
  await publishAll(server.registry(), server.token, versionsOf(name, 1), 1);
  const folder = join(server.storage, name);
  const path = join(folder, "package.json");
  const stored = JSON.parse(readFileSync(path, "utf8"));
  const [first] = Object.values(stored.versions);
  mkdirSync(folder, { recursive: true });
  for (const { version, manifest, archive, file } of versionsOf(name, count, 1)) {
    // Whatever Verdaccio itself has put into the published one, and what is this version's own.
    stored.versions[version] = { ...first, ...manifest };
    stored.time[version] = stored.time.modified;
    stored._attachments[file] = { shasum: manifest.dist.shasum, version };
    stored["dist-tags"].latest = version;
    writeFileSync(join(folder, file), archive);
  }
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
