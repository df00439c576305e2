// Somebody's folder and home, in which they run what a page says.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** How long a command may take, in milliseconds. */
const PATIENCE = 120_000;

/** Nothing but the registry can be reached: other hosts are asked through the discard port. */
const NOWHERE = "http://127.0.0.1:9";

export class Workplace {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "granary-work-"));
    this.home = join(this.folder, "home");
    this.project = join(this.folder, "project");
    this.variables = {};
    mkdirSync(this.home);
    mkdirSync(this.project);
  }

  /** Writes a file of the project, or of the home if its path begins with `~/`: text, or an object as JSON. */
  write(path, content) {
    const file = path.startsWith("~/") ? join(this.home, path.slice(2)) : join(this.project, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`);
    return file;
  }

  has(path) {
    return existsSync(join(this.project, path));
  }

  /** Runs commands in the project, as somebody who pastes them; gives what they print. */
  async run(commands) {
    try {
      const { stdout, stderr } = await run("bash", ["--norc", "-euo", "pipefail", "-c", commands], {
        cwd: this.project,
        timeout: PATIENCE,
        env: {
          PATH: process.env.PATH,
          HOME: this.home,
          LANG: "C.UTF-8",
          http_proxy: NOWHERE,
          https_proxy: NOWHERE,
          no_proxy: "localhost,127.0.0.1",
          npm_config_update_notifier: "false",
          npm_config_fund: "false",
          npm_config_audit: "false",
          npm_config_fetch_retries: "0",
          ...this.variables,
        },
      });
      return stdout + stderr;
    } catch (error) {
      throw new Error(`${commands}\n${error.stdout ?? ""}${error.stderr ?? ""}ended with ${error.code}`);
    }
  }

  /** Runs commands that must not succeed; gives what they print. */
  async refused(commands) {
    const said = await this.run(commands).then(() => undefined, (error) => error.message);
    if (said === undefined) throw new Error(`${commands} succeeded, and was to be refused`);
    return said;
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
