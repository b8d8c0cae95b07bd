#!/usr/bin/python3
"""A flood of TLS handshakes, as fast as one core can open them, keeps neither probes nor reviews from their answers.

Needs WEBHOOK_BINARY.
"""

import pathlib
import subprocess
import sys

from webhook_server import WebhookServer, wait_until

REVIEW = (pathlib.Path(__file__).parents[1] / "golden/cases/row18-supported/review.json").read_bytes()
HANDSHAKES = 4000

# In a process of its own, so that it does not wait for the honest client. Each handshake costs the server its
# signature; the client, which never answers it, next to nothing. At most 200 are open, then the oldest goes.
FLOOD = f"""
import collections, socket, ssl, sys
out = ssl.MemoryBIO()
try:
    ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
except ssl.SSLWantReadError:
    hello = out.read()
open_ones = collections.deque()
for _ in range({HANDSHAKES}):
    try:
        one = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
        one.sendall(hello)
        open_ones.append(one)
    except OSError:  # turned away, which costs nobody anything
        continue
    if len(open_ones) > 200:
        open_ones.popleft().close()
"""


def failed_handshakes(server):
    return sum(count for name, count in server.metrics().items() if name.startswith("handshakes_failed_total"))


def test_a_flood_of_handshakes_keeps_nobody_from_an_answer(keys):
    with WebhookServer(keys) as server:
        proven = server.connect()
        assert server.post(REVIEW, connection=proven).status == 200
        flood = subprocess.Popen([sys.executable, "-c", FLOOD, str(server.port)])
        during = 0
        while flood.poll() is None:
            before = failed_handshakes(server)
            assert server.post(REVIEW, connection=proven).status == 200
            assert server.ops("/livez").status == 200
            assert server.ops("/readyz").status == 200
            if failed_handshakes(server) > before:
                during += 1
        assert flood.returncode == 0
        assert during > 0, "a review and two probes were answered while handshakes were going on"
        wait_until(lambda: failed_handshakes(server) >= HANDSHAKES / 2, "it was a flood")
        assert server.post(REVIEW, connection=proven).status == 200
        assert server.post(REVIEW).status == 200  # over a new connection
