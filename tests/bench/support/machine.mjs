// The machine that measures, and what it measures with.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { root } from "./place.mjs";

/** The numbers of the cores that this process may use; `count` of them if the system does not say which. */
export function allowedCores(count) {
  const fallback = Array.from({ length: count }, (_, index) => index);
  const listed = /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"));
  if (!listed) return fallback;
  const all = listed[1].split(",").flatMap((part) => {
    const [from, to = from] = part.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
  return all.slice(0, count);
}

/** Processor, memory and system, each as a row of a table. */
export function machineRows() {
  return [
    ["processor", `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores`],
    ["memory", `${(totalmem() / 1e9).toFixed(0)} GB`],
    ["system", `${distribution()}, Linux ${release()}`],
  ];
}

function distribution() {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  } catch {
    return "Linux";
  }
}

/** Name and version of a program, as the first line says that it prints. */
export function programVersion(command, args) {
  const { stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (error) return "not there";
  return `${stdout}${stderr}`.split("\n")[0].trim();
}

/** The commit that is measured, with a mark if files differ from it. */
export function commit() {
  return programVersion("git", ["-C", root, "describe", "--always", "--dirty=, with changes", "--exclude=*"]);
}
