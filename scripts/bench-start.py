"""What scripts/bench-start does; its head says how it is used."""

import argparse
import pathlib
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib

from function_host import FAMILIES, Handler, Host, Server, programs, request, variables

ROOT = pathlib.Path(__file__).resolve().parent.parent
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def say(text):
    print(f"== {text}", file=sys.stderr, flush=True)


def token():
    """A token whose checksum is right, so that the table is asked for it."""
    text = "rep_" + "Bench" * 6
    rest, letters = zlib.crc32(text.encode()), ""
    for _ in range(6):
        rest, letter = divmod(rest, 62)
        letters = LETTERS[letter] + letters
    return text + letters


# A first request of each function that asks its stores for something.
def first_requests():
    headers = {"authorization": f"Bearer {token()}", "accept": "*/*"}
    paths = {
        "accounts": "/api/auth/me",
        "composer": "/composer/libs/p2/acme/framework.json",
        "console": "/",
        "consumers": "/consumers",
        "entities": "/api/entities/01890a5d-ac96-774b-bcce-b302099a8057",
        "kmp": "/api/repos/libs/kmp/builds",
        "licenses": "/v1/licenses",
        "maven": "/api/maven/libs/com/example/app/1.0.0/app-1.0.0.pom",
        "npm": "/api/npm/libs/left-pad",
        "products": "/api/product/access",
        "raw": "/api/raw/libs/tool/1.0.0/tool.txt",
        "repos": "/api/repos/libs/packages",
        "swift": "/api/swift/libs/mona/LinkedList",
        "uploads": "/api/uploads/01890a5d-ac96-774b-bcce-b302099a8057",
    }
    events = {family: request("GET", path, headers) for family, path in paths.items()}
    tasks = {"events": {"task": "sweep"}, "kmp-poller": {"task": "tick"}, "kmp-builder": {"task": "sweep"}}
    return {**events, **tasks, "hello": request("GET", "/")}


class Stores(Handler):
    """Tables without rows: measured is the process of the function, not its stores."""

    asked = 0
    EMPTY = {
        "GetItem": b"{}", "BatchGetItem": b'{"Responses":{},"UnprocessedKeys":{}}',
        "Query": b'{"Items":[],"Count":0,"ScannedCount":0}',
    }

    def do_POST(self):
        Stores.asked += 1
        self.body()
        operation = self.headers.get("x-amz-target", "").rpartition(".")[2]
        if operation not in self.EMPTY:
            self.answer(400, b'{"__type":"UnknownOperationException"}')
            return
        body = self.EMPTY[operation]
        checksum = ("x-amz-crc32", zlib.crc32(body))
        self.answer(200, body, [("Content-Type", "application/x-amz-json-1.0"), checksum])


def certificate(folder):
    """A certificate for loopback with its TLS context, and a file for SSL_CERT_FILE that trusts it.

    The file has all the certificates of this system as well, because reading them is a part of starting.
    """
    authority, key, made, trusted = (folder / name for name in ("ca.pem", "key.pem", "certificate.pem", "trusted.pem"))
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    # RSA, as the certificates of AWS are. One key does for both.
    unsigned = folder / "request.pem"
    for command in (
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=bench authority", "-keyout", key, "-out", authority],
        ["req", "-new", "-key", key, "-subj", "/CN=bench", "-out", unsigned],
        ["x509", "-req", "-in", unsigned, "-CA", authority, "-CAkey", key, "-CAcreateserial", "-extfile", extensions,
         "-out", made],
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    system = ssl.get_default_verify_paths()
    trusted.write_bytes(authority.read_bytes() + pathlib.Path(system.cafile or system.openssl_cafile).read_bytes())
    return trusted, context


def zipped(program, folder):
    """The size of the archive that sam uploads."""
    archive = folder / "function.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(program, "bootstrap")
    return archive.stat().st_size


def start(program, settings, event):
    """Starts a process and has it answer one event. Everything in milliseconds and MiB."""
    asked = Stores.asked
    with Host(program, settings) as host:
        if not host.asked.wait(10):
            raise SystemExit(f"{program} does not come up")
        sent = time.perf_counter()
        at, answer = host.invoke(event)
        time.sleep(0.01)
        resident, most = host.memory_mib()
        return {
            "init": (host.asked_at - host.started_at) * 1000,
            "request": (at - sent) * 1000,
            # The event was there before the process asked for it, as on AWS.
            "first": (host.asked_at - host.started_at + at - sent) * 1000,
            "processor": host.processor_ms(),
            "resident": resident,
            "most": most,
            "calls": Stores.asked - asked,
            "status": answer.get("statusCode", "-") if isinstance(answer, dict) else "-",
        }


def measure(found, rounds, settings):
    events = first_requests()
    functions = {"hello": found["granary-hello"], **{f: found[f"granary-fn-{f}"] for f in FAMILIES}}
    runs = {name: [] for name in functions}
    # A round more than asked for: the first one fills the cache of files.
    for number in range(rounds + 1):
        for name, program in functions.items():
            run = start(program, settings, events[name])
            if number:
                runs[name].append(run)
        say(f"round {number} of {rounds}")
    results = {}
    for name, of in runs.items():
        status = {run.pop("status") for run in of}
        results[name] = {key: statistics.median(run[key] for run in of) for key in of[0]}
        results[name] |= {"status": "/".join(map(str, status)), "fastest": min(run["first"] for run in of)}
    return results


def table(results):
    hello = results["hello"]
    print("\n| function | to the first `next` | first request | to the first answer | over hello world | fastest |"
          " processor time | resident | calls to stores | status |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, result in results.items():
        print(
            f"| {name} | {result['init']:.1f} ms | {result['request']:.1f} ms | {result['first']:.1f} ms | "
            f"{result['first'] - hello['first']:+.1f} ms | {result['fastest']:.1f} ms | {result['processor']:.1f} ms | {result['most']:.1f} MiB | "
            f"{result['calls']:.0f} | {result['status']} |"
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--artifacts")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    found = programs(ROOT, options.artifacts, say)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        print("| function | program | zipped |\n| --- | ---: | ---: |")
        for name, program in found.items():
            size = program.stat().st_size
            print(f"| {name} | {size / 1e6:.1f} MB | {zipped(program, folder) / 1e6:.2f} MB |")
        trusted, context = certificate(folder)
        secure = Server(Stores, context)
        settings = {**variables(f"https://{secure.address}"), "SSL_CERT_FILE": str(trusted)}
        table(measure(found, options.rounds, settings))


main()
