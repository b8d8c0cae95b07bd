#!/usr/bin/python3
"""Rollouts lose no request: one server ended under load, and two behind a balancer restarted in turn.

Needs WEBHOOK_BINARY.
"""

import asyncio
import contextlib
import pathlib
import signal
import socket
import threading
import time

import pytest

from load import Load
from webhook_server import WebhookServer, wait_until

REVIEW = (pathlib.Path(__file__).parents[1] / "golden/cases/row18-supported/review.json").read_bytes()


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    path.write_text("server: {shutdownDelay: 1s}")
    return path


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_50_clients_lose_nothing_when_it_ends(keys, config, sent):
    with WebhookServer(keys, "--config", config) as server:
        load = Load(server.port, server.tls(), REVIEW, clients=50)
        wait_until(lambda: load.served > 500, "the load is there")
        load.may_refuse = True
        before = load.served
        assert server.stop(sent) == 0
        load.join()  # until each is refused
        assert load.failures == []
        assert load.served > before, "it served on while it drained"


def test_peers_that_do_not_do_their_part_do_not_hold_it_up(keys, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("server: {shutdownDelay: 0s, drainTimeout: 60s}")
    with WebhookServer(keys, "--config", config) as server, contextlib.ExitStack() as held:
        for sent in (b"", b"\x16\x03\x01\x02\x00\x01"):
            held.enter_context(socket.create_connection(("127.0.0.1", server.port))).sendall(sent)
        for sent in (b"POST /mut", b"POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                     b"Content-Length: 100000\r\n\r\n{"):
            peer = socket.create_connection(("127.0.0.1", server.port))
            held.enter_context(server.tls().wrap_socket(peer, server_hostname="localhost")).sendall(sent)
        dribbler, deaf = (held.enter_context(server.tls().wrap_socket(socket.create_connection(("127.0.0.1", server.port)),
                                                                      server_hostname="localhost")) for _ in range(2))
        deaf.settimeout(0.5)
        with contextlib.suppress(TimeoutError):  # until the server takes no more
            while True:
                deaf.sendall(b"POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                             b"Content-Length: %d\r\n\r\n%b" % (len(REVIEW), REVIEW))
        wait_until(lambda: server.metrics()["open_connections"] == 6, "all are there")
        server.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError):  # until it is cut
            while server.process.poll() is None:
                dribbler.sendall(b"x")
                time.sleep(0.05)
        assert server.process.wait(30) == 0
        assert not server.logged("cut off"), "it waited for them until its time was up"


class Balancer:
    """Spreads connections over the replicas that are ready, as kube-proxy does, and asks each like a kubelet."""

    def __init__(self):
        self.replicas = []
        self._next = 0
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(started)), daemon=True)
        self._thread.start()
        assert started.wait(10)

    async def _run(self, started):
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024) as server:
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            await self._stopping.wait()

    def stop(self):
        """Ends what it still copies, while the loop is there to close the connections."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    async def _serve(self, reader, writer):
        ready = self.replicas  # one list, replaced whole
        self._next += 1
        try:
            behind = await asyncio.open_connection("127.0.0.1", ready[self._next % len(ready)].port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(self._copy(reader, behind[1]), self._copy(behind[0], writer))

    @staticmethod
    async def _copy(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


def test_two_replicas_restarted_in_turn_lose_nothing(keys, config):
    balancer = Balancer()
    replicas = [WebhookServer(keys, "--config", config) for _ in range(2)]
    balancer.replicas = list(replicas)
    load = Load(balancer.port, replicas[0].tls(), REVIEW, clients=10)
    try:
        wait_until(lambda: load.served > 200, "the load is there")
        for turn in range(10):
            old = replicas[turn % 2]
            before = load.served
            old.process.send_signal(signal.SIGTERM)
            wait_until(lambda: old.ops("/readyz").status == 503, "it says that it drains")
            balancer.replicas = [each for each in replicas if each is not old]
            assert old.process.wait(30) == 0
            old.__exit__()
            replicas[turn % 2] = WebhookServer(keys, "--config", config)
            wait_until(lambda: replicas[turn % 2].ops("/readyz").status == 200, "the new one is ready")
            balancer.replicas = list(replicas)
            assert load.served > before
            time.sleep(0.1)
        assert load.stop() == []
    finally:
        load.stop()
        balancer.stop()
        for each in replicas:
            each.__exit__()
