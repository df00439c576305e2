// Maven itself, resolving a hundred artifacts into an empty local repository.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { mavenContest, withServers } from "./support/contest.mjs";
import { summary } from "./support/load.mjs";
import { GROUP, folderOf, jar, pathOf, publish } from "./support/maven.mjs";
import { noise } from "./support/packages.mjs";
import { clients, root } from "./support/place.mjs";
import { CLIENT, run } from "./support/process.mjs";
import { quotient, ratio, spread } from "./support/table.mjs";

const MAVEN = "3.9.16";
const VERSION = "1.0.0";

/** How many artifacts the project depends on, and on how many each of those. */
const DIRECT = 10;
const FURTHER = 9;
const ARTIFACTS = DIRECT * (1 + FURTHER);

/** How large each jar is, in bytes. */
const JAR = 10_000;

/** How long a resolve may take, in milliseconds. */
const PATIENCE = 180_000;

const direct = Array.from({ length: DIRECT }, (_, index) => `direct-${index}`);
const further = (artifact) => Array.from({ length: FURTHER }, (_, index) => `${artifact}-needs-${index}`);

export function measure(setting, report) {
  return withServers(async (home, running) => {
    const servers = await mavenContest(setting, home, running, async (repository) => {
      setting.say(`resolve: publishing ${ARTIFACTS} artifacts`);
      const artifacts = direct.flatMap((artifact) => [[artifact, further(artifact)], ...further(artifact).map((name) => [name, []])]);
      await publish(repository, artifacts.map(([artifact, needs]) => [artifact, VERSION, jar(noise(JAR, artifact)), needs]));
      return artifacts.flatMap(([artifact]) => ["pom", "jar"].map((extension) => pathOf(artifact, VERSION, extension)));
    });
    const projects = servers.map((server) => projectFor(server, join(home, `project-${server.name}`)));
    // Once beforehand, so that the system has read the files of Maven and Java.
    for (const project of projects) await resolveIn(project);
    const cold = projects.map(() => []);
    const again = projects.map(() => []);
    for (let round = 0; round < setting.rounds; round++) {
      setting.say(`resolve: round ${round + 1}`);
      for (const [index, project] of projects.entries()) {
        rmSync(project.local, { recursive: true, force: true });
        cold[index].push(await resolveIn(project));
        again[index].push(await resolveIn(project));
      }
    }
    report(tableOf(servers, cold.map(summary), again.map(summary)));
  });
}

/** A project that depends on the direct ones of `server`, with a home and a local repository of its own. */
function projectFor(server, place) {
  const plugins = join(clients, "maven-plugins");
  const program = join(clients, `maven@${MAVEN}/bin/mvn`);
  for (const needed of [plugins, program]) if (!existsSync(needed)) throw new Error(`${needed} is missing: run scripts/clients`);
  const local = join(place, "repository");
  mkdirSync(join(place, "home"), { recursive: true });
  const template = readFileSync(join(root, "tests/maven/consumer/pom.xml"), "utf8");
  const dependencies = direct.map((artifact) =>
    `    <dependency><groupId>${GROUP}</groupId><artifactId>${artifact}</artifactId><version>${VERSION}</version></dependency>`);
  writeFileSync(join(place, "pom.xml"), template
    .replace("@PLUGINS@", () => readFileSync(join(root, "tests/maven/plugins.xml"), "utf8"))
    .replace("@DEPENDENCIES@", dependencies.join("\n"))
    .replaceAll("@URL@", server.url));
  writeFileSync(join(place, "settings.xml"), settingsFor(server, plugins));
  return { program, place, local, plugins };
}

/** Credentials as users are told to write them, and a mirror that keeps all else off the network. */
function settingsFor({ headers }, plugins) {
  const [username, password] = headers.authorization ? Buffer.from(headers.authorization.split(" ")[1], "base64").toString().split(":") : [];
  const server = username ? `<server><id>granary</id><username>${username}</username><password>${password}</password></server>` : "";
  return `<settings>
  <servers>${server}</servers>
  <mirrors><mirror><id>plugins</id><mirrorOf>*,!granary</mirrorOf><url>${pathToFileURL(plugins)}</url></mirror></mirrors>
</settings>
`;
}

/** Lets Maven resolve the project; gives the seconds that it takes. Fails unless all artifacts are there afterwards. */
async function resolveIn({ program, place, local, plugins }) {
  const args = ["-B", "-ntp", "-q", "-s", join(place, "settings.xml"), `-Dmaven.repo.local=${local}`];
  // What Maven's own plugins need is behind the local repository: it is read where it is, and never copied or asked for.
  args.push(`-Dmaven.repo.local.tail=${plugins}`, "org.apache.maven.plugins:maven-dependency-plugin:resolve");
  const env = {
    PATH: process.env.PATH,
    HOME: join(place, "home"),
    LANG: "C.UTF-8",
    MAVEN_OPTS: `-Duser.home=${join(place, "home")} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC`,
  };
  const began = performance.now();
  await run(program, args, { cpu: CLIENT, env, cwd: place, timeout: PATIENCE });
  const seconds = (performance.now() - began) / 1000;
  const there = direct.flatMap((artifact) => [artifact, ...further(artifact)]).filter((artifact) => isThere(local, artifact));
  if (there.length !== ARTIFACTS) throw new Error(`Maven resolved ${there.length} of ${ARTIFACTS} artifacts`);
  return seconds;
}

function isThere(local, artifact) {
  const version = join(local, folderOf(artifact), VERSION);
  const names = existsSync(version) ? readdirSync(version) : [];
  return ["pom", "jar"].every((extension) => names.includes(`${artifact}-${VERSION}.${extension}`));
}

function tableOf(servers, cold, again) {
  const [ours, ...others] = servers;
  const rows = [["local repository empty", cold], ["everything there already", again]].map(([label, results]) => [
    label,
    ...results.map(spread),
    ...others.map((_, index) => ratio(quotient(results[0], results[index + 1]))),
  ]);
  return {
    id: "resolve",
    title: `Maven ${MAVEN} resolving ${ARTIFACTS} artifacts, in seconds`,
    command: "scripts/bench resolve",
    columns: ["seconds", ...servers.map(({ name }) => name), ...others.map(({ name }) => `${ours.name} / ${name}`)],
    rows,
    notes: [
      `A project with ${DIRECT} dependencies that have ${FURTHER} each, jars of ${JAR / 1000} kB. The second row is Maven itself: it asks for nothing.`,
      `Granary sends checksums along with its files, so Maven makes ${2 * ARTIFACTS + 1} requests (one is refused, since it sends the token only then); `
        + `nginx has them as files of their own, which makes ${4 * ARTIFACTS}.`,
      "The servers have one core and Maven the other. What Maven's own plugins need is on the disk.",
    ],
  };
}
