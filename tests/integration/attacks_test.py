#!/usr/bin/python3
"""Hostile clients, over TLS and on the plain port: each gets its refusal or a closed connection, and the
next honest request is served. Needs WEBHOOK_BINARY."""

import concurrent.futures
import pathlib
import re
import resource
import socket
import ssl
import subprocess
import time

import pytest

from webhook_server import WebhookServer, issue_client, make_certificates, wait_until

CASES = pathlib.Path(__file__).parents[1] / "golden/cases"
REVIEW = (CASES / "row15-supported/review.json").read_bytes()
MIB = 1 << 20


@pytest.fixture(scope="module")
def server(keys):
    with WebhookServer(keys) as running:
        yield running
        assert running.process.poll() is None, "it did not survive"
        assert not running.logged("bug")


@pytest.fixture(autouse=True)
def next_request_is_served(server):
    yield
    assert server.post(REVIEW).status == 200
    assert server.ops("/livez").status == 200


def open_tls(server, context=None):
    return (context or server.tls()).wrap_socket(open_plain(server.port), server_hostname="localhost")


def open_plain(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def read_to_end(sock):
    """Everything until the peer closes; a reset counts as the end."""
    received = b""
    try:
        while chunk := sock.recv(65536):
            received += chunk
    except (ConnectionResetError, ssl.SSLError):
        pass
    return received


def say(sock, *pieces):
    """Sends as much as is taken: a server that has refused does not read on."""
    try:
        for piece in pieces:
            sock.sendall(piece)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
        pass


def statuses(answer):
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def post(*headers, body=b"{}", line=b"POST /mutate HTTP/1.1", length=True):
    fields = [b"Host: localhost", b"Content-Type: application/json", *headers]
    if length:
        fields.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([line, *fields, b"", body])


SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"

# What is sent on a new connection, and the one status that answers it before the connection closes.
REFUSED = {
    "65 headers": (post(*[b"X-%d: y" % n for n in range(62)]), 431),
    "head of 17 KiB": (post(b"X: " + b"y" * 17 * 1024), 431),
    "body over the limit": (post(b"Content-Length: 7340033", length=False), 413),
    "chunked": (post(b"Transfer-Encoding: chunked", length=False, body=b"2\r\n{}\r\n0\r\n\r\n"), 411),
    "chunked and a length": (post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED), 411),
    "odd chunked": (post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), 411),
    "no length": (post(length=False), 411),
    "gzip": (post(b"Content-Encoding: gzip", body=b"\x1f\x8b"), 415),
    "range": (post(b"Range: bytes=0-1"), 400),
    "two lengths": (post(b"Content-Length: 2", body=b"{}" + SMUGGLED), 400),
    "two equal lengths": (post(b"Content-Length: 2"), 400),
    "list of lengths": (post(b"Content-Length: 2, 2", length=False), 400),
    "negative length": (post(b"Content-Length: -1", length=False), 400),
    "signed length": (post(b"Content-Length: +2", length=False), 400),
    "hexadecimal length": (post(b"Content-Length: 0x2", length=False), 400),
    "endless length": (post(b"Content-Length: 99999999999999999999", length=False), 413),
    "empty length": (post(b"Content-Length:", length=False), 400),
    "space before colon": (post(b"Content-Length : 2", length=False), 400),
    "bare LF": (post().replace(b"\r\n", b"\n"), 400),
    "bare CR": (post(b"X: a\rb"), 400),
    "NUL in a header": (post(b"X: a\0b"), 400),
    "NUL in the path": (post(line=b"POST /mut\0ate HTTP/1.1"), 400),
    "folded header": (post(b"X: a\r\n b"), 400),
    "header without colon": (post(b"nonsense"), 400),
    "absolute URI": (post(line=b"POST https://localhost/mutate HTTP/1.1"), 400),
    "HTTP/0.9": (b"GET /livez\r\n\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/3.0": (post(line=b"POST /mutate HTTP/3.0"), 505),
    "two spaces": (post(line=b"POST  /mutate HTTP/1.1"), 400),
    "no host": (post().replace(b"Host: localhost\r\n", b""), 400),
    "two hosts": (post(b"Host: other"), 400),
    "odd expectation": (post(b"Expect: 200-ok"), 417),
    "body for no path": (post(b"Content-Length: 7000000", line=b"POST /nowhere HTTP/1.1", length=False), 404),
    "TLS hello inside": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
}


@pytest.mark.parametrize("listener", ["tls", "ops"])
@pytest.mark.parametrize("attack", REFUSED)
def test_what_is_no_request_is_refused_and_the_connection_closed(server, attack, listener):
    sent, status = REFUSED[attack]
    with open_tls(server) if listener == "tls" else open_plain(server.ops_port) as sock:
        say(sock, sent)
        answer = read_to_end(sock)
    if attack == "TLS hello inside" and not answer:
        return  # incomplete for ever: its deadline ended it
    assert statuses(answer) == [status]  # one: nothing that was smuggled is answered
    assert b"\r\nConnection: close\r\n" in answer
    assert b'"kind":"Status"' in answer


# What is served, or refused by path, on a connection that stays.
SERVED = {
    "percent-encoded path": (post(line=b"POST /%6dutate HTTP/1.1"), {404}),
    "dots in the path": (post(line=b"POST /x/../mutate HTTP/1.1"), {404}),
    "long path": (post(line=b"POST /" + b"a" * 8000 + b" HTTP/1.1"), {404}),
    "unknown method": (post(line=b"BREW /mutate HTTP/1.1"), {405}),
    "7 MiB of [": (post(body=b"[" * 7 * MIB), {400}),
    "a million keys": (post(body=b"{" + b",".join(b'"%d":0' % n for n in range(600_000)) + b"}"), {400}),
    "7 MiB of text": (post(body=b'"' + b"a" * (7 * MIB - 2) + b'"'), {400}),
}


@pytest.mark.parametrize("attack", SERVED)
def test_what_is_a_request_is_answered(server, attack):
    sent, status = SERVED[attack]
    with open_tls(server) as sock:
        say(sock, sent, SMUGGLED.replace(b"GET", b"HEAD").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        first, *_ = statuses(read_to_end(sock))
    assert first in status


def test_http_1_0_is_answered_and_closed(server):
    with open_tls(server) as sock:
        say(sock, post(line=b"POST /mutate HTTP/1.0", body=REVIEW))
        answer = read_to_end(sock)
    assert statuses(answer) == [200]


def test_pipelined_requests_are_answered_in_order(server):
    with open_tls(server) as sock:
        bodies = [REVIEW.replace(b'"uid": "', b'"uid": "n%d-' % n, 1) for n in range(50)]
        say(sock, b"".join(post(body=body) for body in bodies[:-1]), post(b"Connection: close", body=bodies[-1]))
        answer = read_to_end(sock)
    assert statuses(answer) == [200] * 50
    assert re.findall(rb'"uid":"n(\d+)-', answer) == [b"%d" % n for n in range(50)]


def test_one_byte_at_a_time_is_a_request_too(server):
    with open_tls(server) as sock:
        for byte in post(b"Connection: close", body=b"{}"):
            sock.sendall(bytes([byte]))
        assert statuses(read_to_end(sock)) == [400]


def dribble(sock, seconds):
    """Sends a byte now and then, until the peer closes; how long that took."""
    began = time.monotonic()
    try:
        while time.monotonic() - began < seconds:
            sock.sendall(b"x")
            sock.settimeout(0.5)
            try:
                if not sock.recv(65536):
                    break
            except TimeoutError:
                pass
    except OSError:
        pass
    return time.monotonic() - began


def slow_handshake(server):
    with open_plain(server.port) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # a hello of 512 bytes
        return dribble(sock, 30)


def no_handshake(server):
    with open_plain(server.port) as sock:
        began = time.monotonic()
        read_to_end(sock)
        return time.monotonic() - began


def slow_head(server):
    with open_tls(server) as sock:
        sock.sendall(b"POST /mutate HTTP/1.1\r\nX: ")
        return dribble(sock, 30)


def slow_body(server):
    with open_tls(server) as sock:
        sock.sendall(post(b"Content-Length: 1000", length=False, body=b""))
        return dribble(sock, 30)


def slow_head_on_ops(server):
    with open_plain(server.ops_port) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nX: ")
        return dribble(sock, 30)


def reads_nothing(server):
    """Asks again and again, and never reads an answer."""
    with open_tls(server) as sock:
        sock.settimeout(1)
        began = time.monotonic()
        try:
            while time.monotonic() - began < 30:
                sock.sendall(post(body=REVIEW) * 100)
        except (OSError, ssl.SSLError):
            pass
        try:
            while time.monotonic() - began < 30:
                time.sleep(0.5)
                sock.sendall(b"x")
        except TimeoutError:
            pass
        except OSError:
            return time.monotonic() - began
        return time.monotonic() - began


def test_who_is_slow_is_gone_by_the_deadline_and_holds_nobody_up(server):
    slow = {no_handshake: 5, slow_handshake: 5, slow_head: 10, slow_body: 10, slow_head_on_ops: 10}
    with concurrent.futures.ThreadPoolExecutor(4 * len(slow)) as pool:
        running = [(limit, attack.__name__, pool.submit(attack, server))
                   for attack, limit in slow.items() for _ in range(4)]
        time.sleep(1)
        for _ in range(20):
            began = time.monotonic()
            assert server.post(REVIEW).status == 200
            assert time.monotonic() - began < 2  # milliseconds, but the machine may be busy
        for limit, name, done in running:
            assert limit - 1 < done.result() < limit + 5, name


def test_who_reads_nothing_is_cut_off(server):
    assert reads_nothing(server) < 20
    wait_until(lambda: server.metrics()["open_connections"] == 0, "its connection is gone")


def test_plain_http_on_the_tls_port_is_closed(server):
    with open_plain(server.port) as sock:
        say(sock, post(body=REVIEW))
        assert b"HTTP/1.1 200" not in read_to_end(sock)


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_tls_is_refused(server, keys, version):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", version, "-cipher",
         "ALL:@SECLEVEL=0"], input=b"", capture_output=True, timeout=20, check=False)
    assert b"Cipher is (NONE)" in done.stdout
    assert b"alert protocol version" in done.stderr


def test_renegotiation_is_refused(server):
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2", "-legacy_renegotiation"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = client.communicate(b"R\nQ\n", timeout=20)
    assert b"RENEGOTIATING" in said and b"no renegotiation" in said


def test_at_the_limit_of_connections_half_open_ones_give_way(keys):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 5000:
        pytest.skip(f"RLIMIT_NOFILE {hard} (needs 5000)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = []
    try:
        with WebhookServer(keys) as server:
            for number in range(2100):
                held.append(open_plain(server.port))
                if number % 3 == 0:
                    held[-1].sendall(b"\x16\x03")
            for _ in range(10):
                assert server.post(REVIEW).status == 200
            assert server.metrics()["open_connections"] <= 2000
    finally:
        for sock in held:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_descriptors_it_serves_those_that_are_connected(keys):
    with WebhookServer(keys) as server:
        connected = server.connect()
        assert server.post(REVIEW, connection=connected).status == 200
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (40, 40))
        held = [open_plain(server.port) for _ in range(100)]
        assert server.post(REVIEW, connection=connected).status == 200
        assert server.post(REVIEW).status == 200  # a half-open one gave way
        for sock in held:
            sock.close()
        wait_until(lambda: server.post(REVIEW).status == 200, "it serves as before")


# Client certificates


def test_only_clients_of_our_ca_with_a_name_that_is_allowed_may_connect(keys, tmp_path):
    other = make_certificates(tmp_path / "other")
    (tmp_path / "config.yaml").write_text(
        f"server: {{tls: {{clientCAFile: {keys}/ca.crt, clientNames: [kube-apiserver]}}}}")

    def answer(server, pair):
        context = server.tls()
        if pair:
            context.load_cert_chain(*pair)
        try:
            with open_tls(server, context) as sock:
                say(sock, post(b"Connection: close", body=REVIEW))
                return statuses(read_to_end(sock))
        except ssl.SSLError:
            return []

    with WebhookServer(keys, "--config", tmp_path / "config.yaml") as server:
        good = issue_client(keys, tmp_path / "good", "kube-apiserver")
        assert answer(server, good) == [200]
        assert answer(server, None) == []
        assert answer(server, issue_client(keys, tmp_path / "name", "somebody")) == []
        assert answer(server, issue_client(other, tmp_path / "ca", "kube-apiserver")) == []
        assert answer(server, issue_client(keys, tmp_path / "old", "kube-apiserver", "-days", "0")) == []
        assert answer(server, (keys / "tls.crt", keys / "tls.key")) == []  # a server's certificate
        assert answer(server, good) == [200]
        assert server.ops("/readyz").status == 200  # the kubelet has no certificate
