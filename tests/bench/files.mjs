// Downloads of tarballs and jars of three sizes, whole and in parts.
import { mavenContest, npmContest, REPO, withServers } from "./support/contest.mjs";
import { costTable } from "./support/cost.mjs";
import { costs, peak, summary, turns, wrkLine } from "./support/load.mjs";
import { download, jar, pathOf, publish as publishJars } from "./support/maven.mjs";
import { startNginx } from "./support/nginx.mjs";
import { noise, publishOf } from "./support/packages.mjs";
import { settled } from "./support/process.mjs";
import { publish } from "./support/publishing.mjs";
import { raw } from "./support/raw.mjs";
import { number, quotient, ratio, spread } from "./support/table.mjs";

const VERSION = "1.0.0";

/** The files. Their bytes do not compress; of the largest one few connections are enough to fill the core. */
const SIZES = [
  { name: "small", size: "10 kB", bytes: 10_000 },
  { name: "middling", size: "1 MB", bytes: 1_000_000 },
  { name: "large", size: "100 MB", bytes: 100_000_000, connections: 4, unit: "MB per second" },
];

/** A part of the largest file. */
const PART = { range: "bytes=50000000-50999999" };

/** Above this many bytes files are counted by their bytes: too few whole ones fit into a measurement. */
const BY_BYTES = 10_000_000;

export async function measure(setting, report) {
  report(...(await withServers((home, running) => npmTables(setting, home, running))));
  report(...(await withServers((home, running) => mavenTables(setting, home, running))));
}

async function npmTables(setting, home, running) {
  const registries = await npmContest(setting, home, running);
  const servers = registries.map((server) => ({ ...server, url: `${server.registry(REPO)}/` }));
  for (const { name, size, bytes } of SIZES) {
    setting.say(`files: publishing a tarball of ${size}`);
    const one = publishOf(name, VERSION, { bytes });
    for (const server of servers) await publish(server.registry(REPO), server.token, one);
  }
  await settled(servers[0]);
  const paths = SIZES.map(({ name }) => `${name}/-/${name}-${VERSION}.tgz`);
  const files = new Map();
  for (const path of paths) files.set(`/${path}`, await download(servers[0], path));
  const nginx = await startNginx(setting, home, files);
  running.push(nginx);
  const [ours, theirs, limit] = [...servers, { ...nginx, url: `${nginx.base}/` }];
  // Verdaccio sends the whole file, whatever part is asked for.
  const parted = [ours, limit];
  const results = await measureAll(setting, "tarball", paths, [ours, theirs, limit], parted);
  const all = [ours, theirs, limit];
  const table = tableOf({ setting, id: "files-npm", title: "npm tarballs: downloads per second", servers: all, results });
  const measured = { tarballs: results.map((one) => quotient(one.all.get(ours), one.all.get(theirs))) };
  const cost = costTable({ id: "files-npm-cost", title: "npm tarballs: processor time", command: table.command, servers: all, results });
  return [{ ...table, measured }, cost];
}

async function mavenTables(setting, home, running) {
  const paths = SIZES.map(({ name }) => pathOf(name, VERSION, "jar"));
  const servers = await mavenContest(setting, home, running, async (repository) => {
    setting.say("files: publishing jars");
    await publishJars(repository, SIZES.map(({ name, bytes }) => [name, VERSION, jar(noise(bytes))]));
    return paths;
  });
  const results = await measureAll(setting, "jar", paths, servers, servers);
  const head = "HEAD of a jar of 10 kB";
  setting.say(`files: ${head}`);
  const heads = await turns(setting, servers, (server) =>
    peak(setting, server.url + paths[0], { server, headers: server.headers, method: "HEAD" }));
  results.push({ label: head, all: heads });
  const [ours, , reposilite] = servers;
  const table = tableOf({ setting, id: "files-maven", title: "Maven jars: downloads per second", servers, results });
  table.notes.push(
    "HEAD is measured by oha, since wrk waits for a body. oha takes more of the core it is on, which may be what limits these numbers.",
  );
  const small = reposilite ? { reposilite: quotient(results[0].all.get(ours), results[0].all.get(reposilite)) } : {};
  const cost = costTable({ id: "files-maven-cost", title: "Maven jars: processor time", command: table.command, servers, results });
  return [{ ...table, measured: small }, cost];
}

/** Whole files, and a part of the largest one from those servers that are `parted`. */
async function measureAll(setting, what, paths, servers, parted) {
  const results = [];
  for (const [index, { size, bytes, connections, unit }] of SIZES.entries()) {
    const label = `${what} of ${size}${unit ? `, ${unit}` : ""}`;
    results.push(await measured(setting, label, servers, paths[index], { bytes, connections, unit }));
  }
  results.push(await measured(setting, `1 MB out of ${what} of 100 MB`, parted, paths.at(-1), { extra: PART, status: 206, bytes: 1_000_000 }));
  return results;
}

/** One case: what each server reaches, and the two halves of what is answered by a redirect. */
async function measured(setting, label, servers, path, options) {
  setting.say(`files: ${label}`);
  const halves = [];
  const all = await turns(setting, servers, async (server) => {
    const { perSecond, busy, parts } = await downloads(setting, server, path, options);
    if (parts) halves.push(parts);
    return { ...costs(busy, perSecond), perSecond: options.unit ? (perSecond * options.bytes) / 1e6 : perSecond };
  });
  return { label, all, halves };
}

/**
 * Downloads per second, and how busy the server was with them. Where the answer is a redirect, whoever downloads waits for both answers, and one core makes both: the
 * times of the two add up.
 */
async function downloads(setting, server, path, { extra = {}, status = 200, bytes, connections }) {
  const url = server.url + path;
  const rate = async (to, own, expected) => {
    const { perSecond, megabytes, busy } = await peak(setting, to, { server, headers: own, connections, expected });
    return { perSecond: bytes > BY_BYTES && expected === status ? (megabytes * 1e6) / bytes : perSecond, busy };
  };
  const own = { ...server.headers, ...extra };
  // The address of the storage lives for some minutes, so it is asked for anew each time.
  const answer = await raw(url, { headers: own });
  if (![302, 307].includes(answer.status)) return rate(url, own, status);
  const redirects = await rate(url, own, answer.status);
  const stored = await rate(answer.headers.location, extra, status);
  const perSecond = 1 / (1 / redirects.perSecond + 1 / stored.perSecond);
  // Each half takes its part of the time.
  const busy = perSecond * (redirects.busy / redirects.perSecond + stored.busy / stored.perSecond);
  return { perSecond, busy, parts: { redirects: redirects.perSecond, stored: stored.perSecond } };
}

function tableOf({ setting, id, title, servers, results }) {
  const [ours, ...others] = servers;
  const words = { nginx: "part of nginx" };
  const rows = results.map(({ label, all }) => [
    label,
    ...servers.map((server) => spread(all.get(server))),
    ...others.map((other) => ratio(quotient(all.get(ours), all.get(other)))),
  ]);
  const split = results
    .filter(({ halves }) => halves?.length)
    .map(({ label, halves }) => {
      const median = (name) => number(summary(halves.map((parts) => parts[name])).median);
      return `${label.replace(/,.*/, "")} ${median("redirects")} and ${median("stored")}`;
    });
  const example = wrkLine("$ADDRESS", { headers: ours.headers, seconds: setting.seconds });
  return {
    id,
    title,
    command: "scripts/bench files",
    columns: ["downloads per second", ...servers.map(({ name }) => name), ...others.map(({ name }) => words[name] ?? `times ${name}`)],
    rows,
    notes: [
      `One case by hand: \`${example}\`; 4 connections for 100 MB.`,
      "Granary answers up to 256 KiB in place. For more it redirects to its storage, a second port of the same process, so a download is "
        + "two requests: redirects (a) and answers of the storage (b) are measured by themselves, and 1 / (1/a + 1/b) is shown.",
      ...(split.length ? [`a and b per second: ${split.join("; ")}.`] : []),
    ],
  };
}
