// A tree of packages that depend on each other, and npm installing it with nothing in its cache.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clients } from "./place.mjs";
import { CLIENT, folder, removeFolder, run } from "./process.mjs";

const NODE = join(clients, "node@22.23.3/bin/node");

/** The npm that installs. */
export const NPM = "11.21.2";

/** How many packages the project and each package of a level depend on: 12, 12 * 4 and 12 * 4 * 5 packages, 300 in all. */
export const WIDTHS = [12, 4, 5];

/** What all of them depend on, and the project on those at the top. */
export const RANGE = "^1.0.0";

/** Dependencies on packages of the tree, as a manifest has them. */
export const ranges = (names) => Object.fromEntries(names.map((name) => [name, RANGE]));

/**
 * The names of a tree: those at its `top`, and `needs`, a map from all names to those that each depends on. `named` gives the
 * name of the package at a path, a list of numbers.
 */
export function treeOf(widths, named = (path) => ["tree", ...path].join("-")) {
  const needs = new Map();
  const grow = (path) => {
    const below = Array.from({ length: widths[path.length] ?? 0 }, (_, index) => [...path, index]);
    const names = below.map(named);
    if (path.length > 0) needs.set(named(path), names);
    for (const one of below) grow(one);
    return names;
  };
  return { top: grow([]), needs };
}

/**
 * Seconds that npm takes to install the tree from `registry`, an address without a slash at its end, as whoever `token` is of.
 * Fails if it did not install all packages in the version that `expected(name)` says.
 */
export async function installTree({ registry, token }, tree, expected) {
  const project = folder();
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "project", version: "1.0.0", dependencies: ranges(tree.top) }));
  const credential = token ? `${registry.slice("http:".length)}/:_authToken=${token}\n` : "";
  writeFileSync(join(project, ".npmrc"), `registry=${registry}/\n${credential}`);
  const args = [join(clients, `npm@${NPM}/node_modules/npm/bin/npm-cli.js`), "install", "--cache", join(project, "cache")];
  args.push("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--no-update-notifier", "--loglevel=error");
  const env = { PATH: process.env.PATH, HOME: project, LANG: "C.UTF-8" };
  const began = performance.now();
  await run(NODE, args, { cwd: project, env, cpu: CLIENT });
  const seconds = (performance.now() - began) / 1000;
  expectInstalled(project, tree, expected);
  removeFolder(project);
  return seconds;
}

function expectInstalled(project, { needs }, expected) {
  const right = [...needs.keys()].filter((name) => {
    const home = join(project, "node_modules", name);
    if (!existsSync(join(home, "data.bin"))) return false;
    return JSON.parse(readFileSync(join(home, "package.json"), "utf8")).version === expected(name);
  });
  if (right.length !== needs.size) throw new Error(`npm installed ${right.length} of ${needs.size} packages rightly`);
}
