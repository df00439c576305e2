"""One function of the registry as AWS would run it: the host of its process, and what is sent to it.

`Host` plays the Lambda Runtime API to one process at a time, on loopback, and says when the process did what.
`request` makes an event as API Gateway's HTTP API does.
"""

import base64
import json
import os
import pathlib
import queue
import socketserver
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler

# What sam deploys the functions with; see PROFILE in aws-stack.py.
BUILD = {"CARGO_PROFILE_RELEASE_LTO": "fat", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "1"}
FAMILIES = [
    "accounts", "composer", "console", "consumers", "entities", "events", "kmp", "kmp-builder", "kmp-poller", "licenses", "maven",
    "npm", "products", "raw", "repos", "swift", "uploads",
]
# The crates that are not called like the family.
CRATES = {"kmp": "kmp-api", "console": "console-function"}
PATIENCE = 30


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 64
    daemon_threads = True

    def __init__(self, handler, tls=None):
        super().__init__(("127.0.0.1", 0), handler)
        self.tls = tls
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request, client_address):
        if self.tls is None:
            super().finish_request(request, client_address)
        else:
            # Here, so that a handshake does not hold up another connection.
            with self.tls.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)

    def handle_error(self, request, client_address):
        """Processes are ended while they wait for an answer: that is no error here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status, body, headers=()):
        lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers)]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
        self.wfile.write(head.encode() + (b"" if self.command == "HEAD" else body))

    def log_message(self, *_):
        pass


class Host:
    """Runs a program as the process of a function. To be used with `with`, which ends it."""

    def __init__(self, program, variables, log=subprocess.DEVNULL):
        self.program, self.variables, self.log = program, variables, log
        self.events, self.answers = queue.Queue(), queue.Queue()
        self.asked = threading.Event()
        host = self

        class Runtime(Handler):
            def do_GET(self):
                if not host.asked.is_set():
                    host.asked_at = time.perf_counter()
                    host.asked.set()
                number, event = host.events.get()
                deadline = str(int(time.time() * 1000) + 29_000)
                self.answer(200, event, [
                    ("Content-Type", "application/json"), ("Lambda-Runtime-Aws-Request-Id", f"request-{number}"),
                    ("Lambda-Runtime-Deadline-Ms", deadline), ("Lambda-Runtime-Trace-Id", "Root=1-0-0;Sampled=0"),
                    ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:bench"),
                ])

            def do_POST(self):
                at = time.perf_counter()
                host.answers.put((at, self.path, self.body()))
                self.answer(202, b"{}")

        self.server = Server(Runtime)
        self.count = 0

    def __enter__(self):
        environment = {
            "PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": self.server.address, **self.variables,
            "AWS_LAMBDA_FUNCTION_NAME": "bench", "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        }
        self.started_at = time.perf_counter()
        self.process = subprocess.Popen([self.program], env=environment, stdout=self.log, stderr=self.log)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.server.shutdown()
        self.server.server_close()

    def invoke(self, event):
        """Gives the answer and when it came."""
        self.count += 1
        self.events.put((self.count, json.dumps(event).encode()))
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                at, path, body = self.answers.get(timeout=0.5)
                break
            except queue.Empty:
                if self.process.poll() is not None:
                    raise RuntimeError(f"{self.program} ended with {self.process.returncode}") from None
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{self.program} does not answer") from None
        if not path.endswith("/response"):
            raise RuntimeError(f"{self.program} failed: {body.decode()}")
        return at, json.loads(body)

    def processor_ms(self):
        """How long its threads have run."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6

    def memory_mib(self):
        """Resident now, and at most."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        sizes = dict(line.split(":\t") for line in status.splitlines() if line.startswith(("VmRSS", "VmHWM")))
        return tuple(int(sizes[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))


def request(method, path, headers=(), body=b"", query=""):
    """A request as API Gateway hands it over: payload format 2.0."""
    headers = {"host": "localhost", **{name.lower(): value for name, value in dict(headers).items()}}
    return {
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers,
        "requestContext": {
            "accountId": "000000000000", "apiId": "bench", "domainName": "localhost", "domainPrefix": "bench",
            "requestId": "bench", "routeKey": "$default", "stage": "$default", "time": "25/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1795608000000,
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench",
            },
        },
        "body": base64.b64encode(body).decode(), "isBase64Encoded": True,
    }


def variables(endpoint):
    """The variables of a function whose stores are all at one endpoint."""
    return {
        "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_SESSION_TOKEN": "bench", "AWS_ENDPOINT_URL": endpoint, "AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH": "true",
        "GRANARY_PUBLIC_URL": "https://registry.example.com", "GRANARY_OIDC_ISSUER": "https://id.example.com",
        "GRANARY_REGISTRY_TABLE": "granary-registry", "GRANARY_EPHEMERAL_TABLE": "granary-ephemeral",
        "GRANARY_COUNTERS_TABLE": "granary-counters", "GRANARY_BUCKET": "granary",
        "GRANARY_EVENTS_QUEUE_URL": f"{endpoint}/000000000000/granary-events",
        "GRANARY_KMP_POLL_QUEUE_URL": f"{endpoint}/000000000000/granary-kmp-poll",
        "GRANARY_KMP_BUILD_QUEUE_URL": f"{endpoint}/000000000000/granary-kmp-build",
    }


def programs(root, artifacts, say):
    """The programs by their names; built as they are for AWS unless there is a folder with them."""
    packages = {"granary-hello": "granary-hello", **{f"granary-fn-{family}": f"granary-{CRATES.get(family, family)}" for family in FAMILIES}}
    if artifacts is None:
        say("building the functions with fat LTO; the first time takes a quarter of an hour or more")
        command = ["cargo", "lambda", "build", "--release", "--x86-64"]
        for name, package in packages.items():
            subprocess.run([*command, "--package", package, "--bin", name], cwd=root, check=True, env={**os.environ, **BUILD})
        artifacts = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target")) / "lambda"
    found = {name: pathlib.Path(artifacts).resolve() / name / "bootstrap" for name in packages}
    for program in found.values():
        if not program.is_file():
            raise SystemExit(f"{program} is missing")
    return found
