#!/usr/bin/python3
"""Whatever arrives, the program stays under the memory that manifests/base allows, and serves honest reviews.

Needs WEBHOOK_BINARY, built without a sanitizer.
"""

import contextlib
import json
import os
import pathlib
import re
import resource
import socket
import ssl
import threading

import pytest

from memory_cgroup import MemoryCgroup
from webhook_server import WebhookServer, wait_until

ROOT = pathlib.Path(__file__).parents[2]
REVIEW = (ROOT / "tests/golden/cases/row18-supported/review.json").read_bytes()
LIMIT = int(re.search(r"limits: {.*memory: (\d+)Mi}", (ROOT / "manifests/base/deployment.yaml").read_text())[1]) << 20
MIB = 1 << 20


pytestmark = pytest.mark.skipif(
    re.search(rb"__[at]san_init", pathlib.Path(os.environ["WEBHOOK_BINARY"]).read_bytes()) is not None,
    reason="built with a sanitizer, whose own memory is larger than the limit; scripts/test runs it on the release build")


@pytest.fixture(params=[7 * MIB, 8 * MIB], ids=["7 MiB", "8 MiB"])
def server(request, keys, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 5000:
        pytest.skip(f"RLIMIT_NOFILE {hard} (needs 5000)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    config = tmp_path / "config.yaml"
    config.write_text(f"server: {{maxRequestBytes: {request.param}}}")
    with WebhookServer(keys, "--config", config) as running:
        running.max_bytes = request.param
        yield running
        assert running.process.poll() is None, "it did not survive"
        assert peak(running) < LIMIT


def peak(server):
    """The most memory that the process ever had, in bytes."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) << 10


def zeros(size):
    """The JSON whose document is largest, a byte."""
    return b"[" + b"0," * ((size - 3) // 2) + b"0]"


def open_tls(server):
    return server.tls().wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=30),
                                    server_hostname="localhost")


def head(size):
    return b"POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size


def test_a_body_of_the_largest_size_is_read(server):
    assert server.post(zeros(server.max_bytes)).status == 400  # whole: JSON, but no review


def test_large_bodies_at_once_are_put_off_and_honest_reviews_are_answered(server):
    body = zeros(server.max_bytes)
    seen = set()

    def send():
        for _ in range(3):
            with contextlib.suppress(OSError):
                seen.add(server.post(body).status)

    attackers = [threading.Thread(target=send) for _ in range(8)]
    for attacker in attackers:
        attacker.start()
    honest = server.connect()
    while any(attacker.is_alive() for attacker in attackers):
        assert server.post(REVIEW, connection=honest).status == 200
        assert server.ops("/livez").status == 200
    assert seen <= {400, 503}
    assert server.post(body).status == 400  # what they took has come back


def test_idle_connections_that_sent_large_bodies_hold_nothing(server):
    with contextlib.ExitStack() as held:
        for _ in range(40):
            connection = server.connect()
            held.callback(connection.close)
            assert server.post(b" " * server.max_bytes, connection=connection).status == 400
        assert server.post(zeros(server.max_bytes)).status == 400
        assert server.post(REVIEW).status == 200


def test_a_thousand_connections_that_hold_all_they_can_are_held(server):
    # As much as each can leave behind: nearly 16 KiB of a body, and half a record more.
    rest = head(16_000) + b" " * 15_000
    honest = server.connect()
    with contextlib.ExitStack() as held:
        for _ in range(1000):
            with contextlib.suppress(OSError, ssl.SSLError):
                tls = held.enter_context(open_tls(server))
                tls.sendall(rest)
                socket.socket.sendall(tls, b"\x17\x03\x03\x40\x00" + b"x" * 8000)
        wait_until(lambda: server.post(REVIEW, connection=honest).status == 200, "honest reviews are answered")
        assert server.ops("/livez").status == 200


# A ClientHello that says to be 131,071 bytes long: what OpenSSL sets aside for it, it does at once.
# And a whole record of it.
CLAIM = bytes.fromhex("16030140000101ffff") + bytes(0x4000 - 4)
# For each of them, measured.
CLAIMED = 176 << 10


def test_two_thousand_handshakes_that_claim_to_be_long_are_held(server):
    honest = server.connect()
    assert server.post(REVIEW, connection=honest).status == 200
    with contextlib.ExitStack() as held:
        for _ in range(2000):
            with contextlib.suppress(OSError):
                peer = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
                peer.sendall(CLAIM)
        assert server.post(REVIEW, connection=honest).status == 200
        assert server.ops("/livez").status == 200
        metrics = server.metrics()
        assert metrics["open_connections"] * CLAIMED < LIMIT
        assert metrics['connections_closed_total{cause="evicted"}'] > 0, "some gave way to the others"


def test_a_review_of_a_usual_size_finds_room_where_heads_alone_have_taken_it(server):
    honest = server.connect()
    assert server.post(REVIEW, connection=honest).status == 200
    padded = json.loads(REVIEW)
    padded["request"]["object"]["metadata"]["annotations"]["padding"] = "x" * 12_000
    with contextlib.ExitStack() as held:
        for _ in range(1500):
            with contextlib.suppress(OSError, ssl.SSLError):
                held.enter_context(open_tls(server)).sendall(head(65_000))
        wait_until(lambda: server.post(json.dumps(padded).encode(), connection=honest).status == 200,
                   "those that wait give way once they are a second old")
        assert server.metrics()['connections_closed_total{cause="request_timeout"}'] == 0, "their own time was up"


def pod(spec):
    review = json.loads(REVIEW)
    target = review["request"]["object"]["spec"]["containers"][0]
    containers = [{**target, **spec.pop("target", {})}]
    review["request"]["object"]["spec"] = {"containers": containers, **spec}
    return json.dumps(review, separators=(",", ":")).encode()


OURS = {"allowPrivilegeEscalation": False, "capabilities": {"add": ["NET_ADMIN"]}, "procMount": "Unmasked",
        "seccompProfile": {"type": "Localhost", "localhostProfile": "profiles/nsjail-seccomp.json"},
        "appArmorProfile": {"type": "Unconfined"}}


@pytest.mark.parametrize("body", [
    pod({"initContainers": [{"name": "install-seccomp", "volumeMounts": [0] * 3_000_000}]}),
    pod({"initContainers": [{"name": "install-seccomp", "volumeMounts": [{}] * 2_000_000}],
         "target": {"securityContext": OURS}, "hostUsers": False}),
    pod({"volumes": [{"name": "host-seccomp"}] * 250_000, "target": {"securityContext": OURS}, "hostUsers": False}),
    pod({"volumes": [{"nfs": 0}] * 300_000, "target": {"volumeMounts": [{"name": "a"}] * 200_000}}),
], ids=["mounts that are none", "mounts of the installer", "duplicates of a volume", "volumes times mounts"])
def test_a_pod_made_to_be_costly_costs_no_more_than_its_size(server, body):
    assert len(body) < server.max_bytes
    assert server.post(body).status in (200, 400)  # in the client's time


def test_in_a_cgroup_of_the_size_of_the_manifests_nothing_is_killed(keys):
    """All of the above at once: what the kernel counts is more than what the process has in memory."""
    try:
        cgroup = MemoryCgroup(LIMIT)
    except OSError as error:
        pytest.skip(f"no cgroup of our own: {error}")
    body = zeros(7 * MIB)

    def send(server):
        for _ in range(3):
            with contextlib.suppress(OSError):
                server.post(body)

    with cgroup, WebhookServer(keys, command=cgroup.command) as server, contextlib.ExitStack() as held:
        honest = server.connect()
        assert server.post(REVIEW, connection=honest).status == 200
        attackers = [threading.Thread(target=send, args=[server]) for _ in range(8)]
        for attacker in attackers:
            attacker.start()
        for number in range(1500):
            with contextlib.suppress(OSError):
                peer = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
                peer.sendall(CLAIM)
            if number % 100 == 0:
                wait_until(lambda: server.post(REVIEW, connection=honest).status == 200, "honest reviews are answered")
                assert server.ops("/livez").status == 200
        for attacker in attackers:
            attacker.join()
        wait_until(lambda: server.post(REVIEW, connection=honest).status == 200, "honest reviews are answered")
        assert server.process.poll() is None
        assert cgroup.kills() == 0
        assert server.stop() == 0
