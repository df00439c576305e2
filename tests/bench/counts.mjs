// Instructions of the hot paths, counted by callgrind, and whether they are still what docs/instruction-counts.json says.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { root } from "./support/place.mjs";
import { cores, folder, removeFolder, run } from "./support/process.mjs";
import { number, print } from "./support/table.mjs";

const baseline = join(root, "docs/instruction-counts.json");

/** From when the one function is entered until the other one is, all is counted that happens in any thread. */
const BEGINS = "granary_bench::paths::counting_begins*";
const ENDS = "granary_bench::paths::counting_ends*";

/** A path may differ by this much from the baseline: what is left of the order of hash maps, and other processors. */
const TOLERANCE = 0.05;

/** The programs that run the paths: a build of the same profile as the baseline's. */
export const program = () => process.env.GRANARY_COUNTS_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug/granary-bench");

/** Instructions per run of paths, by their names; of all paths if none is given. With `pin` on a core for each process. */
export async function count(names = [], pin = false) {
  const place = folder();
  try {
    const env = { PATH: process.env.PATH, HOME: place, TMPDIR: place, LANG: "C.UTF-8", RUST_BACKTRACE: "0" };
    // Half of them at a time, each half in a process and a registry of its own.
    const homes = Array.from({ length: Math.min(cores, 2) }, (_, index) => join(place, String(index)));
    let all;
    for (const home of homes) {
      const { stdout } = await run(program(), ["paths", "--data", join(home, "data"), "--prepare", ...names], { env });
      all = stdout.trim().split("\n");
    }
    const shares = homes.map((_, share) => all.filter((_, index) => index % homes.length === share));
    const found = await Promise.all(homes.map((home, index) => (shares[index].length ? under(home, shares[index], env, pin ? index : undefined) : [])));
    const counts = new Map(found.flat());
    return new Map(all.map((name) => [name, counts.get(name)]));
  } finally {
    removeFolder(place);
  }
}

/** Runs paths under callgrind, and gives a list of their names and instructions. */
async function under(home, names, env, cpu) {
  const out = join(home, "out");
  const args = [
    ...["--quiet", "--tool=callgrind", `--log-file=${join(home, "log")}`, `--callgrind-out-file=${out}`],
    ...[`--zero-before=${BEGINS}`, `--dump-before=${ENDS}`, program(), "paths", "--data", join(home, "data"), ...names],
  ];
  const { stdout } = await run("valgrind", args, { env, cpu, timeout: 900_000 });
  const lines = stdout.trim().split("\n").map((line) => line.split(" "));
  return lines.map(([name, repetitions], index) => [name, Math.round(instructions(`${out}.${index + 1}`) / Number(repetitions))]);
}

/** What a dump says, which has to be one that was written where counting ends. */
function instructions(path) {
  const text = readFileSync(path, "utf8");
  if (!/^desc: Trigger: --dump-before=/m.test(text)) throw new Error(`${path} is not of a path:\n${text.slice(0, 500)}`);
  return Number(/^totals: (\d+)$/m.exec(text)[1]);
}

const known = () => (existsSync(baseline) ? JSON.parse(readFileSync(baseline, "utf8")) : {});

/** The table of what was counted, and what is wrong with it. */
function compare(found) {
  const before = known()[process.arch]?.paths ?? {};
  const slower = [];
  const faster = [];
  const missing = [];
  const rows = [...found].map(([name, now]) => {
    const old = before[name];
    if (old === undefined) missing.push(name);
    const change = now / old - 1;
    if (change > TOLERANCE) slower.push(`${name}: ${number(old)} instructions before, ${number(now)} now`);
    if (change < -TOLERANCE) faster.push(name);
    const verdict = change > TOLERANCE ? "MORE" : change < -TOLERANCE ? "less" : "";
    return [name, old === undefined ? "-" : number(old), number(now), old === undefined ? "-" : `${(change * 100).toFixed(1)} %`, verdict];
  });
  return { rows, slower, faster, missing };
}

const table = (rows) => ({
  id: "counts",
  title: "Instructions of hot paths",
  command: "scripts/bench-counts",
  columns: ["path", "baseline", "now", "change", ""],
  rows,
  notes: [
    "Per request, of the debug build that the tests use, all threads together, without the kernel. They compare this registry with itself, and nothing else.",
    `\`scripts/bench-counts\` fails if a path takes ${TOLERANCE * 100} % more than \`docs/instruction-counts.json\` says; \`--write\` renews that.`,
  ],
});

/** For `scripts/bench`, which only shows them. */
export async function measure(setting, report) {
  setting.say("counts: the paths under valgrind");
  report(table(compare(await count([], true)).rows));
}

/** The whole baseline with these paths in it. */
async function write(found) {
  const version = async (command) => (await run(command, ["--version"])).stdout.trim();
  const made = { with: [await version("rustc"), await version("valgrind")] };
  const paths = { ...known()[process.arch]?.paths, ...Object.fromEntries(found) };
  const whole = { ...known(), [process.arch]: { ...made, paths } };
  writeFileSync(baseline, `${JSON.stringify(whole, null, 2)}\n`);
}

async function main() {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: "boolean", default: false } } });
  const found = await count(positionals);
  const { rows, slower, faster, missing } = compare(found);
  print(table(rows));
  if (values.write) {
    await write(found);
    console.log("\nwritten to docs/instruction-counts.json");
    return 0;
  }
  const others = Object.keys(known());
  if (others.length && !others.includes(process.arch)) {
    console.log(`\nnothing to compare with: the baseline is of ${others.join(", ")}, and this is ${process.arch}; --write adds it`);
    return 0;
  }
  if (faster.length) console.log(`\n${faster.join(", ")}: much less than before; renew the baseline by scripts/bench-counts --write`);
  for (const line of slower) console.error(`scripts/bench-counts: ${line}`);
  if (missing.length) console.error(`scripts/bench-counts: no baseline on ${process.arch} for ${missing.join(", ")}; make one by --write`);
  return slower.length || missing.length ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(await main());
