// Packuments: the documents that npm reads first, of packages with few and with very many versions.
import { npmContest, REPO, withServers } from "./support/contest.mjs";
import { costTable } from "./support/cost.mjs";
import { latency, peak, summary, turns, wrkLine } from "./support/load.mjs";
import { startNginx } from "./support/nginx.mjs";
import { expectVersions, fillGranaryInBulk, fillVerdaccio } from "./support/npm-data.mjs";
import { settled } from "./support/process.mjs";
import { expecting } from "./support/raw.mjs";
import { number, quotient, ratio, spread } from "./support/table.mjs";

/** What a client asks for: npm itself the abbreviated form, `npm view` and web pages the full one. */
const FORMS = { full: "application/json", abbreviated: "application/vnd.npm.install-v1+json" };

const COLUMNS = ["requests per second", "Granary", "Verdaccio", "nginx", "times Verdaccio", "part of nginx"];

export function measure(setting, report) {
  const sizes = setting.quick ? [1, 100, 1000] : [1, 100, 1000, 3000, 10_000];
  return withServers(async (home, running) => {
    const [empty, verdaccio] = await npmContest(setting, home, running);
    const granary = await fill(setting, home, running, { empty, verdaccio, sizes });
    const licence = await sell(granary);
    await settled(granary);
    const nginx = await startNginx(setting, home, await answersOf(granary, sizes, licence));
    running.push(nginx);
    await tables(setting, report, { granary, verdaccio, nginx, sizes, licence });
  });
}

const nameOf = (size) => `many-${size}`;

/** Puts a package of each size into both, and gives the Granary that has them. */
async function fill(setting, home, running, { empty, verdaccio, sizes }) {
  setting.say(`npm: packages of ${sizes.join(", ")} versions into both`);
  const granary = await fillGranaryInBulk(setting, home, empty, REPO, new Map(sizes.map((size) => [nameOf(size), size])));
  running.push(granary);
  for (const size of sizes) {
    await fillVerdaccio(verdaccio, nameOf(size), size);
    await expectVersions(granary, granary.registry(REPO), nameOf(size), size);
    await expectVersions(verdaccio, verdaccio.registry(), nameOf(size), size);
  }
  return granary;
}

/** A licence for half of the versions of the package that has 1,000; its key is what a customer's npm sends. */
async function sell(granary) {
  const { key } = await granary.api("POST", "/v1/licenses", {
    name: "A customer",
    constraint: { type: "version", value: "<1.0.500" },
    packages: [nameOf(1000)],
  });
  const answer = await expecting(200, `${granary.registry(REPO)}/${nameOf(1000)}`, { headers: { authorization: `Bearer ${key}` } });
  const count = Object.keys(JSON.parse(answer.body.toString()).versions).length;
  if (count !== 500) throw new Error(`the licence shows ${count} versions instead of 500`);
  return key;
}

const headersOf = (form, token) => ({
  "accept-encoding": "gzip",
  accept: FORMS[form],
  ...(token ? { authorization: `Bearer ${token}` } : {}),
});

/** What Granary answers to each request of the measurements, for nginx to serve. */
async function answersOf(granary, sizes, licence) {
  const files = new Map();
  const take = async (path, name, form, token) => {
    const { body, headers } = await expecting(200, `${granary.registry(REPO)}/${name}`, { headers: headersOf(form, token) });
    files.set(path, { bytes: body, contentType: headers["content-type"], encoding: headers["content-encoding"] });
  };
  for (const form of Object.keys(FORMS)) {
    for (const size of sizes) await take(`/${form}/${nameOf(size)}`, nameOf(size), form, granary.token);
    await take(`/${form}/licence`, nameOf(1000), form, licence);
  }
  return files;
}

/** Requests per second of one document from each server, in turns. */
async function compare(setting, cases, conditional) {
  const requests = new Map();
  for (const [server, { url, headers }] of cases) {
    // Twice: what is made on the first request has the same tag on the second.
    await expecting(200, url, { headers });
    const { headers: said } = await expecting(200, url, { headers });
    requests.set(server, { url, headers: conditional ? { ...headers, "if-none-match": said.etag } : headers });
  }
  const expected = conditional ? 304 : 200;
  return turns(setting, [...cases.keys()], async (server) => {
    const { url, headers } = requests.get(server);
    return peak(setting, url, { server, headers, expected });
  });
}

async function tables(setting, report, { granary, verdaccio, nginx, sizes, licence }) {
  const rows = [];
  const costs = [];
  const measured = { "npm-100": [], "npm-3000": [], "nginx-npm": [] };
  const peaks = new Map();
  for (const size of sizes) {
    for (const form of Object.keys(FORMS)) {
      const cases = new Map([
        [granary, { url: `${granary.registry(REPO)}/${nameOf(size)}`, headers: headersOf(form, granary.token) }],
        [verdaccio, { url: `${verdaccio.registry()}/${nameOf(size)}`, headers: headersOf(form, verdaccio.token) }],
        [nginx, { url: `${nginx.base}/${form}/${nameOf(size)}`, headers: headersOf(form) }],
      ]);
      for (const conditional of [false, true]) {
        const label = `${number(size)} version${size === 1 ? "" : "s"}, ${form}${conditional ? ", 304" : ""}`;
        setting.say(`npm: ${label}`);
        const results = await compare(setting, cases, conditional);
        const [ours, theirs, limit] = [granary, verdaccio, nginx].map((server) => results.get(server));
        rows.push([label, ...[ours, theirs, limit].map(spread), ratio(quotient(ours, theirs)), ratio(quotient(ours, limit))]);
        costs.push({ label, all: results });
        if (!conditional) {
          measured[`npm-${size}`]?.push(quotient(ours, theirs));
          measured["nginx-npm"].push(quotient(ours, limit));
          if (size === 100) peaks.set(form, { cases, results });
        }
      }
    }
  }
  const line = wrkLine("http://127.0.0.1:PORT/api/npm/bench/many-100", { headers: headersOf("full", "..."), seconds: setting.seconds });
  const notes = [
    `A case: \`${line}\`.`,
    "A server that takes long for one answer is asked over 2 connections, for a number of answers that takes it at least four times the length of a measurement: one that ends with its time would drop those that are under way.",
  ];
  report({ id: "npm", title: "npm: packuments", command: "scripts/bench npm", columns: COLUMNS, rows, measured, notes });
  report(await licenceTable(setting, granary, nginx, licence, costs));
  report(costTable({ id: "npm-cost", title: "npm: processor time of packuments", command: "scripts/bench npm", servers: [granary, verdaccio, nginx], results: costs }));
  report(await latencyTable(setting, peaks));
}

async function licenceTable(setting, granary, nginx, licence, costs) {
  const rows = [];
  for (const form of Object.keys(FORMS)) {
    const cases = new Map([
      [granary, { url: `${granary.registry(REPO)}/${nameOf(1000)}`, headers: headersOf(form, licence) }],
      [nginx, { url: `${nginx.base}/${form}/licence`, headers: headersOf(form) }],
    ]);
    for (const conditional of [false, true]) {
      setting.say(`npm: licence, ${form}${conditional ? ", 304" : ""}`);
      const results = await compare(setting, cases, conditional);
      const [ours, limit] = [granary, nginx].map((server) => results.get(server));
      const label = `500 of 1,000 versions by licence, ${form}${conditional ? ", 304" : ""}`;
      costs.push({ label, all: results });
      rows.push([label, spread(ours), spread(limit), ratio(quotient(ours, limit))]);
    }
  }
  const columns = ["requests per second", "Granary", "nginx", "part of nginx"];
  const notes = ["Verdaccio has nothing like it. nginx serves what Granary answered to the licence, without looking at a key."];
  return { id: "npm-licence", title: "npm: packuments of a licence", command: "scripts/bench npm", columns, rows, notes };
}

/** How long answers take at half of what each server answers at most; nginx at Granary's rate, which shows what oha itself adds. */
async function latencyTable(setting, peaks) {
  const rows = [];
  const measured = { "p99-npm": [] };
  for (const [form, { cases, results }] of peaks) {
    const [granary] = cases.keys();
    const answers = new Map([...cases.keys()].map((server) => [server, []]));
    setting.say(`npm: latency, ${form}`);
    await turns(setting, [...cases.keys()], async (server) => {
      const { url, headers } = cases.get(server);
      const rate = results.get(server.name === "nginx" ? granary : server).median / 2;
      const answer = await latency(setting, url, { rate, headers });
      answers.get(server).push(answer);
      return answer.p99;
    });
    for (const [server, rounds] of answers) {
      const cell = (name) => spread(summary(rounds.map((one) => one[name])));
      rows.push([`${form}, ${server.name}`, cell("rate"), cell("p50"), cell("p90"), cell("p99")]);
      if (server.name === "Granary") measured["p99-npm"].push(summary(rounds.map((one) => one.p99)).median);
    }
  }
  return {
    id: "npm-latency",
    title: "npm: milliseconds of a packument of 100 versions at half of the peak",
    command: "scripts/bench npm",
    columns: ["milliseconds", "requests per second", "p50", "p90", "p99"],
    rows,
    measured,
    notes: ["Granary and Verdaccio each at half of its own peak; nginx at Granary's rate, which shows how much of it is the load generator's."],
  };
}
