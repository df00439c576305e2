// Running other programs: never through a shell, and with an environment that has no secret in it.

import { spawn } from 'node:child_process';

import { Code, Failure, shown } from './failure.mjs';

// What a compiler needs. Everything else, above all the tokens of a job, stays out of a process that reads strangers'
// libraries.
const PASSED = ['PATH', 'HOME', 'JAVA_HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'DEVELOPER_DIR', 'GRADLE_USER_HOME', 'KONAN_DATA_DIR'];

/** Most characters of a program's output that are kept, from its end. */
const MAX_OUTPUT = 64 * 1024;

/**
 * Runs a program to its end: `{ status, output }`, with what it prints to both streams. `minutes`: after which it is
 * ended. `secrets`: variables that this one program does need.
 */
export async function run(program, args, { cwd, minutes, secrets = {}, echo = false }) {
  const env = Object.fromEntries(PASSED.filter((name) => name in process.env).map((name) => [name, process.env[name]]));
  const child = spawn(program, args, { cwd, env: { ...env, ...secrets }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, minutes * 60_000);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      output = (output + text).slice(-MAX_OUTPUT);
      if (echo) process.stderr.write(text);
    });
  }
  try {
    const status = await new Promise((done, failed) => {
      child.on('error', failed);
      child.on('close', (code) => done(code ?? -1));
    });
    if (isLate) {
      throw new Failure(Code.COMPILER, `${program} was not done after ${minutes} minutes`);
    }
    return { status, output };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(Code.TOOLS, `${program} cannot be started: ${shown(error.message)}`);
  } finally {
    clearTimeout(timer);
  }
}
