// Options of the scripts.

import { parseArgs } from 'node:util';

import { Code, Failure, shown } from './failure.mjs';

/**
 * Reads `--name value` options. `known` has for each name `{ required, multiple, flag }`; `usage` is printed for
 * `--help`, after which the process ends.
 *
 * Fails with USAGE for anything unknown, repeated or missing: a value is never guessed.
 */
export function options(argv, known, usage) {
  // Anywhere else it may be a value: names of libraries come from strangers.
  if (argv[0] === '--help') {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  const wrong = (why) => new Failure(Code.USAGE, `${why}; see --help`);
  const config = {};
  for (const [name, option] of Object.entries(known)) {
    // All are read as lists, so that a second value of a single option is seen and refused.
    config[name] = { type: option.flag ? 'boolean' : 'string', multiple: true };
  }
  let values;
  try {
    ({ values } = parseArgs({ args: argv, options: config, strict: true, allowPositionals: false }));
  } catch (error) {
    throw wrong(shown(error.message, 200));
  }
  const read = {};
  for (const [name, option] of Object.entries(known)) {
    const given = values[name] ?? [];
    if (option.flag) {
      read[name] = given.length > 0;
    } else if (option.multiple) {
      read[name] = given;
    } else if (given.length > 1) {
      throw wrong(`--${name} is given twice`);
    } else {
      read[name] = given[0];
    }
    if (option.required && given.length === 0) {
      throw wrong(`--${name} is missing`);
    }
    if (!option.flag && given.some((value) => value === '')) {
      throw wrong(`--${name} is empty`);
    }
  }
  return read;
}
