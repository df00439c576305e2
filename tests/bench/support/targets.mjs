// What the registry is to reach, and whether it does. A group gives what it has measured as `measured` of one of its tables: an
// object from the ids below to a number, or to a list of numbers of which the worst counts.
import { existsSync, readFileSync } from "node:fs";
import { page } from "./place.mjs";
import { marked, number } from "./table.mjs";

const THIRD = 1 / 3;

/** Bounds as they are shown; a third has no end of digits. */
const shown = (bound) => (bound === THIRD ? "1/3" : bound);

const atLeast = (bound, unit) => ({ bound, unit, met: (value) => value >= bound, worst: Math.min, words: "at least" });
const atMost = (bound, unit) => ({ bound, unit, met: (value) => value <= bound, worst: Math.max, words: "at most" });

/** All targets, in the order of the table. The first text is what the row is called. */
const TARGETS = {
  "npm-100": ["requests per second for a packument of 100 versions, Verdaccio's times", atLeast(20, "")],
  "npm-3000": ["requests per second for a packument of 3,000 versions, Verdaccio's times", atLeast(200, "")],
  tarballs: ["downloads per second of npm tarballs, Verdaccio's times", atLeast(3, "")],
  "publish-8": ["npm publishes per second at concurrency 8, Verdaccio's times", atLeast(5, "")],
  reposilite: ["requests per second for Maven metadata and small files, Reposilite's times", atLeast(3, "")],
  "memory-rest": ["memory at rest, as a part of Verdaccio's", atMost(THIRD, "")],
  "memory-load": ["memory under load, as a part of Verdaccio's", atMost(THIRD, "")],
  "memory-after": ["memory after the load, as a part of Verdaccio's", atMost(THIRD, "")],
  "nginx-npm": ["requests per second for packuments (200, all sizes and forms), as a part of nginx's", atLeast(0.5, "")],
  "nginx-maven": ["requests per second for Maven documents (200), as a part of nginx's", atLeast(0.5, "")],
  "p99-npm": ["p99 at half of the peak, packument of 100 versions", atMost(5, " ms")],
  "p99-maven": ["p99 at half of the peak, Maven metadata", atMost(5, " ms")],
  "growth-packages": ["read cost in a repository of 1,000,000 packages, times that of 10", atMost(1.2, "")],
  "growth-versions": ["read cost of a version of 10,000, times that of 10", atMost(1.2, "")],
  "upstream-cold": ["npm install through an upstream, nothing there yet, Verdaccio's time in Granary's times", atLeast(1, "")],
  "upstream-warm": ["requests per second for documents and archives of an upstream that are there, Verdaccio's times", atLeast(5, "")],
  start: ["from start to ready", atMost(300, " ms")],
};

/** Takes what tables have measured into `values`; a later value of an id goes to the earlier ones, and the worst counts. */
export function collect(values, tables) {
  for (const { measured = {} } of tables) {
    for (const [id, value] of Object.entries(measured)) {
      if (!TARGETS[id]) throw new Error(`there is no target ${id}`);
      values[id] = [...(values[id] ?? []), ...[value].flat().filter(Number.isFinite)];
    }
  }
  return values;
}

/**
 * The table of the targets. What this run has not measured keeps the row that is in docs/BENCHMARKS.md, if `keep` is true and
 * there is one.
 */
export function targetsTable(values, keep) {
  const old = keep ? earlier() : new Map();
  const rows = Object.entries(TARGETS).map(([id, [what, target]]) => {
    const wanted = `${target.words} ${shown(target.bound)}${target.unit}`;
    if (!values[id]?.length) return old.get(what) ?? [what, wanted, "-", "not measured"];
    const value = target.worst(...values[id]);
    return [what, wanted, number(value) + target.unit, target.met(value) ? "met" : "MISSED"];
  });
  return { id: "targets", title: "Targets", columns: ["what", "target", "measured, worst case", ""], rows };
}

function earlier() {
  const text = existsSync(page) ? marked(readFileSync(page, "utf8"), "targets") : undefined;
  const rows = (text ?? "").split("\n").filter((line) => line.startsWith("| ")).map((line) => line.slice(2, -2).split(" | "));
  return new Map(rows.map((cells) => [cells[0], cells]));
}
