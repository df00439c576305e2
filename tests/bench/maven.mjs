// What Maven and Gradle ask for most: metadata, POMs, checksums, and what is not there.
import { mavenContest, withServers } from "./support/contest.mjs";
import { costTable } from "./support/cost.mjs";
import { latency, peak, summary, turns, wrkLine } from "./support/load.mjs";
import { download, folderOf, jar, listed, pathOf, pom, publish, snapshotPathOf, upload } from "./support/maven.mjs";
import { noise } from "./support/packages.mjs";
import { number, quotient, ratio, spread } from "./support/table.mjs";

/** Artifacts with so many versions each. */
const COUNTS = [1, 100, 1000];

const SNAPSHOT = "1.0-SNAPSHOT";

/** Builds of the snapshot, each with a jar and a POM. */
const BUILDS = ["20261130.120001-1", "20261130.120002-2", "20261130.120003-3"];

const metadataOf = (artifact) => `${folderOf(artifact)}/maven-metadata.xml`;

/** The artifact whose metadata is asked for at a steady rate too. */
const STEADY = metadataOf("of-100");

/** What is asked for, and whether it is also asked for with the `ETag` that it was answered with. */
const CASES = [
  ...COUNTS.map((count) => ({ label: `metadata of ${versions(count)}`, path: metadataOf(`of-${count}`), again: true })),
  { label: "`.sha1` of the metadata of 100 versions", path: `${STEADY}.sha1` },
  { label: "metadata of a snapshot with 3 builds", path: `${folderOf("moving")}/${SNAPSHOT}/maven-metadata.xml`, again: true },
  { label: "POM", path: pathOf("of-1", "1.0.0", "pom"), again: true },
  { label: "`.sha1` of a jar", path: `${pathOf("of-1", "1.0.0", "jar")}.sha1` },
  { label: "artifact that is not there, 404", path: metadataOf("unknown"), status: 404 },
];

export function measure(setting, report) {
  return withServers(async (home, running) => {
    const servers = await mavenContest(setting, home, running, (repository) => fill(setting, repository));
    const results = [];
    for (const { label, path, again, status = 200 } of CASES) {
      results.push({ label, path, status, all: await measured(setting, servers, path, status) });
      if (again) results.push({ label: `${label}, 304`, path, status: 304, all: await measured(setting, servers, path, 304) });
    }
    const steady = results.find(({ path, status }) => path === STEADY && status === 200).all;
    report(peakTable(setting, servers, results));
    report(costTable({ id: "maven-cost", title: "Maven: processor time of documents", command: "scripts/bench maven", servers, results }));
    report(await latencyTable(setting, servers, steady));
  });
}

function versions(count) {
  return count === 1 ? "1 version" : `${count.toLocaleString("en-GB")} versions`;
}

/** Publishes everything that is asked for, and gives the paths of all files. */
async function fill(setting, repository) {
  const bytes = jar(noise(1000));
  for (const count of COUNTS) {
    setting.say(`maven: publishing ${versions(count)}`);
    await publish(repository, Array.from({ length: count }, (_, index) => [`of-${count}`, `1.0.${index}`, bytes]));
    await listed(repository, metadataOf(`of-${count}`), count);
  }
  for (const build of BUILDS) {
    await upload(repository, [[snapshotPathOf("moving", SNAPSHOT, build, "jar"), bytes]]);
    await upload(repository, [[snapshotPathOf("moving", SNAPSHOT, build, "pom"), pom("moving", SNAPSHOT)]]);
  }
  const files = CASES.filter(({ path, status }) => status !== 404 && !path.endsWith(".sha1")).map(({ path }) => path);
  return [...files, pathOf("of-1", "1.0.0", "jar")];
}

/** Answers per second of each server; of one that sends no `ETag` there is no 304. */
async function measured(setting, servers, path, status) {
  setting.say(`maven: ${path}, ${status}`);
  const headers = new Map(servers.map((server) => [server, server.headers]));
  for (const server of status === 304 ? servers : []) {
    const { etag } = await download(server, path);
    if (etag) headers.set(server, { ...server.headers, "if-none-match": etag });
    else headers.delete(server);
  }
  return turns(setting, [...headers.keys()], (server) =>
    peak(setting, server.url + path, { server, headers: headers.get(server), expected: status }));
}

function peakTable(setting, servers, results) {
  const [granary, nginx, reposilite] = servers;
  const rows = results.map(({ label, all }) => [
    label,
    ...servers.map((server) => spread(all.get(server))),
    ratio(quotient(all.get(granary), all.get(nginx))),
    ...(reposilite ? [ratio(quotient(all.get(granary), all.get(reposilite)))] : []),
  ]);
  const documents = results.filter(({ status }) => status === 200);
  const against = (server) => documents.map(({ all }) => quotient(all.get(granary), all.get(server)));
  const example = wrkLine(`$GRANARY/api/maven/bench/${STEADY}`, { headers: granary.headers, seconds: setting.seconds });
  return {
    id: "maven",
    title: "Maven: requests per second",
    command: "scripts/bench maven",
    columns: ["requests per second", ...servers.map(({ name }) => name), "part of nginx", ...(reposilite ? ["times Reposilite"] : [])],
    rows,
    notes: [
      `One case by hand: \`${example}\`.`,
      "Granary's repository is private, and the token comes by Basic authentication, as Maven sends it. nginx checks nothing.",
      reposilite
        ? `Reposilite ${reposilite.version} keeps what it was sent, its repository \`private\` needs the token too.`
        : "Reposilite was not measured: its jar is on no registry that can be reached from here. `REPOSILITE_JAR` names one that you have.",
    ],
    measured: { "nginx-maven": against(nginx), ...(reposilite ? { reposilite: against(reposilite) } : {}) },
  };
}

/** How long the metadata takes at half of the peak: of Granary's own for nginx as well, since it shows what the load generator adds. */
async function latencyTable(setting, servers, peaks) {
  const [granary, nginx] = servers;
  const answers = new Map(servers.map((server) => [server, []]));
  await turns(setting, servers, async (server) => {
    const rate = peaks.get(server === nginx ? granary : server).median / 2;
    const answer = await latency(setting, server.url + STEADY, { rate, headers: server.headers });
    answers.get(server).push(answer);
    return answer.p99;
  });
  const column = (server, name) => summary(answers.get(server).map((answer) => answer[name]));
  return {
    id: "maven-latency",
    title: "Maven: latency of the metadata of 100 versions, in ms",
    command: "scripts/bench maven",
    columns: ["latency in ms", "requests per second", "p50", "p90", "p99"],
    rows: servers.map((server) => [
      server.name,
      number(column(server, "rate").median),
      ...["p50", "p90", "p99"].map((name) => spread(column(server, name))),
    ]),
    notes: ["At half of Granary's peak; nginx at the same rate, which shows how much of it is the load generator's."],
    measured: { "p99-maven": column(granary, "p99").median },
  };
}
