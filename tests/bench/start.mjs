// How long a registry takes from its start to its first answer.
import { cpSync } from "node:fs";
import { join } from "node:path";
import { npmContest, REPO, withServers } from "./support/contest.mjs";
import { startGranary } from "./support/granary.mjs";
import { summary } from "./support/load.mjs";
import { fillGranary, fillVerdaccio } from "./support/npm-data.mjs";
import { publishOf } from "./support/packages.mjs";
import { folder, removeFolder, settled } from "./support/process.mjs";
import { publishAll } from "./support/publishing.mjs";
import { number, quotient, ratio, spread } from "./support/table.mjs";
import { startVerdaccio } from "./support/verdaccio.mjs";

const STARTS = 7;

export function measure(setting, report) {
  const packages = setting.quick ? 50 : 1000;
  const starts = setting.quick ? 2 : STARTS;
  return withServers(async (home, running) => {
    setting.say(`start: ${packages} packages into both`);
    const [granary, verdaccio] = await npmContest(setting, home, running);
    await fill(packages, granary, verdaccio);
    const full = { granary: granary.data, verdaccio: verdaccio.data };
    const rows = [];
    const measured = { start: [] };
    for (const [label, folders] of [["empty data folder", {}], [`${number(packages)} packages`, full]]) {
      setting.say(`start: ${label}`);
      const times = await startsOf(setting, starts, folders);
      const { line, answer, theirs } = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, summary(all)]));
      rows.push([label, spread(line), spread(answer), spread(theirs), ratio(quotient(theirs, answer))]);
      measured.start.push(line.median);
    }
    report(table(rows, measured, starts));
  });
}

function table(rows, measured, starts) {
  return {
    id: "start",
    title: "Start",
    command: "scripts/bench start",
    columns: ["milliseconds", "Granary, ready line", "Granary, first answer", "Verdaccio, first answer", "Verdaccio's time, Granary's times"],
    rows,
    measured,
    notes: [`Median of ${starts} starts, in turns; the first answer is that of \`/health\` and of \`/-/ping\`. Files that the system has read before are in its memory.`],
  };
}

/** Puts the packages into both, and stops them. */
async function fill(packages, granary, verdaccio) {
  await fillGranary(granary, REPO, "many", 100);
  await fillVerdaccio(verdaccio, "many", 100);
  for (const server of [granary, verdaccio]) {
    await publishAll(server.registry(REPO), server.token, single(packages), 8);
    await settled(server);
    await server.stop();
  }
}

function* single(packages) {
  for (let i = 0; i < packages; i++) yield publishOf(`package-${i}`, "1.0.0");
}

/** Milliseconds of all starts: Granary's ready line, its first answer, Verdaccio's first answer. Each on a copy of its folder. */
async function startsOf(setting, starts, { granary, verdaccio }) {
  const kinds = {
    line: [startGranary, granary, {}],
    answer: [startGranary, granary, { until: "answer" }],
    theirs: [startVerdaccio, verdaccio, {}],
  };
  const times = { line: [], answer: [], theirs: [] };
  for (let i = 0; i < starts; i++) {
    for (const [kind, [start, from, how]] of Object.entries(kinds)) {
      const place = folder();
      const data = join(place, "data");
      if (from) cpSync(from, data, { recursive: true });
      const server = await start(setting, place, { data, ...how });
      times[kind].push(server.milliseconds);
      await server.stop();
      removeFolder(place);
    }
  }
  return times;
}
