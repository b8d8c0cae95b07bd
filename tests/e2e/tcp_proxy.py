#!/usr/bin/python3
"""Takes connections on the listening socket of a descriptor, and leads each to one of the ports on loopback that the
last line of standard input names, as JSON; ends with that."""

import asyncio
import contextlib
import json
import random
import socket
import sys


class Proxy:
    def __init__(self):
        self.ports = []

    async def take(self, client_reader, client_writer):
        with contextlib.suppress(OSError, asyncio.CancelledError), contextlib.closing(client_writer):
            if not self.ports:
                return
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", random.choice(self.ports))
            with contextlib.closing(server_writer):
                ways = [asyncio.ensure_future(copy(*way)) for way in ((client_reader, server_writer),
                                                                      (server_reader, client_writer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)

    async def listen(self, descriptor):
        commands = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        listener = socket.socket(fileno=descriptor)
        await asyncio.start_server(self.take, sock=listener, backlog=4096)
        while line := await commands.readline():
            self.ports = json.loads(line)


async def copy(source, sink):
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()


if __name__ == "__main__":
    asyncio.run(Proxy().listen(int(sys.argv[1])))
