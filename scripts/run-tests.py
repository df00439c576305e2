#!/usr/bin/env python3
"""Usage: cargo test --no-run --message-format=json-render-diagnostics ... | scripts/run-tests.py [--at-once N] [FIRST...]

Runs the test programs that cargo has built, N at once (one more than there are processors), because some mostly wait: those that are
called FIRST begin before all others, as what takes longest should. Prints what each says when it ends, and at last those that failed. Exits with 1 if one did,
or if there is none to run.
"""
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed


def programs(lines):
    """What cargo's messages say of test programs: the name, the program, and the folder of its crate."""
    for line in lines:
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message["profile"]["test"] and message["executable"]:
            yield message["target"]["name"], message["executable"], os.path.dirname(message["manifest_path"])


def run(program):
    _, executable, folder = program
    environment = {**os.environ, "CARGO_MANIFEST_DIR": folder}
    return subprocess.run(
        [executable], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def main(arguments):
    at_once = (os.cpu_count() or 1) + 1
    if arguments[:1] == ["--at-once"] and arguments[1:] and arguments[1].isdecimal():
        at_once, arguments = int(arguments[1]), arguments[2:]
    if at_once < 1 or any(argument.startswith("-") for argument in arguments):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    found = list(programs(sys.stdin))
    for name in arguments:
        if all(name != program[0] for program in found):
            print(f"run-tests: no test program is called {name}", file=sys.stderr)
            return 2
    found.sort(key=lambda program: arguments.index(program[0]) if program[0] in arguments else len(arguments))
    failed = []
    with ThreadPoolExecutor(at_once) as pool:
        running = {pool.submit(run, program): program for program in found}
        for done in as_completed(running):
            name, executable, folder = running[done]
            ended = done.result()
            print(f"\n     Running {os.path.relpath(folder)} {name} ({os.path.basename(executable)})", flush=True)
            sys.stdout.buffer.write(ended.stdout)
            sys.stdout.flush()
            if ended.returncode:
                failed.append(f"{os.path.relpath(folder)} {name} ended with {ended.returncode}")
    for line in failed:
        print(f"failed: {line}")
    print(f"{len(found) - len(failed)} test programs passed, {len(failed)} failed")
    return 1 if failed or not found else 0


sys.exit(main(sys.argv[1:]))
