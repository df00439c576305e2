"""Puts an API behind the emulator's gateway, and an identity provider, on one port of localhost.

usage: aws-local-forward.py FOLDER EMULATOR_PORT PROVIDER_PORT

The emulator finds an API by its host name, `<id>.execute-api.localhost`, which most resolvers do not know, and keeps
some paths of such a name for itself, `/health` for one. By the path `/_aws/execute-api/<id>/<stage>/` everything
reaches the API. So clients come to `localhost` and a port of its own, and every request goes on with that before its
path. Nothing else of it is changed: paths arrive as they were sent. What begins with `/_idp/` goes to the identity
provider instead.

The id of the API is read from the file `api` in FOLDER, which may come to be later; the port is written to `port`.
"""

import asyncio
import os
import sys
import time

HEAD_LIMIT = 64 * 1024


# A request that has not been answered for so long is worth a line in the log.
SLOW = 10


async def relay(reader, writer):
    """Hands over everything until the end, and the end: a client that gives up ends its request."""
    while data := await reader.read(HEAD_LIMIT):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


def declared(head):
    """Length of the body that a head announces; `None` if it does not say."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return None


async def answer(there, writer, method):
    """Hands over one answer. Its end is where it says it is, so that a connection that stays open holds nobody up."""
    while True:
        head = await there.readuntil(b"\r\n\r\n")
        writer.write(head)
        status = int(head.split(b" ", 2)[1])
        if status >= 200:
            break
        await writer.drain()
    left = 0 if method == b"HEAD" or status in (204, 304) else declared(head)
    while left is None or left > 0:
        data = await there.read(HEAD_LIMIT if left is None else min(left, HEAD_LIMIT))
        if not data:
            return
        left = None if left is None else left - len(data)
        writer.write(data)
        await writer.drain()


async def watch(line, sent):
    """Says of a request that it is slow, until it is over."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(SLOW)
        print(f"{line}: no end after {time.monotonic() - began:.0f} s, {sent()}", flush=True)


async def pulse():
    """Says when this process, or the whole machine, has stood still: what seems slow then was not."""
    while True:
        began = time.monotonic()
        await asyncio.sleep(1)
        late = time.monotonic() - began - 1
        if late > SLOW:
            print(f"the forwarder stood still for {late:.0f} s", flush=True)


def rewritten(head, prefix):
    """The head of a request with something before its path, on a connection that ends with it."""
    lines = head[:-4].split(b"\r\n")
    method, target = lines[0].split(b" ", 1)
    kept = [line for line in lines[1:] if line.split(b":")[0].strip().lower() != b"connection"]
    return b"\r\n".join([method + b" " + prefix + target, b"Connection: close", *kept]) + b"\r\n\r\n"


def serve(folder, emulator, provider):
    async def connected(reader, writer):
        sending, watching, back = None, None, None
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            port, prefix = provider, b""
            if not head.split(b" ", 2)[1].startswith(b"/_idp/"):
                with open(os.path.join(folder, "api"), "rb") as file:
                    port, prefix = emulator, b"/_aws/execute-api/" + file.read().strip() + b"/$default"
            there, back = await asyncio.open_connection("127.0.0.1", port, limit=HEAD_LIMIT)
            back.write(rewritten(head, prefix))
            # The answer decides: it may come before all of the request has been sent, and it is the end of both
            # connections, whoever would keep them.
            sending = asyncio.create_task(relay(reader, back))
            line = head.split(b"\r\n", 1)[0].decode(errors="replace")
            watching = asyncio.create_task(watch(line, lambda: "its client has gone" if sending.done() else "its client waits"))
            await answer(there, writer, head.split(b" ", 1)[0])
            # A client that is still sending loses the answer if its connection is cut off.
            writer.write_eof()
            await asyncio.wait([sending], timeout=SLOW)
        except (OSError, LookupError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            for task in filter(None, (sending, watching)):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            if back is not None:
                back.close()
            writer.close()

    # The event loop itself holds tasks weakly: one that only its own connections lead to may be collected while it
    # waits, and then its answer never ends.
    tasks = set()

    def accepted(reader, writer):
        task = asyncio.get_running_loop().create_task(connected(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return accepted


async def main(folder, emulator, provider):
    accepted = serve(folder, int(emulator), int(provider))
    server = await asyncio.start_server(accepted, "127.0.0.1", 0, limit=HEAD_LIMIT)
    port = server.sockets[0].getsockname()[1]
    unfinished = os.path.join(folder, "port.new")
    with open(unfinished, "w") as file:
        file.write(str(port))
    os.replace(unfinished, os.path.join(folder, "port"))
    async with server:
        await asyncio.gather(server.serve_forever(), pulse())


asyncio.run(main(*sys.argv[1:]))
