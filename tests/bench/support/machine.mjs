// The machine that measures, and what it measures with.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { root } from "./place.mjs";

/** The numbers of the cores that this process may use; `count` of them if the system does not say which. */
export function allowedCores(count) {
  const fallback = Array.from({ length: count }, (_, index) => index);
  const listed = /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"));
  if (!listed) return fallback;
  return ranges(listed[1]).slice(0, count);
}

/** Processor, memory and system, each as a row of a table. */
export function machineRows() {
  return [
    ["processor", `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores`],
    ["memory", `${(totalmem() / 1e9).toFixed(0)} GB`],
    ["system", `${distribution()}, Linux ${release()}`],
    ["file system of the data", programVersion("stat", ["-f", "-c", "%T", tmpdir()])],
    ["Java", javaVersion()],
  ];
}

/** What Java says of its version, behind what it may say of its options. */
function javaVersion() {
  const { stderr } = spawnSync("java", ["-version"], { encoding: "utf8" });
  return /version "([^"]+)"/.exec(stderr ?? "")?.[1] ?? "not there";
}

/** Whether two cores are threads of the same one, which they would have to share. */
export function areThreadsOfOne(first, second) {
  try {
    const listed = readFileSync(`/sys/devices/system/cpu/cpu${first}/topology/thread_siblings_list`, "utf8");
    return ranges(listed.trim()).includes(second);
  } catch {
    return undefined;
  }
}

/** The numbers in a list such as `0-2,5`. */
function ranges(list) {
  return list.split(",").flatMap((part) => {
    const [from, to = from] = part.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
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

/** The commit that is measured, with a mark if files differ from it, the page of the results left aside. */
export function commit() {
  const name = programVersion("git", ["-C", root, "describe", "--always", "--exclude=*"]);
  const changes = programVersion("git", ["-C", root, "status", "--porcelain", "--", ".", ":!docs/BENCHMARKS.md"]);
  return changes ? `${name} with changes` : name;
}
