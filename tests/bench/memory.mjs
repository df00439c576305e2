// Memory of the registries at rest, under load and after it.
import { npmContest, REPO, withServers } from "./support/contest.mjs";
import { startGranary } from "./support/granary.mjs";
import { peak, summary } from "./support/load.mjs";
import { fillGranary, fillVerdaccio } from "./support/npm-data.mjs";
import { publishOf } from "./support/packages.mjs";
import { forgetPeak, resident, settled, sleep } from "./support/process.mjs";
import { publishAll } from "./support/publishing.mjs";
import { raw } from "./support/raw.mjs";
import { quotient, ratio, spread } from "./support/table.mjs";
import { startVerdaccio } from "./support/verdaccio.mjs";

const VERSIONS = 100;
const SIZES = { small: 10_000, large: 1_000_000 };

/** What is measured, and the target that it belongs to. */
const MOMENTS = {
  rest: ["10 s after the start", "memory-rest"],
  load: ["at most, under load", "memory-load"],
  after: ["10 s after the load", "memory-after"],
};

export function measure(setting, report) {
  return withServers(async (home, running) => {
    setting.say("memory: filling both");
    await fill(await npmContest(setting, home, running));
    const starts = { Granary: startGranary, Verdaccio: startVerdaccio };
    const pause = setting.quick ? 2000 : 10_000;
    const all = new Map(Object.keys(starts).map((name) => [name, []]));
    for (let round = 0; round < setting.rounds; round++) {
      for (const [name, start] of Object.entries(starts)) {
        setting.say(`memory: ${name}`);
        const server = await start(setting, home);
        running.push(server);
        all.get(name).push(await life(setting, server, pause));
        await server.stop();
      }
    }
    report(table(setting, all));
  });
}

/** Puts the packages into both, and stops them. */
async function fill(servers) {
  const [granary, verdaccio] = servers;
  await fillGranary(granary, REPO, "many", VERSIONS);
  await fillVerdaccio(verdaccio, "many", VERSIONS);
  const files = Object.entries(SIZES).map(([name, bytes]) => publishOf(name, "1.0.0", { bytes }));
  for (const server of servers) {
    await publishAll(server.registry(REPO), server.token, files, 1);
    await settled(server);
    await server.stop();
  }
}

/** One life of a server: rest, load, rest. MB at each of the moments. */
async function life(setting, server, pause) {
  await sleep(pause);
  const rest = resident(server.pid).now;
  forgetPeak(server.pid);
  for (const { url, headers, expected } of await requestsOf(server)) await peak(setting, url, { headers, expected, connections: 16 });
  const load = resident(server.pid).peak;
  await sleep(pause);
  return { rest, load, after: resident(server.pid).now };
}

/** Both forms of the packument, and the archives as they are asked for, behind their redirects too. */
async function requestsOf(server) {
  const registry = server.registry(REPO);
  const packument = (accept) => ({
    url: `${registry}/many`,
    headers: { ...server.headers, "accept-encoding": "gzip", accept },
    expected: 200,
  });
  const requests = [packument("application/json"), packument("application/vnd.npm.install-v1+json")];
  for (const name of Object.keys(SIZES)) {
    const url = `${registry}/${name}/-/${name}-1.0.0.tgz`;
    const { status, headers } = await raw(url, { headers: server.headers });
    requests.push({ url, headers: server.headers, expected: status });
    if (headers.location) requests.push({ url: headers.location, headers: {}, expected: 200 });
  }
  return requests;
}

function table(setting, all) {
  const measured = {};
  const rows = Object.entries(MOMENTS).map(([moment, [label, target]]) => {
    const [ours, theirs] = ["Granary", "Verdaccio"].map((name) => summary(all.get(name).map((life_) => life_[moment])));
    measured[target] = quotient(ours, theirs);
    return [label, spread(ours), spread(theirs), ratio(quotient(ours, theirs))];
  });
  return {
    id: "memory",
    title: "Memory",
    command: "scripts/bench memory",
    columns: ["MB resident", "Granary", "Verdaccio", "part of Verdaccio's"],
    rows,
    measured,
    notes: [
      `The load is a packument of ${VERSIONS} versions in both forms and archives of 10 kB and 1 MB, each for ${setting.seconds} s from 16 connections, after a second to get warm.`,
    ],
  };
}
