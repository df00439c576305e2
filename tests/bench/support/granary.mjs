// The registry under measurement: a process of its own on free ports, with a folder of its own.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "./ask.mjs";
import { root } from "./place.mjs";
import { answers, BOTH, freePort, run, SERVER, start } from "./process.mjs";

/**
 * Starts Granary with its data in `folder`/granary, or in `data` if that is given (a folder that was filled before).
 *
 * `api(method, path, body)` asks its interface with the administrator's token, `registry(repo, type)` is the address that a
 * client of that protocol (npm) is given, without a slash at its end. It is started when it says so, or, with `until` "answer",
 * when it has answered a request.
 */
export async function startGranary(setting, folder, { data = join(folder, "granary"), variables = {}, until = "line" } = {}) {
  const port = await freePort();
  const args = ["serve", "--listen", `127.0.0.1:${port}`, "--s3-listen", "127.0.0.1:0", "--data", data];
  // Nearly empty: a variable of whoever measures must not change what is measured.
  const env = { PATH: process.env.PATH, HOME: folder, LANG: "C.UTF-8", GRANARY_LOG: "warn", ...variables };
  const ready = until === "answer" ? () => answers(`http://127.0.0.1:${port}/health`) : /^Granary is ready at (\S+?)\/?$/m;
  const server = await start(setting.granary, args, { ready, cpu: SERVER, env });
  // As the registry itself calls it: clients send their token to that host.
  const base = server.match[1] ?? `http://127.0.0.1:${port}`;
  const token = readFileSync(join(data, "admin-token"), "utf8").trim();
  return {
    ...server,
    name: "Granary",
    base,
    data,
    token,
    headers: { authorization: `Bearer ${token}` },
    version: await granaryVersion(setting),
    api: (method, path, body) => ask(method, base + path, { token, body }),
    registry: (repo, type = "npm") => `${base}/api/${type}/${repo}`,
  };
}

/** What the program says of its version. */
export async function granaryVersion(setting) {
  const { stdout } = await run(setting.granary, ["--version"]);
  return stdout.trim().split(" ").at(-1);
}

/** Runs `granary-bench`, which fills data folders and counts calls, on a folder whose server is stopped. Gives what it said. */
export function bench(args, options = {}) {
  const program = process.env.GRANARY_BENCH_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "release/granary-bench");
  return run(program, args, { cpu: BOTH, ...options });
}

/** Makes a repository of the administrator. */
export function makeRepo(server, { name, packageTypes = ["npm"], visibility = "private" }) {
  return server.api("POST", "/api/repos", { name, packageTypes, visibility });
}
