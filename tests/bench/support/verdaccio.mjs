// Verdaccio, the npm registry that Granary is compared with: a process of its own with a folder of its own.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ask } from "./ask.mjs";
import { programVersion } from "./machine.mjs";
import { answers, freePort, SERVER, start } from "./process.mjs";
import { platformOfNode } from "./place.mjs";

/**
 * Starts Verdaccio with its data in `folder`/verdaccio (`data`). All packages are private: reading and publishing need `token`.
 *
 * The token is one that Verdaccio only has to verify (JWT). Its default kind makes it hash a password for every request, which
 * would make it several times slower.
 *
 * With `uplink`, the address of another registry, it fetches from there what it does not have, and asks again after a day.
 */
export async function startVerdaccio(setting, folder, { data = join(folder, "verdaccio"), uplink } = {}) {
  mkdirSync(data, { recursive: true });
  const config = join(data, "config.yaml");
  writeFileSync(config, configuration(data, uplink));
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const node = nodeOf(setting);
  const program = resolve(setting.verdaccioHome, "node_modules/verdaccio/bin/verdaccio");
  const env = { PATH: process.env.PATH, HOME: folder, LANG: "C.UTF-8", NODE_ENV: "production" };
  const ready = () => answers(`${base}/-/ping`);
  const server = await start(node, [program, "--config", config, "--listen", `127.0.0.1:${port}`], { ready, cpu: SERVER, env });
  const token = await logIn(base);
  return {
    ...server,
    name: "Verdaccio",
    base,
    data,
    /** Folder with a folder for each package. */
    storage: join(data, "storage"),
    token,
    headers: { authorization: `Bearer ${token}` },
    version: verdaccioVersion(setting),
    api: (method, path, body) => ask(method, base + path, { token, body }),
    registry: () => base,
  };
}

const nodeOf = (setting) => resolve(setting.verdaccioHome, `node_modules/node-${platformOfNode()}/bin/node`);

/** The version of the Node that it runs on. */
export const verdaccioNode = (setting) => programVersion(nodeOf(setting), ["--version"]).replace(/^v/, "");

/** The version of the program. */
export function verdaccioVersion(setting) {
  return JSON.parse(readFileSync(resolve(setting.verdaccioHome, "node_modules/verdaccio/package.json"), "utf8")).version;
}

/** Adds the user of the measurements, or logs in if it is there already; the request is the same. */
async function logIn(base) {
  const user = { name: "bench", password: "bench-bench-bench" };
  const { token } = await ask("PUT", `${base}/-/user/org.couchdb.user:bench`, {
    body: user,
    headers: { authorization: `Basic ${Buffer.from(`${user.name}:${user.password}`).toString("base64")}` },
  });
  return token;
}

/** No web pages, no other registry behind it unless there is an `uplink`, and no line for each request. */
function configuration(data, uplink) {
  const proxy = uplink ? ", proxy: public" : "";
  return [
    `storage: ${join(data, "storage")}`,
    `auth: { htpasswd: { file: ${join(data, "htpasswd")} } }`,
    "security: { api: { legacy: false, jwt: { sign: { expiresIn: 30d } } } }",
    `uplinks: {${uplink ? ` public: { url: "${uplink}", maxage: 1d } ` : ""}}`,
    `packages: { '**': { access: $authenticated, publish: $authenticated, unpublish: $authenticated${proxy} } }`,
    "web: { enable: false }",
    "server: { keepAliveTimeout: 600 }",
    "userRateLimit: { windowMs: 1000, max: 1000000 }",
    "max_body_size: 500mb",
    "log: { type: stdout, format: json, level: error }",
    "",
  ].join("\n");
}
