// Programs that the measurements start, and what they leave behind: ended and removed when this process ends, however it ends.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { allowedCores, areThreadsOfOne } from "./machine.mjs";

/** How long a program may take to get ready, in milliseconds. */
const START = 120_000;

/** How long a program may take to end by itself before it is killed, in milliseconds. */
const END = 15_000;

/** Core of whatever answers. */
export const SERVER = 0;

/** Core of whatever asks, this process included. */
export const CLIENT = 1;

/** The cores of both, for what is run while nothing is measured. */
export const BOTH = [SERVER, CLIENT];

/** The cores that this process was given, taken before it pins itself. */
const given = allowedCores(availableParallelism());

const running = new Set();
const folders = new Set();

process.once("exit", () => {
  for (const child of running) killAll(child.pid);
  for (const path of folders) removeAll(path);
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));

/** Whether servers and what asks them are on two threads of one core; undefined if that is not known. */
export const sharesCore = given.length < 2 ? undefined : areThreadsOfOne(given[SERVER], given[CLIENT]);

/** How many cores there are for the measurements. */
export const cores = given.length;

/** The command that runs on the core number `cpu` of those that are there, or on several; on any if there are fewer than two. */
function pinned(cpu, command, args) {
  if (cpu === undefined || given.length < 2) return [command, args];
  const list = [cpu].flat().map((one) => given[one]).join();
  return ["taskset", ["-c", list, command, ...args]];
}

/** Moves this process and all its threads to the core `cpu`; what it starts later is there as well unless told otherwise. */
export async function pinSelf(cpu) {
  if (given.length < 2) return;
  await run("taskset", ["-a", "-c", "-p", String(given[cpu]), String(process.pid)]);
}

/**
 * Starts a program that goes on running, and waits until it is ready: `ready` is looked for in what it says, or asked until it
 * gives something true. Fails with what the program said if it ends before, or does not get ready.
 *
 * `milliseconds` is the time from its start until then, `match` what `ready` found. `stop()` ends it by SIGTERM, and kills it
 * if that does not help; `stop("SIGKILL")` at once.
 */
export async function start(command, args, { ready, cpu, env, cwd } = {}) {
  const [program, words] = pinned(cpu, command, args);
  const began = performance.now();
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], env: env ?? process.env, cwd });
  running.add(child);
  const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
  ended.then(() => running.delete(child));
  const said = collect(child);
  const stop = async (signal = "SIGTERM") => {
    if (!running.has(child)) return;
    const late = setTimeout(() => killAll(child.pid), END);
    if (signal === "SIGKILL") killAll(child.pid);
    else child.kill(signal);
    await ended;
    clearTimeout(late);
  };
  let late;
  const failed = new Promise((_, reject) => {
    late = setTimeout(() => reject(new Error(`${command} did not get ready:\n${said.text}`)), START);
    child.once("error", reject);
    ended.then((how) => reject(new Error(`${command} ended with ${how}:\n${said.text}`)));
  });
  failed.catch(() => {});
  try {
    const looked = ready instanceof RegExp ? said.find(ready) : asked(ready, () => running.has(child));
    const match = await Promise.race([looked, failed]);
    return { pid: child.pid, milliseconds: performance.now() - began, match, stop };
  } catch (error) {
    await stop("SIGKILL");
    throw error;
  } finally {
    clearTimeout(late);
  }
}

/** What a program says: all of it until something is found in it, then only the end. */
function collect(child) {
  const said = { text: "", look: () => {} };
  const hear = (chunk) => {
    said.text = (said.text + chunk).slice(-100_000);
    said.look();
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  said.find = (wanted) =>
    new Promise((resolve) => {
      said.look = () => {
        const match = wanted.exec(said.text);
        if (match) {
          said.look = () => {};
          resolve(match);
        }
      };
      said.look();
    });
  return said;
}

async function asked(ready, goesOn) {
  while (goesOn()) {
    const answer = ready === undefined ? true : await ready();
    if (answer) return answer;
    await sleep(1);
  }
  return undefined;
}

/**
 * Runs a program to its end and gives what it said. Fails, with what it said, if it does not end with 0 or takes longer than
 * `timeout` milliseconds (ten minutes).
 */
export function run(command, args, { cpu, env, cwd, timeout = 600_000 } = {}) {
  const [program, words] = pinned(cpu, command, args);
  const options = { env: env ?? process.env, cwd, timeout, killSignal: "SIGKILL", maxBuffer: 256 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    const child = execFile(program, words, options, (error, stdout, stderr) => {
      running.delete(child);
      if (!error) return resolve({ stdout, stderr });
      const how = error.killed ? `was killed after ${timeout} ms` : `ended with ${error.code ?? error.signal}`;
      return reject(new Error(`${[command, ...args].join(" ").slice(0, 500)} ${how}:\n${stdout.slice(-4000)}${stderr.slice(-4000)}`));
    });
    running.add(child);
  });
}

/** Whether a server answers a request with 200; a connection that is refused is no. */
export function answers(url) {
  return new Promise((resolve) => {
    const sent = request(url, { agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    sent.once("error", () => resolve(false));
    sent.end();
  });
}

/** Waits so many milliseconds. */
export function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A port of 127.0.0.1 that nobody listens on. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A new temporary folder, removed when this process ends. */
export function folder() {
  const path = mkdtempSync(join(tmpdir(), "granary-bench-"));
  folders.add(path);
  return path;
}

/** Removes such a folder now. */
export function removeFolder(path) {
  if (removeAll(path)) folders.delete(path);
}

/** Whether a folder could be removed: what was killed just now may still write into it. */
function removeAll(path) {
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    return true;
  } catch (error) {
    console.error(`${path} could not be removed: ${error.message}`);
    return false;
  }
}

/** Kills a process and all that it has started: nginx and Maven would leave something behind. */
function killAll(pid) {
  let all;
  try {
    all = family(pid);
  } catch {
    return; // It has ended.
  }
  for (const one of all) {
    try {
      process.kill(one, "SIGKILL");
    } catch {
      // This one has ended.
    }
  }
}

/** The numbers of a process and of all that it has started. */
function family(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const listed = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim();
    return listed ? listed.split(" ").map(Number) : [];
  });
  return [pid, ...children.flatMap(family)];
}

/**
 * Memory that a process and all its children hold, in MB (10^6 bytes): `now`, and `peak`, the sum of what each held at most.
 * What several processes share, such as the code of a program, counts for each.
 */
export function resident(pid) {
  const sum = { now: 0, peak: 0 };
  for (const one of family(pid)) {
    const status = readFileSync(`/proc/${one}/status`, "utf8");
    sum.now += kilobytes(status, "VmRSS");
    sum.peak += kilobytes(status, "VmHWM");
  }
  return sum;
}

/** Begins the peak of a process and its children anew, so that `resident` gives that of the time from now on. */
export function forgetPeak(pid) {
  for (const one of family(pid)) writeFileSync(`/proc/${one}/clear_refs`, "5");
}

function kilobytes(status, field) {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status);
  return match ? (Number(match[1]) * 1024) / 1e6 : 0;
}

/** Seconds of processor that a process and all its children have used so far. */
export function processorSeconds(pid) {
  return family(pid).reduce((sum, one) => {
    const text = readFileSync(`/proc/${one}/stat`, "utf8");
    // The name in parentheses may hold spaces; behind it the numbers begin with field 3.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

/**
 * Waits until a server has done what it does behind its answers: until it has used less than a twentieth of a core in each of
 * three half seconds in a row. Fails after five minutes.
 */
export function settled(server) {
  return untilIdle(server, 500, 3);
}

/** Waits until a server has done what it was asked for, at most as long as `settled`; two tenths of a second are enough. */
export function quiet(server) {
  return untilIdle(server, 100, 2);
}

async function untilIdle({ pid, name }, window, times) {
  const until = performance.now() + 300_000;
  for (let idle = 0; idle < times; ) {
    if (performance.now() > until) throw new Error(`${name} did not come to rest within five minutes`);
    const before = processorSeconds(pid);
    await sleep(window);
    // Counted in hundredths of a second, so one of them says nothing.
    idle = processorSeconds(pid) - before <= Math.max(0.0101, window / 20_000) ? idle + 1 : 0;
  }
}
