// `npm install` of a tree of 300 private packages with nothing in its cache.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { npmContest, REPO, withServers } from "./support/contest.mjs";
import { turns } from "./support/load.mjs";
import { publishOf } from "./support/packages.mjs";
import { clients } from "./support/place.mjs";
import { CLIENT, folder, removeFolder, run, settled } from "./support/process.mjs";
import { publishAll } from "./support/publishing.mjs";
import { number, quotient, ratio, spread } from "./support/table.mjs";

const NODE = join(clients, "node@22.23.3/bin/node");
const NPM = "11.21.2";

/** How many packages the project and each package of a level depend on: 12, 12 * 4 and 12 * 4 * 5 packages. */
const WIDTHS = [12, 4, 5];

/** Two versions each: the range has to be resolved, and the newer one is right. */
const VERSIONS = ["1.0.0", "1.2.0"];

export function measure(setting, report) {
  return withServers(async (home, running) => {
    const servers = await npmContest(setting, home, running);
    const tree = packagesOf(WIDTHS);
    for (const server of servers) {
      setting.say(`install: ${tree.size} packages into ${server.name}`);
      await publishAll(server.registry(REPO), server.token, publishes(tree), 4);
      await settled(server);
    }
    report(await table(setting, tree, servers));
  });
}

/** Names of all packages of the tree, each with what it depends on. */
function packagesOf(widths) {
  const tree = new Map();
  const grow = (name, depth) => {
    const children = Array.from({ length: widths[depth] ?? 0 }, (_, i) => `${name}-${i}`);
    if (depth > 0) tree.set(name, children);
    for (const child of children) grow(child, depth + 1);
  };
  grow("tree", 0);
  return tree;
}

const ranges = (names) => Object.fromEntries(names.map((name) => [name, "^1.0.0"]));

function* publishes(tree) {
  for (const version of VERSIONS) {
    for (const [name, children] of tree) {
      yield publishOf(name, version, { bytes: 10_000, more: { dependencies: ranges(children), devDependencies: {} } });
    }
  }
}

async function table(setting, tree, servers) {
  const results = await turns(setting, servers, (server) => {
    setting.say(`install: from ${server.name}`);
    return install(server, tree);
  });
  const [ours, theirs] = servers.map((server) => results.get(server));
  return {
    id: "install",
    title: "npm install",
    command: "scripts/bench install",
    columns: ["seconds", "Granary", "Verdaccio", "Verdaccio's time, Granary's times"],
    rows: [[`${number(tree.size)} packages, cold cache`, spread(ours), spread(theirs), ratio(quotient(theirs, ours))]],
    notes: [
      `npm ${NPM} on a core of its own, without a lock file: it reads ${number(tree.size)} packuments and as many archives of 10 kB. Most of the time is npm's own.`,
    ],
  };
}

/** Seconds that npm takes. Fails if it did not install all packages in the right version. */
async function install(server, tree) {
  const project = folder();
  const registry = server.registry(REPO);
  const top = [...tree.keys()].filter((name) => name.split("-").length === 2);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "project", version: "1.0.0", dependencies: ranges(top) }));
  writeFileSync(join(project, ".npmrc"), `registry=${registry}/\n${registry.slice("http:".length)}/:_authToken=${server.token}\n`);
  const args = [join(clients, `npm@${NPM}/node_modules/npm/bin/npm-cli.js`), "install", "--cache", join(project, "cache")];
  args.push("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--no-update-notifier", "--loglevel=error");
  const env = { PATH: process.env.PATH, HOME: project, LANG: "C.UTF-8" };
  const began = performance.now();
  await run(NODE, args, { cwd: project, env, cpu: CLIENT });
  const seconds = (performance.now() - began) / 1000;
  expectInstalled(project, tree);
  removeFolder(project);
  return seconds;
}

function expectInstalled(project, tree) {
  const modules = join(project, "node_modules");
  const found = existsSync(modules) ? readdirSync(modules).filter((name) => tree.has(name)) : [];
  const right = found.filter((name) => {
    const { version } = JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8"));
    return version === VERSIONS.at(-1) && existsSync(join(modules, name, "data.bin"));
  });
  if (right.length !== tree.size) throw new Error(`npm installed ${right.length} of ${tree.size} packages rightly`);
}
