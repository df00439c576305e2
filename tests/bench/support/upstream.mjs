// A public npm registry, all in memory and made before it listens, so that it is never what a measurement waits for.
import { createServer } from "node:http";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ask } from "./ask.mjs";
import { root } from "./place.mjs";
import { CLIENT, freePort, start } from "./process.mjs";
import { publishedAt } from "./published.mjs";

const ABBREVIATED = "application/vnd.npm.install-v1+json";

/**
 * Starts the registry with the packages that `what` names (see the program) as a process of its own, on the core of whatever
 * asks. `url` has no slash at its end. `asked()` is what was asked of it since it was started or told to `forget()`.
 */
export async function startUpstream(...what) {
  const program = join(root, "tests/bench/support/upstream-program.mjs");
  const server = await start(process.execPath, [program, ...what], { ready: /^Upstream is ready at (\S+)$/m, cpu: CLIENT });
  const url = server.match[1];
  return {
    ...server,
    name: "upstream",
    url,
    asked: () => ask("GET", `${url}/-/fake/asked`),
    forget: () => ask("POST", `${url}/-/fake/forget`),
  };
}

/**
 * Serves `packages`, as `publishedAt` takes them, at a free port of this machine: documents in both forms, gzip'd where that is
 * accepted, with an `ETag`, and 304; archives; search; advisories in bulk, from `advisories` (see `ADVISORIES`). All else is
 * 404. `host` is what it calls itself. Gives its address.
 *
 * `GET /-/fake/asked` says how many answers of each kind there were, and which names advisories were asked for; `strangers` are
 * those among them that it does not have. `requests` are the method and address of each request, and `credentials` is how many
 * came with one. `POST /-/fake/forget` begins anew, and from `POST /-/fake/html` on every answer is a page for people.
 */
export async function serveUpstream(packages, { advisories = [], host = "127.0.0.1" } = {}) {
  const port = await freePort();
  const url = `http://${host}:${port}`;
  const published = new Map(packages.map((one) => [one.name, publishedAt(url, one)]));
  const state = { published, advisories, seen: nothing(), isPage: false };
  const server = createServer((request, response) => {
    answer(state, request, response).catch((error) => {
      json(response, 500, { error: String(error) });
    });
  });
  // A connection that the registry in front holds open must not be closed under it.
  server.keepAliveTimeout = 600_000;
  server.requestTimeout = 0;
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return url;
}

const nothing = () => ({ documents: 0, unchanged: 0, archives: 0, unknown: 0, searches: 0, advisories: {}, requests: new Set(), credentials: 0 });

async function answer(state, request, response) {
  const { pathname, searchParams } = new URL(request.url, "http://upstream");
  const path = decodeURIComponent(pathname.slice(1));
  if (!path.startsWith("-/fake/")) {
    note(state.seen, request);
    if (state.isPage) return page(response);
  }
  if (path.startsWith("-/")) return special(state, request, response, path, searchParams);
  if (!["GET", "HEAD"].includes(request.method)) return json(response, 405, { error: "Method not allowed" });
  const [name, file] = path.split("/-/");
  const found = state.published.get(name);
  if (!found) return unknown(state, response);
  return file === undefined ? document(state, request, response, found) : archive(state, request, response, found.archives.get(file));
}

function note(seen, { method, url, headers }) {
  seen.requests.add(`${method} ${decodeURIComponent(url)}`);
  if (headers.authorization || headers.cookie) seen.credentials += 1;
}

/** What a portal says that wants one to log in first. */
function page(response) {
  response.writeHead(200, { "content-type": "text/html" }).end("<html><body>Welcome to the network. Please log in.</body></html>");
}

function document(state, request, response, { forms, modified }) {
  const isBrief = request.headers.accept?.includes(ABBREVIATED);
  const { plain, packed, tag } = isBrief ? forms.abbreviated : forms.full;
  const takesGzip = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  const headers = {
    // As npmjs does it: what is packed on the way is the same document, and not the same bytes.
    etag: takesGzip ? `W/${tag}` : tag,
    "last-modified": modified,
    "cache-control": "public, max-age=300",
    vary: "accept-encoding, accept",
  };
  if (isUnchanged(request.headers, tag, modified)) {
    state.seen.unchanged += 1;
    response.writeHead(304, headers).end();
    return;
  }
  state.seen.documents += 1;
  const body = takesGzip ? packed : plain;
  if (takesGzip) headers["content-encoding"] = "gzip";
  headers["content-type"] = isBrief ? ABBREVIATED : "application/json";
  send(request, response, headers, body);
}

function isUnchanged(headers, tag, modified) {
  const tags = headers["if-none-match"];
  if (tags !== undefined) return tags.split(",").some((one) => ["*", tag].includes(one.trim().replace(/^W\//, "")));
  return Date.parse(headers["if-modified-since"]) >= Date.parse(modified);
}

function archive(state, request, response, bytes) {
  if (!bytes) return unknown(state, response);
  state.seen.archives += 1;
  return send(request, response, { "content-type": "application/octet-stream", "cache-control": "public, max-age=31557600, immutable" }, bytes);
}

/** What is asked at a path that no package can have. */
async function special(state, request, response, path, query) {
  const asked = `${request.method} /${path}`;
  const body = await read(request);
  switch (asked) {
    case "GET /-/fake/asked": {
      const strangers = Object.keys(state.seen.advisories).filter((name) => !state.published.has(name));
      return json(response, 200, { ...state.seen, requests: [...state.seen.requests], strangers });
    }
    case "POST /-/fake/forget":
      state.seen = nothing();
      return json(response, 200, {});
    case "POST /-/fake/html":
      state.isPage = true;
      return json(response, 200, {});
    case "GET /-/ping":
      return json(response, 200, {});
    case "GET /-/v1/search":
      return search(state, response, query);
    case "POST /-/npm/v1/security/advisories/bulk":
      return advise(state, response, JSON.parse(request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body));
    default:
      return unknown(state, response);
  }
}

function search(state, response, query) {
  state.seen.searches += 1;
  const text = (query.get("text") ?? "").toLowerCase();
  const number = (name, other) => Math.max(0, Number.parseInt(query.get(name) ?? other, 10) || other);
  const [from, size] = [number("from", 0), Math.min(250, number("size", 20))];
  const found = [...state.published.values()].filter(({ name }) => name.toLowerCase().includes(text)).map((one) => one.found);
  return json(response, 200, { objects: found.slice(from, from + size), total: found.length, time: new Date().toISOString() });
}

/** `asked` is an object from names to lists of versions. */
function advise(state, response, asked) {
  for (const [name, versions] of Object.entries(asked)) {
    state.seen.advisories[name] = [...new Set([...(state.seen.advisories[name] ?? []), ...versions])];
  }
  const known = state.advisories.filter(({ name, below }) => asked[name]?.some((version) => isBefore(version, below)));
  return json(response, 200, Object.fromEntries(known.map(({ name, says }) => [name, [says]])));
}

/** Whether a version is before another one; of numbers alone. */
function isBefore(version, other) {
  const [ours, theirs] = [version, other].map((text) => text.split(".").map(Number));
  const differs = ours.findIndex((one, index) => one !== theirs[index]);
  return differs >= 0 && ours[differs] < theirs[differs];
}

function unknown(state, response) {
  state.seen.unknown += 1;
  json(response, 404, { error: "Not found" });
}

function json(response, status, content) {
  const body = JSON.stringify(content);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) }).end(body);
}

function send(request, response, headers, body) {
  response.writeHead(200, { ...headers, "content-length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}
