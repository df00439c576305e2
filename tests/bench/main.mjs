// The measurements of `scripts/bench`, which starts this and says what the arguments are.
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { granaryVersion } from "./support/granary.mjs";
import { commit, machineRows, programVersion } from "./support/machine.mjs";
import { nginxVersion } from "./support/nginx.mjs";
import { CLIENT, cores, pinSelf, sharesCore } from "./support/process.mjs";
import { number, print, write } from "./support/table.mjs";
import { collect, targetsTable } from "./support/targets.mjs";
import { verdaccioNode, verdaccioVersion } from "./support/verdaccio.mjs";

const GROUPS = ["npm", "publish", "install", "upstream", "files", "maven", "resolve", "memory", "start", "growth", "counts"];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const unknown = positionals.filter((name) => !GROUPS.includes(name));
if (unknown.length) {
  console.error(`scripts/bench: there is no group ${unknown.join(", ")}; there are ${GROUPS.join(", ")}`);
  process.exit(2);
}
if (options.quick && options.write) {
  console.error("scripts/bench: what --quick measures is not written; leave out --write");
  process.exit(2);
}
const groups = GROUPS.filter((name) => positionals.length === 0 || positionals.includes(name));

const setting = {
  granary: resolve(process.env.GRANARY_BIN),
  verdaccioHome: resolve(process.env.VERDACCIO_HOME),
  nginx: process.env.NGINX ?? "nginx",
  wrk: process.env.WRK ?? "wrk",
  oha: resolve(process.env.OHA),
  rounds: options.quick ? 1 : positive("rounds"),
  seconds: options.quick ? 1 : positive("seconds"),
  quick: options.quick,
  cores,
  say: (text) => console.error(`[${new Date().toTimeString().slice(0, 8)}] ${text}`),
};

function positive(name) {
  const value = Number(options[name]);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(`scripts/bench: --${name} is a whole number above 0`);
  return process.exit(2);
}

const today = new Date().toISOString().slice(0, 10);

/** Taken before anything is written. */
const measuredCommit = commit();

/** Groups whose measurements have no length in seconds, or are not made in rounds. */
const UNTIMED = { install: `, ${setting.rounds} rounds`, resolve: `, ${setting.rounds} rounds`, start: "", counts: "" };

/** A table with a note of when and how it was measured: the next run may renew only some of them. */
function stamped(name, table) {
  const how = UNTIMED[name] ?? `, ${setting.rounds} rounds of ${setting.seconds} s`;
  return { ...table, notes: [...(table.notes ?? []), `Measured on ${today}, commit ${measuredCommit}${how}.`] };
}

/** A run of some groups keeps what is known of the others; a run of all of them says so if one could not be measured. */
const keep = options.write && groups.length < GROUPS.length;

/** What was measured with, and how. */
async function machineTable() {
  const [wrk] = programVersion(setting.wrk, ["--version"]).split(" [");
  const threads = { true: ", both threads of one core", false: ", no threads of one core" }[sharesCore] ?? "";
  const pinning = cores < 2 ? "one core, so nothing is pinned" : `servers on one core, all that asks on another${threads}`;
  const built = process.env.GRANARY_BUILT_BEFORE ? " (built before, `GRANARY_BIN`)" : "";
  const rows = [
    ...machineRows(),
    ["Granary", `${await granaryVersion(setting)}, commit ${measuredCommit}${built}`],
    ["Verdaccio", `${verdaccioVersion(setting)}, Node ${verdaccioNode(setting)}`],
    ["nginx", await nginxVersion(setting)],
    ["load", `${wrk}; ${programVersion(setting.oha, ["--version"])}; Node ${process.versions.node}`],
    ["pinning", pinning],
    ["rounds", `${setting.rounds} of ${setting.seconds} s, on ${today}`],
  ];
  return { id: "machine", title: "Machine", columns: ["", ""], rows };
}

if (setting.quick) setting.say("--quick: numbers of one short round say that the harness works, and nothing else");
if (cores < 2) setting.say(`only ${availableParallelism()} core: nothing is pinned, servers and load share it`);
await pinSelf(CLIENT);

const machine = await machineTable();
print(machine);
const values = {};
const failed = [];

/**
 * Takes tables as soon as a group has them: what has been measured is kept, whatever becomes of what is measured next. What is
 * known of the groups that are still to come stays until the end.
 */
function report(tables) {
  collect(values, tables);
  for (const table of tables) print(table);
  if (options.write) write([machine, targetsTable(values, true), ...tables]);
}

for (const name of groups) {
  setting.say(`group ${name}`);
  const began = performance.now();
  try {
    const { measure } = await import(`./${name}.mjs`);
    await measure(setting, (...tables) => report(tables.map((table) => stamped(name, table))));
    setting.say(`group ${name} took ${number((performance.now() - began) / 60_000)} minutes`);
  } catch (error) {
    failed.push(name);
    setting.say(`group ${name} failed: ${error.stack}`);
  }
}
if (options.write) write([targetsTable(values, keep)]);
print(targetsTable(values, keep));
if (failed.length) {
  console.error(`scripts/bench: ${failed.join(", ")} could not be measured`);
  process.exitCode = 1;
}
process.exit();
