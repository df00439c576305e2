// The registry under test: a process of its own on free ports, with an empty data folder.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./place.mjs";

export const program = process.env.GRANARY_BIN ?? join(root, "target/debug/granary");

/** How long a start may take: a debug build on a machine that does other things as well. */
const START = 120_000;

/** Starts a registry. `variables` are added to its environment, which is else nearly empty. */
export async function startServer(variables = {}) {
  const folder = mkdtempSync(join(tmpdir(), "granary-console-"));
  const log = join(folder, "log");
  const scripts = join(folder, "scripts");
  mkdirSync(scripts);
  const process_ = spawn(
    program,
    ["--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0", "--data", join(folder, "data")],
    {
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        LANG: "C.UTF-8",
        GRANARY_KMP_BUILDER: "local",
        GRANARY_KMP_SCRIPTS: scripts,
        GRANARY_KMP_POLL_INTERVAL: "86400",
        GRANARY_KOTLIN_COMPILER: join(root, ".cache/kmp/kotlin-compiler/node_modules/kotlin-compiler"),
        ...variables,
      },
      stdio: ["ignore", "pipe", openSync(log, "w")],
    },
  );
  const url = await ready(process_, log);
  const token = readFileSync(join(folder, "data/admin-token"), "utf8").trim();
  const stop = async () => {
    const ended = new Promise((resolve) => process_.once("exit", resolve));
    process_.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    url,
    /** The administrator's token, which the first start has written. */
    token,
    /** Folder of the scripts of the local builder; empty at first, so that no build can be begun. */
    scripts,
    /** Puts the real scripts there. */
    async mendScripts() {
      cpSync(join(root, "infra/github/build"), scripts, { recursive: true, filter: (from) => !from.includes("node_modules") });
    },
    log: () => readFileSync(log, "utf8"),
    stop,
  };
}

function ready(child, log) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the registry did not get ready:\n${readFileSync(log, "utf8")}`)), START);
    let said = "";
    child.stdout.on("data", (data) => {
      said += data;
      const found = /^Granary is ready at (\S+?)\/?$/m.exec(said);
      if (found) {
        clearTimeout(late);
        resolve(found[1]);
      }
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the registry ended with ${code}:\n${readFileSync(log, "utf8")}`)));
  });
}

/** The registry's interface with a token; what a test prepares is not what it is about. */
export function apiOf(url, token) {
  return async (method, path, body) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text && answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text;
  };
}

/** A token of somebody else than the administrator, by the built-in identity provider. */
export async function idToken(url, sub) {
  const answer = await fetch(`${url}/_idp/id-token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sub, name: sub }),
  });
  if (!answer.ok) throw new Error(`no id token for ${sub}: ${answer.status}`);
  return (await answer.json()).idToken;
}
