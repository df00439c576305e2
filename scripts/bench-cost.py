"""What scripts/bench-cost does; its head says how it is used."""

import argparse
import base64
import json
import math
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from function_host import Host, programs, request, variables

ROOT = pathlib.Path(__file__).resolve().parent.parent

# List prices of us-east-1, in dollars per million or per GB and second; docs/COST.md says where they are from.
GATEWAY, INVOCATION, GB_SECOND = 1.00, 0.20, 13.3334
READ_UNIT, WRITE_UNIT = 0.125, 0.625
S3_WRITE, S3_READ = 5.00, 0.40
MESSAGE = 0.40
LOG_GB = 0.50
CODEARTIFACT_REQUEST = 5.00

# Assumptions. A core is what 1,769 MB get; one call of a store that is waited for; what AWS itself logs of an
# invocation in JSON (start and report) and the gateway of a request.
CORE_MB, REQUEST_MB, EVENTS_MB = 1769, 512, 1769
CALL_MS = 8
PLATFORM_LOG, ACCESS_LOG = 700, 320
# Send, receive, and delete.
REQUESTS_OF_A_MESSAGE = 3

# The first ones fill caches and open connections.
WARM_UP = 8


def say(text):
    print(f"== {text}", file=sys.stderr, flush=True)


def measured_calls(numbers):
    say(f"counting calls and units with {' and '.join(map(str, numbers))} versions; this takes some minutes")
    command = ["cargo", "run", "--quiet", "-p", "granary-testing", "--example", "cost", "--", *map(str, numbers)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


class Emulator:
    """MiniStack with the tables, the bucket and the queue of a deployment. To be used with `with`."""

    def __enter__(self):
        import botocore.session

        self.folder = tempfile.TemporaryDirectory()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        work = self.folder.name
        environment = {
            "PATH": os.environ["PATH"], "HOME": work, "TMPDIR": work, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port),
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "S3_DATA_DIR": f"{work}/s3",
            "STATE_DIR": f"{work}/state", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0",
        }
        self.process = subprocess.Popen(
            ["ministack"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"{self.endpoint}/_ministack/ready", timeout=5).close()
                break
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise SystemExit("the emulator does not come up") from None
                time.sleep(0.1)
        session = botocore.session.Session()
        session.set_credentials("test", "test")

        def client(service):
            return session.create_client(service, region_name="us-east-1", endpoint_url=self.endpoint)

        dynamodb = client("dynamodb")
        for table in ("granary-registry", "granary-ephemeral", "granary-counters"):
            dynamodb.create_table(
                TableName=table, BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            )
        client("s3").create_bucket(Bucket="granary")
        self.queue = client("sqs")
        self.queue_url = self.queue.create_queue(QueueName="granary-events")["QueueUrl"]
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def messages(self):
        """Takes what is in the queue, as the events of a mapping with batches of one."""
        events = []
        while received := self.queue.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                self.queue.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
                events.append({"Records": [{
                    "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"], "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {},
                    "md5OfBody": message["MD5OfBody"], "eventSource": "aws:sqs", "awsRegion": "us-east-1",
                    "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:granary-events",
                }]})
        return events


class Function:
    """A function that is sent requests of a client with a token."""

    def __init__(self, host, token=None):
        self.host, self.token = host, token

    def send(self, step, more=(), may_be_missing=False):
        headers = {name: value for name, value in step["headers"]}
        headers |= {"authorization": f"Bearer {self.token}", **dict(more)}
        _, answer = self.host.invoke(
            request(step["method"], step["path"], headers, base64.b64decode(step["body"]))
        )
        if answer["statusCode"] >= 400 and not (may_be_missing and answer["statusCode"] == 404):
            raise SystemExit(f"{step['method']} {step['path']}: {answer['statusCode']} {answer.get('body')}")
        return answer

    def processor_ms(self, work):
        """How long it computes for something."""
        before = self.host.processor_ms()
        work()
        return self.host.processor_ms() - before


def processor_times(found, replays):
    """Processor time of each operation in the functions as they are deployed, in ms, and bytes of a log line."""
    times = {}
    with Emulator() as emulator, tempfile.TemporaryFile() as log:
        settings = {
            **variables(emulator.endpoint), "GRANARY_ADMINS": "bench", "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test", "GRANARY_EVENTS_QUEUE_URL": emulator.queue_url,
        }
        settings.pop("AWS_SESSION_TOKEN")
        with Host(found["granary-fn-events"], settings) as events:
            _, made = events.invoke({"task": "admin-token"})
        token = made["token"]
        with Host(found["granary-fn-repos"], settings) as repos:
            body = {"name": "bench", "packageTypes": [replay["protocol"] for replay in replays]}
            Function(repos, token).send({
                "method": "POST", "path": "/api/repos", "headers": [["content-type", "application/json"]],
                "body": base64.b64encode(json.dumps(body).encode()).decode(),
            })
        with Host(found["granary-fn-events"], settings) as events:
            consumer = Function(events)
            for event in emulator.messages():
                events.invoke(event)
            lines = requests = 0
            for replay in replays:
                protocol = replay["protocol"]
                say(f"replaying {protocol}")
                with Host(found[f"granary-fn-{protocol}"], settings, log) as host:
                    start = log.tell()
                    function = Function(host, token)
                    publish, follow_up = [], []
                    for number, steps in enumerate(replay["publishes"]):
                        publish.append(function.processor_ms(
                            lambda: [function.send(step, may_be_missing=number == 0) for step in steps]
                        ))
                        waiting = emulator.messages()
                        follow_up.append(consumer.processor_ms(lambda: [events.invoke(event) for event in waiting]))
                        requests += len(steps)
                    install = [
                        function.processor_ms(lambda: [function.send(step) for step in replay["install"]])
                        for _ in replay["publishes"]
                    ]
                    etag = function.send(replay["poll"])["headers"]["etag"]
                    known = {"if-none-match": etag}
                    poll = [function.processor_ms(lambda: function.send(replay["poll"], known)) for _ in replay["publishes"]]
                    requests += len(replay["install"]) * len(install) + len(poll) + 1
                    lines += os.fstat(log.fileno()).st_size - start
                    log.seek(0, os.SEEK_END)
                for name, of in {"publish": publish, "follow-up": follow_up, "install": install, "poll": poll}.items():
                    times[protocol, name] = statistics.median(of[WARM_UP:])
    return times, lines / requests


def duration(processor, calls, memory):
    """What a function takes on AWS under the assumptions, in ms."""
    return processor / min(1, memory / CORE_MB) + calls * CALL_MS


def price(cost, ms, line, memory=REQUEST_MB, gateway=True):
    """Dollars for a million of these."""
    invocations = cost["requests"] if gateway else max(cost["requests"], 1)
    # A million lines of so many bytes are thousandths of a GB.
    logs = invocations * (line + PLATFORM_LOG + (ACCESS_LOG if gateway else 0)) / 1000 * LOG_GB
    return {
        "gateway": GATEWAY * invocations if gateway else 0,
        "Lambda": INVOCATION * invocations + math.ceil(ms) / 1000 * memory / 1024 * GB_SECOND,
        "DynamoDB": READ_UNIT * cost["read"] + WRITE_UNIT * cost["write"],
        "S3": S3_WRITE * cost["s3_write"] + S3_READ * cost["s3_read"],
        "SQS": MESSAGE * REQUESTS_OF_A_MESSAGE * cost["events"],
        "logs": logs,
    }


def total(*costs):
    return {key: sum(cost[key] for cost in costs) for key in costs[0]}


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def head(*cells):
    row(*cells)
    row(*("---" if index < 2 else "---:" for index in range(len(cells))))


def number(value):
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


# How they are printed, and which measurements they are made of.
OPERATIONS = {
    "publish": ["publish"],
    "what follows a publish": ["follow-up"],
    "install, nothing in memory": ["install, not in memory"],
    "install, all in memory": ["install, in memory"],
    "install of 1 MB": ["install, large"],
    "count a download": ["count"],
    "poll (304)": ["poll"],
}


def print_calls(costs, numbers):
    keys = ["requests", "read", "write", "s3_write", "s3_read", "events", "sequence"]
    for versions in numbers:
        print(f"\nWith {versions:,} versions:\n")
        head("protocol", "operation", "requests", "RRU", "WRU", "S3 PUT", "S3 GET", "messages", "calls in sequence")
        for cost in costs:
            if cost["versions"] == versions:
                name = next(name for name, of in OPERATIONS.items() if cost["operation"] in of)
                row(cost["protocol"], name, *(number(cost["cost"][key]) for key in keys))


def print_idle(idle):
    print("\nThe schedule:\n")
    head("task", "", "RRU", "WRU", "S3 PUT", "S3 GET")
    for task in idle:
        cost = task["cost"]
        row(task["task"], "", *(number(cost[key]) for key in ("read", "write", "s3_write", "s3_read")))


def print_prices(costs, versions, times, line):
    found = {(cost["protocol"], cost["operation"]): cost["cost"] for cost in costs if cost["versions"] == versions}
    print(f"\nDollars for a million, with {versions} versions. A line of a function's log has {line:.0f} bytes.\n")
    parts = ["gateway", "Lambda", "DynamoDB", "S3", "SQS", "logs"]
    head("protocol", "operation", "processor ms", "Lambda ms", *parts, "sum", "CodeArtifact")
    for protocol in dict.fromkeys(protocol for protocol, _ in found):
        def line_of(name, timed, cost, more=None):
            ms = duration(times[protocol, timed], cost["sequence"], REQUEST_MB)
            processor, prices = times[protocol, timed], price(cost, ms, line)
            if more is not None:
                after = duration(times[protocol, "follow-up"], more["sequence"], EVENTS_MB)
                more = {**more, "requests": cost["events"]}
                prices = total(prices, price(more, after, 0, EVENTS_MB, gateway=False))
                processor, ms = processor + times[protocol, "follow-up"], ms + after
            row(
                protocol, name, f"{processor:.1f}", f"{ms:.0f}", *(f"{prices[part]:.2f}" for part in parts),
                f"**{sum(prices.values()):.2f}**", f"{CODEARTIFACT_REQUEST * cost['requests']:.2f}",
            )

        count = found[protocol, "count"]
        alone = total(found[protocol, "install, not in memory"], count)
        line_of("publish, with what follows", "publish", found[protocol, "publish"], found[protocol, "follow-up"])
        line_of("install, the only one for a while", "install", alone)
        line_of("install, one of many", "install", found[protocol, "install, in memory"])
        line_of("poll (304)", "poll", found[protocol, "poll"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--artifacts")
    parser.add_argument("--calls", help="a file with what the example `cost` has printed before")
    parser.add_argument("versions", nargs="*", type=int, default=[10, 1000])
    options = parser.parse_args()
    if options.calls:
        measured = json.loads(pathlib.Path(options.calls).read_text())
    else:
        measured = measured_calls(options.versions)
    numbers = sorted({cost["versions"] for cost in measured["costs"]})
    print_calls(measured["costs"], numbers)
    print_idle(measured["idle"])
    sys.stdout.flush()
    found = programs(ROOT, options.artifacts, say)
    times, line = processor_times(found, measured["replays"])
    print_prices(measured["costs"], numbers[0], times, line)


main()
