// Public packages through a registry that fetches them from another one: `npm install` while it has none of them and while it has
// all, what it answers then, and the memory that this takes.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { REPO, withServers } from "./support/contest.mjs";
import { costTable } from "./support/cost.mjs";
import { makeRepo, startGranary } from "./support/granary.mjs";
import { peak, summary, turns } from "./support/load.mjs";
import { pathOf } from "./support/packages.mjs";
import { pool } from "./support/pool.mjs";
import { forgetPeak, resident, settled, sleep } from "./support/process.mjs";
import { publicTree, wantedVersions } from "./support/public-packages.mjs";
import { connections } from "./support/publishing.mjs";
import { expecting, raw } from "./support/raw.mjs";
import { number, quotient, ratio, spread } from "./support/table.mjs";
import { installTree, NPM, WIDTHS } from "./support/tree.mjs";
import { startUpstream } from "./support/upstream.mjs";
import { startVerdaccio } from "./support/verdaccio.mjs";

const COMMAND = "scripts/bench upstream";

/** How long documents of the upstream may be served without asking it again, in seconds; Verdaccio is told the same. */
const FRESH = 86_400;

/** How many requests are under way at the same time when everything of the tree is asked for. */
const WIDTH = 16;

/** Larger files are answered by a redirect to the storage, in bytes. */
const IN_PLACE = 256 * 1024;

const FORMS = { abbreviated: "application/vnd.npm.install-v1+json", full: "application/json" };

const headersOf = ({ token }, form) => ({
  ...(form ? { accept: FORMS[form], "accept-encoding": "gzip" } : {}),
  ...(token ? { authorization: `Bearer ${token}` } : {}),
});

export function measure(setting, report) {
  const widths = setting.quick ? [4, 3, 2] : WIDTHS;
  return withServers(async (home, running) => {
    setting.say("upstream: making the public registry");
    const upstream = await startUpstream("tree", widths.join());
    running.push(upstream);
    const tree = publicTree(widths);
    const content = await contentOf(upstream, tree, wantedVersions(tree));
    const contestants = { Granary: granaryBehind(upstream), Verdaccio: verdaccioBehind(upstream) };
    const lives = await inRounds(setting, { home, running, upstream, contestants, content });
    report(installTable(lives, content), memoryTable(setting, lives, content));
    const servers = [];
    for (const [name, { begin }] of Object.entries(contestants)) {
      const server = await begin(setting, home, folderOf(home, name, setting.rounds - 1));
      running.push(server);
      servers.push(server);
      await sweep(server.registry(REPO), server, content);
      await settled(server);
    }
    report(...(await rateTables(setting, servers, content)));
  });
}

/** How Granary is started on a folder, and made a registry with the upstream when it is new. */
function granaryBehind({ url }) {
  const begin = (setting, home, data) => startGranary(setting, home, { data, variables: { GRANARY_ALLOW_PRIVATE_SOURCES: "true" } });
  const prepare = async (server) => {
    await makeRepo(server, { name: REPO });
    await server.api("POST", `/api/repos/${REPO}/upstreams`, { name: "public", packageType: "npm", url, freshSeconds: FRESH });
  };
  return { begin, prepare };
}

/** The same for Verdaccio, whose configuration says it from the start. */
function verdaccioBehind({ url }) {
  return { begin: (setting, home, data) => startVerdaccio(setting, home, { data, uplink: url }), prepare: () => {} };
}

const folderOf = (home, name, round) => join(home, `${name}-${round}`);

/** The paths of everything that an install of the tree asks for, and how large that is, by what the upstream says. */
async function contentOf(upstream, tree, wanted) {
  const documents = [];
  const archives = [];
  for (const [name, version] of wanted) {
    const document = pathOf(name);
    const archive = `/${name}/-/${name.split("/").at(-1)}-${version}.tgz`;
    documents.push({ path: document, bytes: await sizeOf(upstream, document, headersOf({}, "full")), plain: await sizeOf(upstream, document) });
    archives.push({ path: archive, bytes: await sizeOf(upstream, archive) });
  }
  return { tree, expected: (name) => wanted.get(name), documents, archives };
}

async function sizeOf({ url }, path, headers) {
  const { headers: said } = await expecting(200, url + path, { method: "HEAD", headers });
  return Number(said["content-length"]);
}

/** What is measured of a registry that begins with nothing, in turns; and the same straight from the upstream where it can be. */
async function inRounds(setting, { home, running, upstream, contestants, content }) {
  const names = Object.keys(contestants);
  const all = new Map([...names, upstream.name].map((name) => [name, []]));
  for (let round = 0; round < setting.rounds; round++) {
    for (const [name, { begin, prepare }] of Object.entries(contestants)) {
      setting.say(`upstream: ${name}, round ${round + 1}`);
      const server = await begin(setting, home, folderOf(home, name, round));
      running.push(server);
      await prepare(server);
      all.get(name).push(await life(setting, { server, upstream, content }));
      await server.stop();
      // The last one is measured further.
      if (round + 1 < setting.rounds) rmSync(folderOf(home, name, round), { recursive: true, force: true });
    }
    setting.say(`upstream: straight, round ${round + 1}`);
    const cold = await installTree({ registry: upstream.url }, content.tree, content.expected);
    all.get(upstream.name).push({ cold, sweep: await timedSweeps(setting, upstream.url, {}, content) });
  }
  return all;
}

/** A registry from its first start on: seconds, MB, and what it has asked of the upstream. */
async function life(setting, { server, upstream, content }) {
  const registry = server.registry(REPO);
  const pause = setting.quick ? 2000 : 10_000;
  const install = () => installTree({ registry, token: server.token }, content.tree, content.expected);
  await sleep(pause);
  const before = resident(server.pid).now;
  forgetPeak(server.pid);
  await upstream.forget();
  const cold = await install();
  const most = resident(server.pid).peak;
  await settled(server);
  await sleep(pause);
  const after = resident(server.pid).now;
  const fetched = await upstream.asked();
  const warm = await install();
  // Once beforehand, so that what is made on the first request is there.
  await sweep(registry, server, content);
  await upstream.forget();
  const sweeps = await timedSweeps(setting, registry, server, content);
  await sleep(pause);
  return { cold, warm, sweep: sweeps, before, most, after, grown: after - before, end: resident(server.pid).now, fetched, again: await upstream.asked() };
}

/** Seconds that it takes to ask for everything of the tree once, of as many times as a measurement is long. */
async function timedSweeps(setting, registry, server, content) {
  const began = performance.now();
  for (let count = 1; ; count++) {
    await sweep(registry, server, content);
    const seconds = (performance.now() - began) / 1000;
    if (seconds >= setting.seconds) return seconds / count;
  }
}

/** Asks for all documents, abbreviated as npm does, then for all archives, and follows redirects. */
async function sweep(registry, server, { documents, archives }) {
  const agent = connections(WIDTH);
  const get = async (path, headers) => {
    const answer = await raw(registry + path, { headers, agent });
    const end = [302, 307].includes(answer.status) ? await raw(answer.headers.location, { agent }) : answer;
    if (end.status !== 200) throw new Error(`${registry}${path}: ${end.status} ${end.body.subarray(0, 300)}`);
  };
  try {
    await pool(documents, WIDTH, ({ path }) => get(path, headersOf(server, "abbreviated")));
    await pool(archives, WIDTH, ({ path }) => get(path, headersOf(server)));
  } finally {
    agent.destroy();
  }
}

const column = (lives, name, key) => {
  const found = lives.get(name).map((one) => one[key]);
  return found.includes(undefined) ? undefined : summary(found);
};

const megabytes = (sizes) => `${number(Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1e6))} MB`;

/** What was asked of the upstream, in words. */
const asked = ({ documents, unchanged, archives }) => `${number(documents + unchanged)} documents and ${number(archives)} archives`;

function installTable(lives, { documents, archives }) {
  const count = number(documents.length);
  const all = number(documents.length + archives.length);
  const cases = [
    ["cold", `npm install of ${count} packages, the registry has none of them`],
    ["warm", `npm install of ${count} packages, the registry has them`],
    ["sweep", `all ${all} documents and archives, ${WIDTH} at a time, the registry has them`],
  ];
  const rows = cases.map(([key, label]) => {
    const [ours, theirs, straight] = ["Granary", "Verdaccio", "upstream"].map((name) => column(lives, name, key));
    return [label, spread(ours), spread(theirs), spread(straight), ratio(quotient(theirs, ours))];
  });
  const last = (name) => lives.get(name).at(-1);
  const said = ["Granary", "Verdaccio"].map((name) =>
    `${name} asked the upstream for ${asked(last(name).fetched)} during the first install, and for ${asked(last(name).again)} in the last row`);
  return {
    id: "upstream",
    title: "Public packages through an upstream",
    command: COMMAND,
    columns: ["seconds", "Granary", "Verdaccio", "straight from the upstream", "Verdaccio's time, Granary's times"],
    rows,
    measured: { "upstream-cold": quotient(column(lives, "Verdaccio", "cold"), column(lives, "Granary", "cold")) },
    notes: [
      `The upstream is made for this: documents as public registries have them (${megabytes(documents.map(({ plain }) => plain))}, gzip'd ${megabytes(documents.map(({ bytes }) => bytes))}), archives of ${megabytes(archives.map(({ bytes }) => bytes))}, all in memory, on the core of whatever asks.`,
      `npm ${NPM} with an empty cache and no lock file. Much of what it takes is its own, which the column without a registry between shows: no registry can be faster than that by much.`,
      "The last row is asked by Node, which takes most of that time itself where the registry is fast; the rates of the next table are wrk's.",
      `${said.join("; ")} (last round).`,
    ],
  };
}

function memoryTable(setting, lives, { documents }) {
  const moments = [
    ["before", "before the first install"],
    ["most", "at most, during it"],
    ["after", "10 s after it"],
    ["grown", "10 s after it, more than before"],
    ["end", "10 s after everything was asked for again"],
  ];
  const rows = moments.map(([key, label]) => {
    const [ours, theirs] = ["Granary", "Verdaccio"].map((name) => column(lives, name, key));
    return [label, spread(ours), spread(theirs), ratio(quotient(ours, theirs))];
  });
  return {
    id: "upstream-memory",
    title: "Memory of a registry with an upstream",
    command: COMMAND,
    columns: ["MB resident", "Granary", "Verdaccio", "part of Verdaccio's"],
    rows,
    notes: [
      `The first install fetches ${number(documents.length)} documents, of which the largest has ${number(Math.max(...documents.map(({ plain }) => plain)) / 1e6)} MB.`,
      `Between the last two rows npm installs everything again, and everything is asked for ${WIDTH} at a time for ${setting.seconds} s.`,
    ],
  };
}

/** What a registry that has everything answers at most. */
async function rateTables(setting, servers, { documents, archives }) {
  const small = archives.filter(({ bytes }) => bytes <= IN_PLACE);
  const bySize = documents.toSorted((a, b) => a.bytes - b.bytes);
  const cases = Object.keys(FORMS).map((form) => ({ label: `${number(documents.length)} documents in turn, ${form}`, form, files: documents, target: true }));
  cases.push({ label: `${number(small.length)} archives in turn`, files: small, target: true });
  for (const [words, file] of [["middling", bySize[bySize.length >> 1]], ["largest", bySize.at(-1)]]) {
    const label = `${words} document (${number(Math.round(file.bytes / 1000))} kB gzip'd), full`;
    cases.push({ label, form: "full", files: [file] }, { label: `${label}, 304`, form: "full", files: [file], conditional: true });
  }
  const results = [];
  for (const one of cases) {
    setting.say(`upstream: ${one.label}`);
    results.push({ ...one, all: await rates(setting, servers, one) });
  }
  const [granary, verdaccio] = servers;
  const times = ({ all }) => quotient(all.get(granary), all.get(verdaccio));
  const table = {
    id: "upstream-rates",
    title: "Public packages that the registry has",
    command: COMMAND,
    columns: ["requests per second", "Granary", "Verdaccio", "times Verdaccio"],
    rows: results.map((one) => [one.label, ...servers.map((server) => spread(one.all.get(server))), ratio(times(one))]),
    measured: { "upstream-warm": results.filter(({ target }) => target).map(times) },
    notes: [
      "In turn: wrk asks for one after the other, over 16 connections; documents gzip'd.",
      `${number(archives.length - small.length)} archives of more than 256 KiB are left out: Granary redirects to its storage for them (see npm tarballs).`,
    ],
  };
  return [table, costTable({ id: "upstream-cost", title: "Public packages: processor time", command: COMMAND, servers, results })];
}

async function rates(setting, servers, { form, files, conditional }) {
  const requests = new Map();
  for (const server of servers) {
    const url = server.registry(REPO) + files[0].path;
    const headers = headersOf(server, form);
    // Twice: what is made on the first request has the same tag on the second.
    await expecting(200, url, { headers });
    const { headers: said } = await expecting(200, url, { headers });
    const paths = files.length > 1 ? files.map(({ path }) => new URL(server.registry(REPO) + path).pathname) : undefined;
    requests.set(server, { url, paths, headers: conditional ? { ...headers, "if-none-match": said.etag } : headers });
  }
  return turns(setting, servers, (server) => {
    const { url, ...how } = requests.get(server);
    return peak(setting, url, { server, ...how, expected: conditional ? 304 : 200 });
  });
}
