// Publishing npm versions: new packages, and versions of one package.
import { npmContest, REPO, withServers } from "./support/contest.mjs";
import { turns } from "./support/load.mjs";
import { listedVersions } from "./support/npm-data.mjs";
import { publishOf } from "./support/packages.mjs";
import { pool } from "./support/pool.mjs";
import { attempt, connections } from "./support/publishing.mjs";
import { number, quotient, ratio, spread } from "./support/table.mjs";

const WIDTHS = [1, 8, 32];
const BYTES = 10_000;

/** Versions that are published for each second of a measurement; both servers get the same. */
const PER_SECOND = 150;

export function measure(setting, report) {
  return withServers(async (home, running) => {
    const servers = await npmContest(setting, home, running);
    // What starts only once is not measured.
    for (const server of servers) await publishMany(server, bodies(20, (i) => publishOf(`warm-${i}`, "1.0.0", { bytes: BYTES })), 8);
    report(await ofNewPackages(setting, servers));
    report(await ofOnePackage(setting, servers));
  });
}

const bodies = (count, make) => Array.from({ length: count }, (_, index) => make(index));

/** Publishes all of them, and gives how many were acknowledged, and how many of those per second. */
async function publishMany(server, packages, width) {
  const agent = connections(width);
  let acknowledged = 0;
  const began = performance.now();
  await pool(packages, width, async (one) => {
    const { status } = await attempt(server.registry(REPO), server.token, one, agent);
    if (status < 300) acknowledged += 1;
  });
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  return { acknowledged, perSecond: acknowledged / seconds };
}

async function ofNewPackages(setting, [granary, verdaccio]) {
  const rows = [];
  const measured = {};
  const count = PER_SECOND * setting.seconds;
  for (const width of WIDTHS) {
    setting.say(`publish: ${count} new packages, ${width} at a time`);
    const results = await turns(setting, [granary, verdaccio], async (server, round) => {
      const packages = bodies(count, (i) => publishOf(`new-${width}-${round}-${i}`, "1.0.0", { bytes: BYTES }));
      const { acknowledged, perSecond } = await publishMany(server, packages, width);
      if (acknowledged !== count) throw new Error(`${server.name} took ${acknowledged} of ${count} new packages`);
      // Every tenth is looked for: an answer that was given for nothing would be fast.
      await pool(packages.filter((_, index) => index % 10 === 0), 4, async ({ name }) => {
        const listed = await listedVersions(server, server.registry(REPO), name);
        if (listed !== 1) throw new Error(`${server.name} lists ${listed} versions of ${name}`);
      });
      return perSecond;
    });
    const [ours, theirs] = [granary, verdaccio].map((server) => results.get(server));
    rows.push([`new packages, ${width} at a time`, spread(ours), spread(theirs), ratio(quotient(ours, theirs))]);
    if (width === 8) measured["publish-8"] = quotient(ours, theirs);
  }
  return {
    id: "publish",
    title: "npm: new packages",
    command: "scripts/bench publish",
    columns: ["versions per second", "Granary", "Verdaccio", "times Verdaccio"],
    rows,
    measured,
    notes: [`Each with an archive of ${number(BYTES / 1000)} kB, ${number(count)} of them in a measurement. Granary answers when the version is on the disk.`],
  };
}

async function ofOnePackage(setting, servers) {
  const count = PER_SECOND * setting.seconds;
  const width = 8;
  const counts = new Map(servers.map((server) => [server, []]));
  setting.say(`publish: ${count} versions of one package, ${width} at a time`);
  const results = await turns(setting, servers, async (server, round) => {
    const name = `one-${round}`;
    const packages = bodies(count, (i) => publishOf(name, `1.0.${i}`, { bytes: BYTES }));
    const { acknowledged, perSecond } = await publishMany(server, packages, width);
    const listed = await listedVersions(server, server.registry(REPO), name);
    counts.get(server).push({ acknowledged, listed });
    return perSecond;
  });
  const sum = (server, field) => counts.get(server).reduce((total, one) => total + one[field], 0);
  const rows = servers.map((server) => {
    const [acknowledged, listed] = [sum(server, "acknowledged"), sum(server, "listed")];
    const sent = count * setting.rounds;
    return [server.name, spread(results.get(server)), ...[sent, acknowledged, listed, acknowledged - listed].map(number)];
  });
  return {
    id: "publish-one",
    title: "npm: versions of one package, 8 at a time",
    command: "scripts/bench publish",
    columns: ["", "acknowledged per second", "sent", "acknowledged", "listed afterwards", "lost"],
    rows,
    notes: ["Lost is what was answered as published and is not listed."],
  };
}
