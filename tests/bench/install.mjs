// `npm install` of a tree of 300 private packages with nothing in its cache.
import { npmContest, REPO, withServers } from "./support/contest.mjs";
import { turns } from "./support/load.mjs";
import { publishOf } from "./support/packages.mjs";
import { settled } from "./support/process.mjs";
import { publishAll } from "./support/publishing.mjs";
import { number, quotient, ratio, spread } from "./support/table.mjs";
import { installTree, NPM, ranges, treeOf, WIDTHS } from "./support/tree.mjs";

/** Two versions each: the range has to be resolved, and the newer one is right. */
const VERSIONS = ["1.0.0", "1.2.0"];

export function measure(setting, report) {
  return withServers(async (home, running) => {
    const servers = await npmContest(setting, home, running);
    const tree = treeOf(WIDTHS);
    for (const server of servers) {
      setting.say(`install: ${tree.needs.size} packages into ${server.name}`);
      await publishAll(server.registry(REPO), server.token, publishes(tree), 4);
      await settled(server);
    }
    report(await table(setting, tree, servers));
  });
}

function* publishes({ needs }) {
  for (const version of VERSIONS) {
    for (const [name, children] of needs) {
      yield publishOf(name, version, { bytes: 10_000, more: { dependencies: ranges(children), devDependencies: {} } });
    }
  }
}

async function table(setting, tree, servers) {
  const results = await turns(setting, servers, (server) => {
    setting.say(`install: from ${server.name}`);
    return installTree({ registry: server.registry(REPO), token: server.token }, tree, () => VERSIONS.at(-1));
  });
  const [ours, theirs] = servers.map((server) => results.get(server));
  const count = number(tree.needs.size);
  return {
    id: "install",
    title: "npm install",
    command: "scripts/bench install",
    columns: ["seconds", "Granary", "Verdaccio", "Verdaccio's time, Granary's times"],
    rows: [[`${count} packages, cold cache`, spread(ours), spread(theirs), ratio(quotient(theirs, ours))]],
    notes: [
      `npm ${NPM} on a core of its own, without a lock file: it reads ${count} packuments and as many archives of 10 kB. Most of the time is npm's own.`,
    ],
  };
}
