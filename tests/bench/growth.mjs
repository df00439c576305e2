// Whether a read costs the same in a repository of a million packages, and of a package of ten thousand versions, as of ten.
import { Agent } from "node:http";
import { join } from "node:path";
import { withServers } from "./support/contest.mjs";
import { bench, startGranary } from "./support/granary.mjs";
import { peak, summary, turns } from "./support/load.mjs";
import { CLIENT, quiet } from "./support/process.mjs";
import { expecting } from "./support/raw.mjs";
import { ratio, spread } from "./support/table.mjs";

/** Documents name this address and are kept under it: it is the same at every start, whatever the port. */
const PUBLIC_URL = "http://localhost:8080";

const FEW = 10;

/** So many packages are read once after each start, the same number in both repositories. */
const SAMPLE = 10;

const INSTALLING = { accept: "application/vnd.npm.install-v1+json", "accept-encoding": "gzip" };

const packageName = (number) => `package-${String(number).padStart(7, "0")}`;

/** Reads of one package. `read(name)` gives path and headers. */
const PACKAGE_READS = {
  packument: (repo, name) => ({ path: `/api/npm/${repo}/${name}`, headers: INSTALLING }),
  "packument, 304": (repo, name, etag) => ({ path: `/api/npm/${repo}/${name}`, headers: { ...INSTALLING, "if-none-match": etag }, expected: 304 }),
  "manifest of a version": (repo, name) => ({ path: `/api/npm/${repo}/${name}/1.0.0` }),
  tarball: (repo, name) => ({ path: `/api/npm/${repo}/-/tarball/${name}/1.0.0` }),
};

/** Reads of a repository. A search looks at every package, up to a limit: it is no read that could be flat. */
const LIST_READS = {
  "first ten packages": (repo) => ({ path: `/api/repos/${repo}/packages?limit=10` }),
  search: (repo, name) => ({ path: `/api/npm/${repo}/-/v1/search?text=${name}&size=10` }),
};

export function measure(setting, report) {
  const sizes = setting.quick ? { packages: 1000, versions: 100 } : { packages: 1_000_000, versions: 10_000 };
  const starts = setting.quick ? 2 : 5;
  return withServers(async (home) => {
    report(await growPackages(setting, home, sizes.packages, starts));
    report(await growVersions(setting, home, sizes.versions, starts));
  });
}

/** Two repositories, of few and of many packages, each in a registry of its own: what grows is the whole table. */
async function growPackages(setting, place, many, starts) {
  const cases = [FEW, many].map((count) => ({ count, repo: "packages", data: join(place, `packages-${count}`) }));
  for (const one of cases) {
    setting.say(`growth: a repository of ${one.count} packages`);
    await load(one, "--packages", one.count);
    // From the middle, and as many of both.
    one.names = Array.from({ length: SAMPLE }, (_, index) => packageName(Math.floor(((index + 0.5) * one.count) / SAMPLE)));
  }
  const reads = { ...PACKAGE_READS, ...LIST_READS };
  const found = await measureAll(setting, place, reads, cases, starts);
  return table({ id: "growth-packages", what: "packages", reads, cases, found, flat: Object.keys(reads).filter((read) => read !== "search") }, [
    "A search reads the list of the repository, 1,000 packages a call, and gives up after 50,000: it grows up to there, and is not counted among the reads that have to be flat.",
  ]);
}

/** Two packages, of few and of many versions, in one registry. */
async function growVersions(setting, place, many, starts) {
  const data = join(place, "versions");
  const cases = [FEW, many].map((count) => ({ count, repo: `versions-${count}`, data, names: ["versioned"] }));
  for (const one of cases) {
    setting.say(`growth: a package of ${one.count} versions`);
    await load(one, "--versions", one.count);
  }
  const found = await measureAll(setting, place, PACKAGE_READS, cases, starts);
  return table({ id: "growth-versions", what: "versions", reads: PACKAGE_READS, cases, found, flat: Object.keys(PACKAGE_READS).filter((read) => read !== "packument") }, [
    "The document of all versions grows with them, and so does sending it: its row is there to be seen, and is not counted among the reads that have to be flat.",
  ]);
}

/** Fills a repository; the server of its folder is stopped. */
async function load({ data, repo }, what, count) {
  await bench(["load", "--data", data, "--public-url", PUBLIC_URL, "--repo", repo, what, String(count)], { timeout: 3_600_000 });
}

const open = (setting, place, data) =>
  startGranary(setting, place, { data, variables: { GRANARY_PUBLIC_URL: PUBLIC_URL }, until: "answer" });

/** Servers of all data folders that the cases have; `work` gets a map from the folder to its server. */
async function serving(setting, place, cases, work) {
  const servers = new Map();
  try {
    for (const { data } of cases) if (!servers.has(data)) servers.set(data, await open(setting, place, data));
    return await work(servers);
  } finally {
    for (const server of servers.values()) await server.stop();
  }
}

/** For each read a map from the case to what was found: `warm`, `cold`, `calls`. */
async function measureAll(setting, place, reads, cases, starts) {
  await serving(setting, place, cases, (servers) => prepare(servers, cases));
  const found = Object.fromEntries(Object.keys(reads).map((read) => [read, new Map(cases.map((one) => [one, {}]))]));
  for (const one of cases) await countCalls(reads, one, found);
  for (const [read, request] of Object.entries(reads)) {
    setting.say(`growth: ${read}, the first time after a start`);
    await measureCold(setting, place, request, cases, starts, found[read]);
  }
  await serving(setting, place, cases, async (servers) => {
    for (const [read, request] of Object.entries(reads)) {
      setting.say(`growth: ${read}, again and again`);
      await measureWarm(setting, servers, request, cases, found[read]);
    }
  });
  return found;
}

/** Has the documents of the sample rendered, as they are soon after a publish, and takes their `ETag`s. */
async function prepare(servers, cases) {
  for (const one of cases) {
    const { base, headers } = servers.get(one.data);
    one.etags = new Map();
    for (const name of one.names) {
      const { path, headers: more } = PACKAGE_READS.packument(one.repo, name);
      const answer = await expecting(200, base + path, { headers: { ...headers, ...more } });
      one.etags.set(name, answer.headers.etag);
    }
  }
}

const requestFor = (request, one, name) => request(one.repo, name, one.etags.get(name));

/** The calls of the first read and of the second one, as functions on AWS make them. */
async function countCalls(reads, one, found) {
  const name = one.names[one.names.length >> 1];
  const wanted = Object.entries(reads).map(([read, request]) => ({ name: read, ...requestFor(request, one, name) }));
  const args = ["calls", "--data", one.data, "--public-url", PUBLIC_URL, JSON.stringify(wanted.map(({ expected, ...rest }) => rest))];
  const { stdout } = await bench(args, { cpu: CLIENT });
  for (const [index, { name: read, cold, warm }] of JSON.parse(stdout).entries()) {
    const expected = wanted[index].expected ?? 200;
    if (cold.status !== expected || warm.status !== expected) throw new Error(`${read} answered ${cold.status} and ${warm.status}`);
    found[read].get(one).calls = [cold.operations.length, warm.operations.length];
  }
}

/**
 * Milliseconds of reads by a server that has just started and remembers nothing. After each start every name of the sample is
 * read once, and the median of those is one number.
 */
async function measureCold(setting, place, request, cases, starts, found) {
  const times = new Map(cases.map((one) => [one, []]));
  for (let i = 0; i < starts; i++) {
    for (const one of cases) {
      const server = await open(setting, place, one.data);
      try {
        // What it does by itself after its start is over.
        await quiet(server);
        times.get(one).push(await firstReads(server, request, one));
      } finally {
        await server.stop();
      }
    }
  }
  for (const [one, all] of times) found.get(one).cold = summary(all);
}

async function firstReads(server, request, one) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { ...server.headers };
  // The connection is there, and so is the code that asks.
  for (let i = 0; i < 5; i++) await expecting(200, `${server.base}/api/npm/${one.repo}/-/ping`, { headers, agent });
  const times = [];
  const wanted = one.names.map((name) => requestFor(request, one, name));
  // Of a list there is only one.
  const different = new Map(wanted.map((each) => [each.path, each]));
  for (const { path, headers: more = {}, expected = 200 } of different.values()) {
    const began = performance.now();
    await expecting(expected, server.base + path, { headers: { ...headers, ...more }, agent });
    times.push(performance.now() - began);
  }
  agent.destroy();
  return summary(times).median;
}

async function measureWarm(setting, servers, request, cases, found) {
  const places = cases.map((one) => ({ ...servers.get(one.data), one }));
  const results = await turns(setting, places, async ({ base, headers, one }) => {
    const { path, headers: more = {}, expected = 200 } = requestFor(request, one, one.names[one.names.length >> 1]);
    return (await peak(setting, base + path, { headers: { ...headers, ...more }, expected })).perSecond;
  });
  for (const [{ one }, result] of results) found.get(one).warm = result;
}

function table({ id, what, reads, cases, found, flat }, notes) {
  const [few, many] = cases;
  const measured = { [id]: [] };
  const rows = Object.keys(reads).map((read) => {
    const [small, large] = [found[read].get(few), found[read].get(many)];
    const [again, first] = [small.warm.median / large.warm.median, large.cold.median / small.cold.median];
    const calls = large.calls.map((count, index) => (small.calls[index] ? count / small.calls[index] : count + 1));
    if (flat.includes(read)) measured[id].push(again, first, ...calls);
    const counted = [small, large].map((one) => one.calls.join(" / "));
    return [read, spread(small.warm), spread(large.warm), ratio(again), spread(small.cold), spread(large.cold), ratio(first), ...counted];
  });
  const [less, more] = cases.map(({ count }) => `${count.toLocaleString("en-GB")} ${what}`);
  return {
    id,
    title: `Growth: ${less} and ${more}`,
    command: "scripts/bench growth",
    columns: ["", `per second, ${less}`, `${more}`, "cost, times", `ms after a start, ${less}`, `${more}`, "cost, times", `calls, ${less}`, `${more}`],
    rows,
    measured,
    notes: [
      "Cost, times: what the larger one costs, as times of the smaller one, in time of processor per read and in time of the first read.",
      `Calls: of the stores by the first read / by the same one again, as a function on AWS makes them; the one-process server has the rows of the second one in memory.`,
      "Per second: one name is asked for again and again, which is in memory after the first time. The reads after a start are what speaks for so many packages.",
      "After a start: median of reads by a server that has just started, each of another package where the read is of one; files are in the system's memory.",
      "The repositories are filled through the storage crate (`granary-bench load`): one version is published, and its rows are copied under other names.",
      ...notes,
    ],
  };
}
