// Maven artifacts: what they are made of, how they are published, and the same files for nginx and Reposilite.
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { pool } from "./pool.mjs";
import { sleep } from "./process.mjs";

/** Group of everything that is measured. */
export const GROUP = "com.example.bench";

/** How many uploads are under way at the same time, as a parallel `mvn deploy` has them. */
const UPLOADS = 8;

/** How Maven sends a token: as the password of Basic authentication. */
export function basic(token, user = "token") {
  return { authorization: `Basic ${Buffer.from(`${user}:${token}`).toString("base64")}` };
}

/** Folder of an artifact below a repository. */
export function folderOf(artifact) {
  return `${GROUP.replaceAll(".", "/")}/${artifact}`;
}

/** Path of a file of a version below a repository. */
export function pathOf(artifact, version, extension) {
  return `${folderOf(artifact)}/${version}/${artifact}-${version}.${extension}`;
}

/** Path of a file of one build of a snapshot. `build` is the moment and the number that stand for `SNAPSHOT` in its name. */
export function snapshotPathOf(artifact, version, build, extension) {
  return `${folderOf(artifact)}/${version}/${artifact}-${version.replace("SNAPSHOT", build)}.${extension}`;
}

/** A POM; `dependencies` are artifacts of the same group and version. */
export function pom(artifact, version, dependencies = []) {
  const needs = dependencies.map((name) => [
    "    <dependency>",
    `      <groupId>${GROUP}</groupId>`,
    `      <artifactId>${name}</artifactId>`,
    `      <version>${version}</version>`,
    "    </dependency>",
  ]);
  return Buffer.from([
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    "  <modelVersion>4.0.0</modelVersion>",
    `  <groupId>${GROUP}</groupId>`,
    `  <artifactId>${artifact}</artifactId>`,
    `  <version>${version}</version>`,
    "  <name>A library to measure with</name>",
    "  <licenses><license><name>MIT</name></license></licenses>",
    ...(needs.length > 0 ? ["  <dependencies>", ...needs.flat(), "  </dependencies>"] : []),
    "</project>",
    "",
  ].join("\n"));
}

/** A jar with a manifest and these bytes, not compressed. */
export function jar(bytes) {
  const entries = [["META-INF/MANIFEST.MF", Buffer.from("Manifest-Version: 1.0\r\n\r\n")], ["data.bin", bytes]];
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [name, content] of entries) {
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    describe(local, 4, name, content);
    parts.push(local, Buffer.from(name), content);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(10, 4);
    describe(central, 6, name, content);
    central.writeUInt32LE(offset, 42);
    directory.push(central, Buffer.from(name));
    offset += local.length + name.length + content.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.reduce((length, part) => length + part.length, 0), 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

/** What the header of an entry and its line in the directory both say, from `at` on; stored, on 1 January 1980. */
function describe(header, at, name, content) {
  header.writeUInt16LE(10, at);
  header.writeUInt16LE(0x21, at + 8);
  header.writeUInt32LE(crc32(content), at + 10);
  header.writeUInt32LE(content.length, at + 14);
  header.writeUInt32LE(content.length, at + 18);
  header.writeUInt16LE(name.length, at + 22);
}

/** Uploads files, pairs of a path and bytes, to `repository`, which is `{ url, headers }`. */
export async function upload(repository, files) {
  await pool(files, UPLOADS, async ([path, bytes]) => {
    const answer = await fetch(repository.url + path, { method: "PUT", headers: repository.headers, body: bytes });
    const text = await answer.text();
    if (![200, 201].includes(answer.status)) throw new Error(`PUT ${path}: ${answer.status} ${text.slice(0, 300)}`);
  });
}

/** Publishes versions, each `[artifact, version, jar, dependencies?]`: first all jars, then all POMs, which make them visible. */
export async function publish(repository, versions) {
  await upload(repository, versions.map(([artifact, version, bytes]) => [pathOf(artifact, version, "jar"), bytes]));
  await upload(repository, versions.map(([artifact, version, , needs]) => [pathOf(artifact, version, "pom"), pom(artifact, version, needs)]));
}

/** A file as the repository answers it, redirects followed. */
export async function download(repository, path) {
  const answer = await fetch(repository.url + path, { headers: { ...repository.headers, "accept-encoding": "identity" } });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${bytes.subarray(0, 300)}`);
  return { bytes, contentType: answer.headers.get("content-type"), etag: answer.headers.get("etag") };
}

/**
 * The files that a repository has at these paths, with a `.sha1` beside each, for a server that has nothing but files: a map
 * from path, with a slash before it, to `{ bytes, contentType }`.
 */
export async function mirrored(repository, paths) {
  const files = new Map();
  for (const path of paths) {
    const { bytes, contentType } = await download(repository, path);
    files.set(`/${path}`, { bytes, contentType });
    files.set(`/${path}.sha1`, { bytes: Buffer.from(createHash("sha1").update(bytes).digest("hex")), contentType: "text/plain" });
  }
  return files;
}

/** Puts such files into a repository that makes none by itself, what a client sends last at the end. */
export async function restore(repository, files) {
  const isLast = (path) => path.includes("maven-metadata.xml");
  const pairs = [...files].map(([path, { bytes }]) => [path.slice(1), bytes]);
  await upload(repository, pairs.filter(([path]) => !isLast(path)));
  await upload(repository, pairs.filter(([path]) => isLast(path)));
}

/** Waits until the metadata at `path` lists `count` versions. */
export async function listed(repository, path, count) {
  for (let attempt = 0; attempt < 600; attempt++) {
    const { bytes } = await download(repository, path);
    if (bytes.toString().split("<version>").length - 1 === count) return;
    await sleep(100);
  }
  throw new Error(`${path} never listed ${count} versions`);
}
