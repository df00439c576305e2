// The measurements of `scripts/bench`, which starts this and says what the arguments are.
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { granaryVersion } from "./support/granary.mjs";
import { commit, machineRows, programVersion } from "./support/machine.mjs";
import { nginxVersion } from "./support/nginx.mjs";
import { CLIENT, cores, pinSelf } from "./support/process.mjs";
import { print, write } from "./support/table.mjs";
import { collect, targetsTable } from "./support/targets.mjs";
import { verdaccioVersion } from "./support/verdaccio.mjs";

const GROUPS = ["npm", "publish", "install", "files", "maven", "resolve", "memory", "start", "growth", "counts"];

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

/** What was measured with, and how. */
async function machineTable() {
  const [wrk] = programVersion(setting.wrk, ["--version"]).split(" [");
  const pinning = cores < 2 ? "one core, so nothing is pinned" : "servers on one core, all that asks on another";
  const rows = [
    ...machineRows(),
    ["Granary", `${await granaryVersion(setting)}, commit ${commit()}`],
    ["Verdaccio", `${verdaccioVersion(setting)}, Node 22`],
    ["nginx", await nginxVersion(setting)],
    ["load", `${wrk}; ${programVersion(setting.oha, ["--version"])}; Node ${process.versions.node}`],
    ["pinning", pinning],
    ["rounds", `${setting.rounds} of ${setting.seconds} s, on ${new Date().toISOString().slice(0, 10)}`],
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
for (const name of groups) {
  setting.say(`group ${name}`);
  try {
    const { measure } = await import(`./${name}.mjs`);
    const tables = await measure(setting);
    collect(values, tables);
    for (const table of tables) print(table);
    // After each group: what has been measured is kept, whatever becomes of the next one.
    if (options.write) write([machine, targetsTable(values, true), ...tables]);
  } catch (error) {
    failed.push(name);
    setting.say(`group ${name} failed: ${error.stack}`);
  }
}
print(targetsTable(values, options.write));
if (failed.length) {
  console.error(`scripts/bench: ${failed.join(", ")} could not be measured`);
  process.exitCode = 1;
}
process.exit();
