// Why a build ends, in one vocabulary for all scripts.

/** Exit codes. The README explains them; what calls these scripts may rely on them. */
export const Code = Object.freeze({
  UNEXPECTED: 1,
  USAGE: 2,
  NOT_FOUND: 3,
  SOURCE: 4,
  NO_TARGET: 5,
  NOTHING_EXPORTED: 6,
  UNSUPPORTED: 7,
  DEPENDENCY: 8,
  COMPILER: 9,
  TOOLS: 10,
  NOT_MACOS: 11,
  REGISTRY: 12,
  CLAIM_LOST: 13,
  BUILD_FAILED: 14,
});

/** Longest error that is told to a registry, in characters. */
export const MAX_ERROR = 2000;

/** A failure with a message for people, and the exit code that says of which kind it is. */
export class Failure extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** A text from a stranger as a message may show it: one line, no control characters, at most `most` characters. */
export function shown(text, most = 120) {
  const plain = String(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  return plain.length > most ? `${plain.slice(0, most)}...` : plain;
}

/** An error as it is told to a registry: lines are kept, other control characters and what is too long are not. */
export function bounded(text, most = MAX_ERROR) {
  const plain = String(text).replace(/\r\n?/g, '\n').replace(/[^\P{C}\n]/gu, '?').trim();
  return plain.length > most ? `${plain.slice(0, most - 3)}...` : plain;
}

/**
 * Runs a script and ends the process with its exit code. Only the message of a Failure is printed; anything else is
 * a mistake of ours and comes with its stack.
 */
export async function main(script, run) {
  try {
    await run();
  } catch (error) {
    if (error instanceof Failure) {
      console.error(`${script}: ${error.message}`);
      process.exitCode = error.code;
    } else {
      console.error(`${script}: unexpected: ${error?.stack ?? error}`);
      process.exitCode = Code.UNEXPECTED;
    }
  }
}
