"""What one review costs the whole server, TLS and log included, in instructions and in allocations: the same on any
machine, so that it cannot creep. Needs WEBHOOK_BINARY, a release build, and valgrind.

callgrind counts the workers' threads in two runs of the server, with a few reviews and with many; the difference is the
reviews'. valgrind shows each machine with AVX2 the same processor, so that OpenSSL, simdjson and glibc choose the same
code everywhere.
"""

import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from kube_request import REVIEW, split_answer, to_patch, to_request  # noqa: E402
from webhook_server import BINARY, make_certificates, wait_until  # noqa: E402

FEW, MANY = 20, 420
LIMITS = json.loads((HERE / "instructions.json").read_text())


def why_not():
    if shutil.which("valgrind") is None:
        return "no valgrind"
    if platform.machine() != "x86_64":
        return f"the figures are of x86_64, not of {platform.machine()}"
    if "avx2" not in pathlib.Path("/proc/cpuinfo").read_text():
        return "no AVX2, which the figures are for"
    if b"__asan_init" in pathlib.Path(BINARY).read_bytes():
        return "a build with sanitizers"
    return None


class Client:
    """A connection of an API server: the cipher that Go prefers, and 4 KB a TLS record, as Go's net/http buffers, but all
    of a request in one packet, so that the server is woken once for it, each time."""

    def __init__(self, tcp, context):
        self.tcp, self.incoming, self.outgoing = tcp, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="127.0.0.1")
        self._do(self.tls.do_handshake)
        # Python's ssl has no call for the suites of TLS 1.3.
        assert self.tls.cipher()[0] == "TLS_AES_128_GCM_SHA256", "OPENSSL_CONF is not go_ciphers.cnf, as CTest sets it"

    def _do(self, step, *arguments):
        while True:
            try:
                return step(*arguments)
            except ssl.SSLWantReadError:
                self.tcp.sendall(self.outgoing.read())
                self.incoming.write(self.tcp.recv(65536))

    def review(self, request):
        for start in range(0, len(request), 4096):
            self._do(self.tls.write, request[start:start + 4096])
        self.tcp.sendall(self.outgoing.read())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._do(self.tls.read, 65536)
        head, _, body = answer.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        while len(body) < length:
            body += self._do(self.tls.read, 65536)
        return head + b"\r\n\r\n" + body


def serve(directory, count):
    """The callgrind profiles, of one worker each, of a server that answers `count` reviews on one connection."""
    profile, log = directory / f"profile-{count}", directory / f"log-{count}"
    command = ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={profile}", f"--log-file={directory / 'valgrind'}",
               BINARY, "serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--tls-cert",
               directory / "tls.crt", "--tls-key", directory / "tls.key", "--kube-version", "1.34.1"]
    with open(log, "wb") as stderr:
        environment = os.environ | {"SIMDJSON_FORCE_IMPLEMENTATION": "haswell"}
        environment.pop("OPENSSL_CONF", None)  # of the load alone
        process = subprocess.Popen([*map(str, command)], stderr=stderr, env=environment)
    try:
        started = wait_until(lambda: b"ops_address" in log.read_bytes() and log.read_text(), "it serves", 120)
        port = int(json.loads(started.splitlines()[0])["address"].rsplit(":", 1)[1])
        context = ssl.create_default_context(cafile=directory / "ca.crt")
        request = to_request(REVIEW.read_bytes())
        with socket.create_connection(("127.0.0.1", port), timeout=60) as tcp:
            client = Client(tcp, context)
            answers = {client.review(request) for _ in range(count)}
        assert len(answers) == 1
        assert to_patch(split_answer(answers.pop()))
        wait_until(lambda: log.read_text().count('"outcome":"sandboxed"') == count, "each review is logged")
    finally:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)  # a second one ends it at once
        process.wait(60)
    threads = [file.read_text() for file in directory.glob(f"{profile.name}-*")]
    workers = [thread for thread in threads if "webhook::Transport::work()" in thread]
    assert workers, [thread[:500] for thread in threads]
    return workers


def count_instructions(worker):
    return int(re.search(r"^(?:summary|totals): (\d+)", worker, re.M).group(1))


def count_allocations(worker):
    """Calls of malloc: a profile says "cfn=(7) malloc", later "cfn=(7)", and behind each "calls=COUNT ..."."""
    ids = set(re.findall(r"^c?fn=(\(\d+\)) (?:malloc|realloc|calloc|posix_memalign|aligned_alloc)$", worker, re.M))
    calls = re.findall(r"^cfn=(\(\d+\)).*\ncalls=(\d+)", worker, re.M)
    return sum(int(count) for function, count in calls if function in ids)


@pytest.fixture(scope="module")
def profiles(tmp_path_factory):
    if reason := why_not():
        pytest.skip(f"instructions: {reason}")
    directory = make_certificates(tmp_path_factory.mktemp("instructions"))
    few, many = serve(directory, FEW), serve(directory, MANY)
    return lambda count: (sum(map(count, many)) - sum(map(count, few))) / (MANY - FEW)


@pytest.mark.parametrize("what, count", [("instructions", count_instructions), ("allocations", count_allocations)])
def test_a_review_costs_what_it_did(profiles, what, count):
    seen, limit = profiles(count), LIMITS[what]
    print(f"{what} per review: {seen:,.1f}, {limit:,} in instructions.json")
    most = limit * (1 + LIMITS["margin"])
    assert seen <= most, f"{what}: {seen:,.1f} a review (expected at most {most:,.1f})"
    # A gain that is not written down could be lost again unseen.
    assert seen >= limit * (1 - LIMITS["margin"]), f"{what}: {seen:,.1f} a review (expected {limit:,}: lower it)"
