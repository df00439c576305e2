// npm packages as a public registry shows them: documents of the size and shape that published ones have, made of nothing but
// what is said of a package, and the same bytes in every run.
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { manifestOf, noise, tarball } from "./packages.mjs";

/** When the first version of every package came out, and the time from one to the next: all are long past any cooldown. */
const FIRST = Date.parse("2014-03-01T09:30:00.000Z");
const LAST = Date.parse("2024-06-01T09:30:00.000Z");

const PEOPLE = [
  { name: "jdoe", email: "jdoe@example.com" },
  { name: "release-bot", email: "release-bot@example.com" },
  { name: "msmith", email: "msmith@example.com" },
];

const digest = (algorithm, content, encoding) => createHash(algorithm).update(content).digest(encoding);

/** As long as that of npmjs. */
const KEY = `SHA256:${digest("sha256", "key", "base64").slice(0, 43)}`;

/** A number that belongs to a text, the same in every run. */
export const numberOf = (text) => createHash("sha1").update(text).digest().readUInt32BE(0);

/**
 * A package with all that a registry at `base` answers for it.
 *
 * `versions` is a list of `{ version, dependencies, bytes, manifest, released }` from the first to the last one, `latest` one of
 * them. With `bytes`, a version has an archive that holds so many of them; those without have digests that are made up, so they
 * are listed and cannot be installed. `manifest` is what else the manifest is to have, `released` another time than long ago.
 *
 * `forms` are `full` and `abbreviated`, each with `plain` and `packed` (gzip'd) bytes and `tag`; `archives` is a map from
 * names of files to bytes, `found` what a search says.
 */
export function publishedAt(base, { name, versions, latest = versions.at(-1).version }) {
  const archives = new Map();
  const step = (LAST - FIRST) / Math.max(1, versions.length);
  const whole = {};
  const time = { created: moment(FIRST), modified: moment(LAST) };
  for (const [index, one] of versions.entries()) {
    const file = `${name.split("/").at(-1)}-${one.version}.tgz`;
    const manifest = plainManifest(name, one);
    const archive = one.bytes === undefined ? undefined : archiveOf(name, one, manifest);
    if (archive) archives.set(file, archive.bytes);
    whole[one.version] = shown(manifest, distOf(`${base}/${name}/-/${file}`, `${name}@${one.version}`, archive));
    time[one.version] = one.released ?? moment(FIRST + index * step);
  }
  const tags = { latest, next: versions.at(-1).version };
  const full = fullDocument(name, tags, whole, time);
  const abbreviated = { name, "dist-tags": tags, versions: mapped(whole, brief), modified: time.modified };
  return {
    name,
    modified: new Date(LAST).toUTCString(),
    forms: { full: form(full), abbreviated: form(abbreviated) },
    archives,
    found: foundBySearch(full, whole[latest], time[latest]),
  };
}

const moment = (time) => new Date(time).toISOString();

const mapped = (object, change) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));

function form(document) {
  const plain = Buffer.from(JSON.stringify(document));
  return { plain, packed: gzipSync(plain), tag: `"${digest("md5", plain, "hex")}"` };
}

/** What the author of a package has written. */
function plainManifest(name, { version, dependencies = {}, manifest = {} }) {
  const base = name.split("/").at(-1);
  const home = `https://example.com/${base}`;
  return manifestOf(name, version, {
    description: `${base}: small things that many programs need, done once and well tested`,
    author: { name: "Jane Doe", email: "jdoe@example.com", url: "https://example.com/~jdoe" },
    homepage: `${home}#readme`,
    bugs: { url: `${home}/issues` },
    repository: { type: "git", url: `git+${home}.git` },
    module: "dist/index.mjs",
    types: "dist/index.d.ts",
    exports: { ".": { types: "./dist/index.d.ts", import: "./dist/index.mjs", require: "./index.js" }, "./package.json": "./package.json" },
    files: ["dist", "index.js", "LICENSE", "README.md"],
    scripts: { test: "node --test", build: "tsc -p .", lint: "eslint .", prepublishOnly: "npm run build", release: "np" },
    ...manifest,
    dependencies,
  });
}

function archiveOf(name, { version, bytes }, manifest) {
  const files = {
    "package.json": Buffer.from(JSON.stringify(manifest, null, 2)),
    "index.js": Buffer.from("module.exports = 1;\n"),
    "README.md": Buffer.from(`# ${name}\n`),
    "data.bin": noise(bytes, `${name} ${version}`),
  };
  const sizes = Object.values(files).map((content) => content.length);
  return { bytes: tarball(files), fileCount: sizes.length, unpackedSize: sizes.reduce((sum, size) => sum + size, 0) };
}

function distOf(address, id, archive) {
  const content = archive?.bytes ?? id;
  return {
    integrity: `sha512-${digest("sha512", content, "base64")}`,
    shasum: digest("sha1", content, "hex"),
    tarball: address,
    fileCount: archive?.fileCount ?? 4 + (numberOf(id) % 40),
    unpackedSize: archive?.unpackedSize ?? 2000 + (numberOf(id) % 90_000),
    // As long as one of npmjs, and as hard to compress.
    signatures: [{ keyid: KEY, sig: `MEUCIQ${digest("sha512", `signature of ${id}`, "base64").slice(0, 86)}=` }],
  };
}

/** A version as the full document shows it: the manifest with what the registry has added to it. */
function shown(manifest, dist) {
  const id = `${manifest.name}@${manifest.version}`;
  return {
    ...manifest,
    _id: id,
    gitHead: digest("sha1", `commit of ${id}`, "hex"),
    _nodeVersion: "20.11.1",
    _npmVersion: "10.2.4",
    dist,
    _npmUser: PEOPLE[1],
    directories: {},
    maintainers: PEOPLE,
    _npmOperationalInternal: {
      host: "s3://npm-registry-packages",
      tmp: `tmp/${id.replaceAll("/", "_").replace("@", "_")}_${FIRST}_0.${numberOf(id)}`,
    },
    _hasShrinkwrap: false,
  };
}

/** A version as the abbreviated document shows it. */
function brief({ name, version, dependencies, devDependencies, bin, engines, directories, dist, _hasShrinkwrap }) {
  return { name, version, dependencies, devDependencies, bin, engines, directories, dist, _hasShrinkwrap };
}

function fullDocument(name, tags, versions, time) {
  const { description, keywords, homepage, bugs, repository, license, author } = versions[tags.latest];
  return {
    _id: name,
    _rev: `${Object.keys(versions).length}-${digest("md5", name, "hex")}`,
    name,
    "dist-tags": tags,
    versions,
    time,
    maintainers: PEOPLE,
    ...{ description, keywords, homepage, bugs, repository, license, author },
    readme: readmeOf(name),
    readmeFilename: "README.md",
    users: Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`user-${numberOf(`${name} ${index}`) % 10_000}`, true])),
  };
}

/** Between 3 and 15 kB. */
function readmeOf(name) {
  const chapters = Array.from({ length: 8 + (numberOf(`${name} readme`) % 36) }, (_, index) => [
    `## ${digest("sha1", `${name} ${index}`, "hex").slice(0, 10)}`,
    "Takes what it is given and says what became of it; see the options below, of which none has to be set.",
    `\`\`\`js\nconst result = use("${name}", { level: ${index}, strict: true });\nconsole.log(result);\n\`\`\``,
    `| option | default | meaning |\n| --- | --- | --- |\n| level | ${index} | how far it goes |\n| strict | true | whether it minds |`,
  ]);
  return [`# ${name}`, ...chapters.flat()].join("\n\n");
}

/** One object of the answer to a search, as npmjs has it. */
function foundBySearch({ name, description, keywords }, { version }, date) {
  const detail = { quality: 0.9, popularity: 0.8, maintenance: 0.7 };
  const maintainers = PEOPLE.map(({ name: username, email }) => ({ username, email }));
  return {
    package: { name, scope: name.startsWith("@") ? name.slice(1).split("/")[0] : "unscoped", version, description, keywords, date, publisher: maintainers[1], maintainers, links: {} },
    score: { final: 0.8, detail },
    searchScore: 1,
    flags: { unstable: 0 },
  };
}
