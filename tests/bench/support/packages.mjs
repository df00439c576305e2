// npm packages of exact sizes, the same bytes in every run.
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

/** Bytes that do not compress; another `seed` gives others. */
export function noise(length, seed = "granary") {
  const chunks = [];
  for (let i = 0; i * 64 < length; i++) chunks.push(createHash("sha512").update(`${seed} ${i}`).digest());
  return Buffer.concat(chunks).subarray(0, length);
}

/** A gzip'd tar archive of these files below package/. */
export function tarball(files) {
  const blocks = [];
  for (const [name, content] of Object.entries(files)) {
    blocks.push(tarHeader(`package/${name}`, content.length), content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  blocks.push(Buffer.alloc(1024));
  return gzipSync(Buffer.concat(blocks), { level: 1 });
}

function tarHeader(name, length) {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("03555070024\0", 136);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

/** The `package.json` of a middling package: ten dependencies of each kind, the usual fields. `more` replaces some of them. */
export function manifestOf(name, version, more = {}) {
  const dependencies = (prefix) => Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`${prefix}-${i}`, `^${i}.0.0`]));
  return {
    name,
    version,
    description: "A package to measure with",
    main: "index.js",
    license: "MIT",
    keywords: ["bench", "registry"],
    repository: { type: "git", url: "git+https://example.com/bench.git" },
    dependencies: dependencies("dependency"),
    devDependencies: dependencies("dev-dependency"),
    scripts: { test: "node test.js", build: "node build.js" },
    engines: { node: ">=18" },
    ...more,
  };
}

/**
 * What `npm publish` sends for a version whose archive holds `bytes` that do not compress, and what came out: `body`, the
 * text of the request, `manifest` as it is in the body, `archive`, and `file`, the archive's name.
 */
export function publishOf(name, version, { bytes = 1000, more } = {}) {
  const manifest = manifestOf(name, version, more);
  const archive = tarball({
    "package.json": Buffer.from(JSON.stringify(manifest)),
    "index.js": Buffer.from("module.exports = 1;\n"),
    "data.bin": noise(bytes, `${name} ${version}`),
  });
  const base = name.split("/").at(-1);
  const file = `${base}-${version}.tgz`;
  const shasum = createHash("sha1").update(archive).digest("hex");
  const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  const full = { ...manifest, _id: `${name}@${version}`, dist: { integrity, shasum, tarball: `http://localhost/${name}/-/${file}` } };
  const body = JSON.stringify({
    _id: name,
    name,
    "dist-tags": { latest: version },
    versions: { [version]: full },
    access: null,
    _attachments: {
      [file]: { content_type: "application/octet-stream", data: archive.toString("base64"), length: archive.length },
    },
  });
  return { name, version, body, manifest: full, archive, file };
}

/** The path of a package below a registry's address. */
export function pathOf(name) {
  return `/${name.replace("/", "%2f")}`;
}
