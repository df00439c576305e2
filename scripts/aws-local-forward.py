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

HEAD_LIMIT = 64 * 1024


async def relay(reader, writer):
    try:
        while data := await reader.read(HEAD_LIMIT):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()


def rewritten(head, prefix):
    """The head of a request with something before its path, on a connection that ends with it."""
    lines = head[:-4].split(b"\r\n")
    method, target = lines[0].split(b" ", 1)
    kept = [line for line in lines[1:] if line.split(b":")[0].strip().lower() != b"connection"]
    return b"\r\n".join([method + b" " + prefix + target, b"Connection: close", *kept]) + b"\r\n\r\n"


def serve(folder, emulator, provider):
    async def connected(reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            port, prefix = provider, b""
            if not head.split(b" ", 2)[1].startswith(b"/_idp/"):
                with open(os.path.join(folder, "api"), "rb") as file:
                    port, prefix = emulator, b"/_aws/execute-api/" + file.read().strip() + b"/$default"
            there, back = await asyncio.open_connection("127.0.0.1", port, limit=HEAD_LIMIT)
            back.write(rewritten(head, prefix))
            await asyncio.gather(relay(reader, back), relay(there, writer))
            back.close()
        except (OSError, LookupError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    return connected


async def main(folder, emulator, provider):
    connected = serve(folder, int(emulator), int(provider))
    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=HEAD_LIMIT)
    port = server.sockets[0].getsockname()[1]
    unfinished = os.path.join(folder, "port.new")
    with open(unfinished, "w") as file:
        file.write(str(port))
    os.replace(unfinished, os.path.join(folder, "port"))
    async with server:
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
