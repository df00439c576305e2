// Reposilite, the Maven repository that Granary is compared with where its jar is there: a process of its own with a folder of its own.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { basic } from "./maven.mjs";
import { freePort, run, SERVER, start } from "./process.mjs";

/** Name and secret of its token, which lives as long as the process. */
const NAME = "bench";
const SECRET = "bench-bench-bench";

/** Whether somebody has given its jar by `REPOSILITE_JAR`. */
export function hasReposilite() {
  return Boolean(process.env.REPOSILITE_JAR);
}

/**
 * Starts Reposilite as it comes, with its data in `folder`/reposilite. `url` is the repository `private` that it has from the
 * start, which needs the token for reading too.
 */
export async function startReposilite(folder) {
  const jar = resolve(process.env.REPOSILITE_JAR);
  const home = join(folder, "reposilite");
  mkdirSync(home, { recursive: true });
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const headers = basic(SECRET, NAME);
  const args = [`--working-directory=${home}`, "--hostname=127.0.0.1", `--port=${port}`, `--token=${NAME}:${SECRET}`];
  const env = { PATH: process.env.PATH, HOME: folder, LANG: "C.UTF-8" };
  // The repositories are there some time after the port is.
  const lists = async (answer) => answer.ok && (await answer.text()).includes('"private"');
  const ready = () => fetch(`${base}/api/maven/details`, { headers }).then(lists, () => false);
  const server = await start("java", ["-jar", jar, ...args], { ready, cpu: SERVER, env, cwd: home });
  const { stdout } = await run("java", ["-jar", jar, "--version"], { env, cwd: home });
  return { ...server, name: "Reposilite", base, url: `${base}/private/`, headers, version: stdout.trim().split(/\s+/).at(-1) };
}
