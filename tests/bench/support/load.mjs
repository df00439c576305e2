// Load: wrk for how much a server answers at most, oha for how long answers take at a given rate.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CLIENT, folder, processorSeconds, quiet, run } from "./process.mjs";
import { raw } from "./raw.mjs";

/** How long one answer may take, in seconds: a document of 10,000 versions takes Verdaccio several. */
const PATIENCE = 60;

/** Connections, where a measurement does not say how many. */
const MANY = 16;

/**
 * A server that is slow is asked over so many connections, which keep it as busy, for as many answers as fill so many times the
 * length of a measurement, and for ten at least. A measurement that ends with its time would drop those that are under way.
 */
const FEW = 2;
const LONG = 4;
const AT_LEAST = 10;

/** A server that answers one request in less than this, in seconds, is run warm with many of them. */
const FAST = 0.2;

/**
 * wrk counts what it needs by itself (answers, bytes, statuses above 399, broken connections); a script that looked at every
 * answer would cost it half of its speed.
 */
const SCRIPT = `function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\nRESULT {"answers":%d,"bytes":%d,"microseconds":%d,"refused":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}\\n',
    summary.requests, summary.bytes, summary.duration, errors.status, errors.connect, errors.read, errors.write, errors.timeout))
end
`;

/** Asks for other paths than the one of its address, one after the other. */
const IN_TURN = `local paths = { PATHS }
local made = {}
local at = 0
function init()
  for index, path in ipairs(paths) do made[index] = wrk.format("GET", path) end
end
function request()
  at = at % #made + 1
  return made[at]
end
`;

let scripts;
/** What has been run warm, and how often it has to be asked if it is slow. */
const warm = new Map();

/**
 * The most that a server answers: `perSecond` answers, and their bytes with headers as `megabytes` (10^6) per second, of
 * `answers` in all, over so many `connections` (16). With the `server` that is asked also how `busy` its core was, from 0 to 1,
 * and what an answer `cost` it, in microseconds of processor, its part of the kernel's work included.
 *
 * The first time that a request is measured, it is run for a second beforehand. Where 16 answers take more than a third of
 * `seconds`, two connections ask for a number of answers instead, unless the caller wants a certain number of connections. Fails
 * if an answer has another status than `expected`: some before and one after are looked at as a whole, of all others is known
 * whether it is above 399.
 *
 * With `paths`, all of these are asked for in turn instead of that of the address, which is one of them. Their answers must not
 * take long.
 */
export async function peak(setting, url, { server, headers = {}, connections, seconds = setting.seconds, expected = 200, method = "GET", paths } = {}) {
  const key = JSON.stringify([url, headers, method, paths]);
  await probe(url, { method, headers, expected });
  const one = await probe(url, { method, headers, expected });
  const isNew = !warm.has(key);
  // Decided once, so that all rounds are made alike.
  if (isNew) warm.set(key, connections === undefined && !paths && one * MANY > seconds / 3 ? Math.max(AT_LEAST, Math.ceil((LONG * seconds) / one)) : undefined);
  const count = warm.get(key);
  const how = { headers, connections: connections ?? (count ? FEW : MANY), seconds, count, expected, method, paths };
  const load = method === "GET" && !count ? byWrk : byOha;
  // A slow server would still be busy with what it was asked to get warm when it is measured.
  if (isNew && one < FAST) await load(setting, url, { ...how, seconds: 1, count: undefined });
  const before = server && processorSeconds(server.pid);
  const result = await load(setting, url, how);
  const used = server && processorSeconds(server.pid) - before;
  await probe(url, { method, headers, expected });
  return { ...result, connections: how.connections, ...(server ? costs(used / result.time, result.perSecond) : {}) };
}

/** What an answer costs a server whose core is so `busy` with so many of them. */
export function costs(busy, perSecond) {
  return { busy, cost: (busy * 1e6) / perSecond };
}

/** Asks once, and gives how long that took, in seconds. */
async function probe(url, { method, headers, expected }) {
  const began = performance.now();
  const answer = await raw(url, { method, headers });
  if (answer.status !== expected) throw new Error(`${method} ${url} answered ${answer.status} instead of ${expected}`);
  return (performance.now() - began) / 1000;
}

/** The command line that measures this case, for whoever wants to repeat it by hand. */
export function wrkLine(path, { headers = {}, connections = MANY, seconds = 3 } = {}) {
  const hidden = Object.entries(headers).map(([name, value]) => ` -H '${name}: ${name === "authorization" ? "..." : value}'`);
  return `wrk -t1 -c${connections} -d${seconds}s --timeout ${PATIENCE}s${hidden.join("")} ${path}`;
}

async function byWrk(setting, url, { headers, connections, seconds, expected, paths }) {
  scripts ??= folder();
  const script = join(scripts, "script.lua");
  writeFileSync(script, paths ? IN_TURN.replace("PATHS", () => paths.map((path) => JSON.stringify(path)).join(", ")) + SCRIPT : SCRIPT);
  const args = ["-t1", `-c${connections}`, `-d${Math.ceil(seconds)}s`, "--timeout", `${PATIENCE}s`, "-s", script];
  for (const [name, value] of Object.entries(headers)) args.push("-H", `${name}: ${value}`);
  const { stdout } = await run(setting.wrk, [...args, url], { cpu: CLIENT });
  const found = /^RESULT (.*)$/m.exec(stdout);
  if (!found) throw new Error(`wrk said no result for ${url}:\n${stdout}`);
  const { answers, bytes, microseconds, refused, ...broken } = JSON.parse(found[1]);
  const wanted = expected > 399 ? answers : 0;
  if (refused !== wanted) throw new Error(`${url}: ${refused} of ${answers} answers had a status above 399, ${wanted} were expected`);
  if (Object.values(broken).some((count) => count > 0)) throw new Error(`${url}: connections broke: ${JSON.stringify(broken)}`);
  const time = microseconds / 1e6;
  return { perSecond: answers / time, megabytes: bytes / 1e6 / time, answers, time };
}

async function byOha(setting, url, { headers, connections, seconds, count, expected, method }) {
  const result = await oha(setting, url, { headers, connections, seconds, count, expected, more: ["-m", method] });
  const answers = Object.values(result.statusCodeDistribution).reduce((sum, count) => sum + count, 0);
  const { requestsPerSec: perSecond, sizePerSec, total: time } = result.summary;
  return { perSecond, megabytes: (sizePerSec ?? 0) / 1e6, answers, time };
}

/**
 * How long answers take at a steady `rate` of requests per second, in milliseconds: `p50`, `p90`, `p99`, counted from when a
 * request was due. So a server that stands still makes all that wait late, and one that cannot keep up is later and later.
 * The `rate` that comes back is what was reached.
 */
export async function latency(setting, url, { rate, headers = {}, connections = MANY, seconds = setting.seconds, expected = 200 }) {
  const more = ["-q", String(Math.max(1, Math.round(rate))), "--latency-correction"];
  const result = await oha(setting, url, { headers, connections, seconds: Math.ceil(seconds), expected, more });
  const { p50, p90, p99 } = result.latencyPercentiles;
  return { p50: p50 * 1000, p90: p90 * 1000, p99: p99 * 1000, rate: result.summary.requestsPerSec };
}

/** Asks for so many `seconds`, or, with a `count`, until there are so many answers. */
async function oha(setting, url, { headers, connections, seconds, count, expected, more }) {
  const args = [...(count ? ["-n", String(count)] : ["-z", `${seconds}s`]), "-c", String(connections), "--redirect", "0", "--no-tui", "--output-format", "json", ...more];
  for (const [name, value] of Object.entries(headers)) args.push("-H", `${name}: ${value}`);
  const { stdout } = await run(setting.oha, [...args, url], { cpu: CLIENT });
  const result = JSON.parse(stdout);
  const statuses = Object.keys(result.statusCodeDistribution);
  if (statuses.join() !== String(expected)) {
    throw new Error(`${url} answered ${JSON.stringify(result.statusCodeDistribution)} instead of ${expected}`);
  }
  // What is under way at the end is given up, which is no fault of the server.
  const broken = Object.keys(result.errorDistribution).filter((error) => error !== "aborted due to deadline");
  if (broken.length) throw new Error(`${url}: ${broken.join("; ")}`);
  return result;
}

/**
 * Measures servers in turns: in each round every one of them, `measure(server)` giving a number, or `perSecond` with `cost` and
 * `busy` as `peak` gives them. Gives a map from each server to its numbers as `summary` makes them, and those of `cost` and `busy`
 * as members of that. The next one begins when this one has come to rest, since they share a core.
 */
export async function turns(setting, servers, measure) {
  const all = new Map(servers.map((server) => [server, []]));
  for (let round = 0; round < setting.rounds; round++) {
    for (const server of servers) {
      all.get(server).push(await measure(server, round));
      await quiet(server);
    }
  }
  return new Map([...all].map(([server, found]) => [server, ofRounds(found)]));
}

function ofRounds(found) {
  if (typeof found[0] === "number") return summary(found);
  const [numbers, cost, busy] = ["perSecond", "cost", "busy"].map((name) => summary(found.map((one) => one[name])));
  return { ...numbers, cost, busy };
}

/** Median, lowest and highest of some numbers, and all of them. */
export function summary(all) {
  const sorted = all.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return { median, low: sorted[0], high: sorted.at(-1), all };
}
