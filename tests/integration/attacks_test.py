#!/usr/bin/python3
"""Hostile clients, over TLS and on the plain port: each gets its refusal or a closed connection, and the
next honest request is served. Needs WEBHOOK_BINARY."""

import contextlib
import pathlib
import re
import resource
import socket
import ssl
import subprocess

import pytest

from webhook_server import WebhookServer, issue_client, make_certificates, wait_until

CASES = pathlib.Path(__file__).parents[1] / "golden/cases"
REVIEW = (CASES / "row18-supported/review.json").read_bytes()
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
    "absolute URI of nobody": (post(line=b"POST https:///mutate HTTP/1.1"), 400),
    "HTTP/0.9": (b"GET /livez\r\n\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/3.0": (post(line=b"POST /mutate HTTP/3.0"), 505),
    "two spaces": (post(line=b"POST  /mutate HTTP/1.1"), 400),
    "no host": (post().replace(b"Host: localhost\r\n", b""), 400),
    "two hosts": (post(b"Host: other"), 400),
    "host with a port that is none": (post().replace(b"localhost", b"localhost:99999", 1), 400),
    "unclosed bracket": (post().replace(b"localhost", b"[::1", 1), 400),
    "empty host": (post().replace(b"localhost", b"", 1), 400),
    "user in the host": (post().replace(b"localhost", b"user@localhost", 1), 400),
    "host with a space": (post().replace(b"localhost", b"local host", 1), 400),
    "two content types": (post(b"Content-Type: application/json"), 400),
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


def test_another_content_type_is_refused_before_its_body(server):
    with open_tls(server) as sock:
        say(sock, post(b"Content-Length: 7000000", length=False).replace(b"application/json", b"text/plain"))
        answer = read_to_end(sock)
    assert statuses(answer) == [415]
    assert b"expected application/json" in answer


# What is served, or refused by path, on a connection that stays.
SERVED = {
    "percent-encoded path": (post(line=b"POST /%6dutate HTTP/1.1"), {404}),
    "dots in the path": (post(line=b"POST /x/../mutate HTTP/1.1"), {404}),
    "long path": (post(line=b"POST /" + b"a" * 8000 + b" HTTP/1.1"), {404}),
    "absolute URI": (post(line=b"POST https://other:443/mutate?timeout=5s HTTP/1.1", body=REVIEW), {200}),
    "HTTP/1.2": (post(line=b"POST /mutate HTTP/1.2", body=REVIEW), {200}),
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


def queued(port):
    """Bytes in the kernel's buffers of the connections to that port, of both directions, by connection."""
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    established = [row for row in rows if row[3] == "01" and row[1].endswith(f":{port:04X}")]
    return [sum(int(size, 16) for size in row[4].split(":")) for row in established]


def test_a_peer_that_does_not_read_fills_no_buffers_of_the_kernel(server):
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        raw.settimeout(20)
        raw.connect(("127.0.0.1", server.port))
        with server.tls().wrap_socket(raw, server_hostname="localhost") as tls:
            tls.settimeout(0.5)
            with contextlib.suppress(OSError):  # until the server takes no more
                for _ in range(3000):
                    tls.sendall(post(body=REVIEW))
            assert 0 < max(queued(server.port)) < 64 << 10


def test_one_byte_at_a_time_is_a_request_too(server):
    with open_tls(server) as sock:
        for byte in post(b"Connection: close", body=b"{}"):
            sock.sendall(bytes([byte]))
        assert statuses(read_to_end(sock)) == [400]


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


def many_files():
    """Raises this process' limit of open files; skips where it cannot be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 5000:
        pytest.skip(f"RLIMIT_NOFILE {hard} (needs 5000)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_at_the_limit_of_connections_those_of_no_use_give_way(keys, sent):
    many_files()
    with WebhookServer(keys) as server, contextlib.ExitStack() as held:
        proven = server.connect()
        assert server.post(REVIEW, connection=proven).status == 200
        for _ in range(2100):
            held.enter_context(open_plain(server.port)).sendall(sent)
            held.enter_context(open_plain(server.ops_port))
        assert server.post(REVIEW, connection=proven).status == 200
        for _ in range(10):
            assert server.ops("/livez").status == 200
            wait_until(lambda: answers(server), "a newcomer gets in once the others are a second old")
        assert server.metrics()["open_connections"] <= 2000
        assert server.post(REVIEW, connection=proven).status == 200


def answers(server):
    try:
        return server.post(REVIEW).status == 200
    except OSError:
        return False


def test_connections_of_one_listener_take_no_descriptors_of_the_other(keys):
    limited = ["prlimit", "--nofile=256:256", "--"]
    with WebhookServer(keys, command=limited) as server, contextlib.ExitStack() as held:
        connected = server.connect()
        assert server.post(REVIEW, connection=connected).status == 200
        for _ in range(400):
            held.enter_context(open_plain(server.ops_port))
        wait_until(lambda: answers(server), "a newcomer is served beside a full ops port")
        for _ in range(400):
            held.enter_context(open_plain(server.port))
        for _ in range(10):
            assert server.ops("/livez").status == 200
        assert server.post(REVIEW, connection=connected).status == 200
        wait_until(lambda: answers(server), "a newcomer gets in")


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
