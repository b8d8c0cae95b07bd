#!/usr/bin/python3
"""What `serve` answers, counts and logs: the real binary over TLS. Needs WEBHOOK_BINARY."""

import concurrent.futures
import json
import pathlib
import signal
import socket
import ssl
import subprocess
import time

import pytest

from webhook_server import BINARY, Answer, WebhookServer, make_certificates, wait_until

CASES = pathlib.Path(__file__).parents[1] / "golden/cases"
SANDBOXED = (CASES / "row18-supported/review.json").read_bytes()
UNCHANGED = (CASES / "row04-no-target/review.json").read_bytes()


def config(directory, text="", delay="0s"):
    """A configuration file that makes SIGTERM quick."""
    path = directory / "config.yaml"
    path.write_text(f"server: {{shutdownDelay: {delay}}}\n{text}")
    return path


@pytest.fixture(scope="module")
def server(keys):
    with WebhookServer(keys) as running:
        yield running


def review_command(body, *flags):
    """What `review` answers to the same body."""
    return subprocess.run([BINARY, "review", "-f", "-", "--kube-version", "1.34.1", *flags],
                          input=body, capture_output=True, check=True).stdout


# Answers


@pytest.mark.parametrize("content_type", [
    "application/json", "application/json; charset=utf-8", "Application/JSON;charset=utf-8"])
@pytest.mark.parametrize("path", ["/mutate", "/mutate?timeout=5s", "/mutate?a=%20b&timeout=1m30s"])
def test_a_review_is_answered_as_review_does(server, path, content_type):
    answer = server.post(SANDBOXED, path, Content_Type=content_type)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == json.loads(review_command(SANDBOXED))
    assert answer.json()["response"]["patchType"] == "JSONPatch"


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_every_golden_review_is_answered_in_full(server, case):
    body = (case / "review.json").read_bytes()
    answer = server.post(body)
    assert answer.status == 200
    assert answer.json()["response"]["uid"] == json.loads(body)["request"]["uid"]


def assert_is_status(answer, code):
    status = answer.json()
    assert answer.status == code
    assert answer.headers["Content-Type"] == "application/json"
    assert (status["apiVersion"], status["kind"], status["status"], status["code"]) == (
        "v1", "Status", "Failure", code)
    assert status["message"]
    return status["message"]


@pytest.mark.parametrize("path", ["/", "/mutate/", "/Mutate", "/mutate/x", "/livez", "/metrics"])
def test_a_post_elsewhere_is_not_found(server, path):
    message = assert_is_status(server.post(SANDBOXED, path), 404)
    assert message == "no such path (expected /mutate)"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_not_allowed(server, method):
    connection = server.connect()
    connection.request(method, "/mutate", b"", {"Content-Length": "0"})
    response = connection.getresponse()
    assert response.headers["Allow"] == "POST"
    assert response.status == 405
    assert json.loads(response.read())["code"] == 405


@pytest.mark.parametrize("content_type", ["text/plain", "application/yaml", "application/jsonx", ""])
def test_another_content_type_is_unsupported(server, content_type):
    message = assert_is_status(server.post(SANDBOXED, Content_Type=content_type), 415)
    assert "application/json" in message


@pytest.mark.parametrize(("body", "message"), [
    (b"", "not JSON"), (b"{", "not JSON"), (b"\xff\xfe", "not JSON"), (b"[" * 200 + b"]" * 200, "128"),
    (b"[]", "is a list (expected an object)"), (b"{}", "apiVersion"),
    (b'{"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview"}', "admission.k8s.io/v1"),
    (b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {}}', "request.uid"),
])
def test_what_is_no_review_is_a_bad_request(server, body, message):
    assert message in assert_is_status(server.post(body), 400)


def test_a_body_that_is_too_large_is_read_no_further(keys, tmp_path):
    limit = 100_000
    (tmp_path / "config.yaml").write_text(f"server: {{maxRequestBytes: {limit}}}")
    with WebhookServer(keys, "--config", tmp_path / "config.yaml") as server:
        assert server.post(b" " * limit).status == 400  # read whole: not JSON
        connection = server.connect()
        connection.putrequest("POST", "/mutate")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(limit + 1))
        connection.endheaders()  # and not a byte of it
        answer = Answer(connection.getresponse())
        assert "server.maxRequestBytes" in assert_is_status(answer, 413)
        assert answer.headers["Connection"] == "close"


def test_7_mib_are_read_unless_told_otherwise(server):
    assert server.post(b" " * 7 * 1024 * 1024).status == 400
    connection = server.connect()
    connection.putrequest("POST", "/mutate")
    connection.putheader("Content-Length", str(7 * 1024 * 1024 + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_a_timeout_that_has_passed_is_unavailable(server):
    answer = server.post(SANDBOXED, "/mutate?timeout=0s")
    assert_is_status(answer, 503)
    assert answer.headers["Retry-After"] == "1"


def test_until_the_version_is_known_reviews_wait(keys, tmp_path):
    nobody = socket.socket()
    nobody.bind(("127.0.0.1", 0))  # never listens: connections are refused
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps({
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}],
        "clusters": [{"name": "c", "cluster": {
            "server": f"https://127.0.0.1:{nobody.getsockname()[1]}",
            "certificate-authority": str(keys / "ca.crt")}}]}))
    with WebhookServer(keys, "--kubeconfig", kubeconfig, version=None) as server:
        answer = server.post(SANDBOXED)
        assert_is_status(answer, 503)
        assert answer.headers["Retry-After"] == "1"
        ready = server.ops("/readyz")
        assert ready.status == 503
        assert b"[-]cluster-version failed" in ready.body
        assert b"certificate" not in ready.body
        assert server.ops("/livez").status == 200
    nobody.close()


# Connections


def test_one_connection_serves_many_requests(server):
    connection = server.connect()
    connection.connect()
    port = connection.sock.getsockname()
    for body in [SANDBOXED, b"{", UNCHANGED] * 100:
        answer = server.post(body, connection=connection)
        assert answer.headers["Connection"] != "close"
        assert answer.status == (400 if body == b"{" else 200)
    assert connection.sock.getsockname() == port


def test_64_clients_at_once_each_get_their_own_answer(server):
    def client(number):
        connection = server.connect()
        for turn in range(20):
            uid = f"client-{number}-{turn}"
            review = json.loads(SANDBOXED)
            review["request"]["uid"] = uid
            answer = server.post(json.dumps(review), connection=connection)
            assert (answer.status, answer.json()["response"]["uid"]) == (200, uid)
        return True

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        assert all(pool.map(client, range(64)))


def test_http_2_is_not_promised(server):
    context = server.tls()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", server.port)) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            assert tls.selected_alpn_protocol() == "http/1.1"
            assert tls.version() == "TLSv1.3"


def test_curl_is_served(server, keys):
    done = subprocess.run(
        ["curl", "-sS", "--cacert", keys / "ca.crt", "-H", "Content-Type: application/json",
         "--data-binary", "@-", "-w", "%{http_code} %{http_version}",
         f"https://localhost:{server.port}/mutate", "--resolve", f"localhost:{server.port}:127.0.0.1"],
        input=SANDBOXED, capture_output=True, check=True)
    assert done.stdout.endswith(b"200 1.1")


# Probes, metrics, logs


def test_probes(server):
    assert (server.ops("/livez").status, server.ops("/livez").body) == (200, b"ok")
    assert (server.ops("/readyz").status, server.ops("/readyz").body) == (200, b"ok")
    verbose = server.ops("/readyz?verbose").body.decode().splitlines()
    assert verbose == ["[+]certificate ok", "[+]cluster-version ok", "[+]sandbox-probe ok",
                       "[+]nodes ok: not looked at", "[+]shutdown ok", "readyz check passed"]
    assert server.ops("/mutate").status == 404
    assert server.ops("/livez", "POST").status == 405


def test_metrics_count_what_was_answered(keys):
    with WebhookServer(keys) as server:
        label = 'admission_requests_total{dry_run="%s",outcome="%s",reason="%s"}'
        before = server.metrics()
        dry_run = json.loads(SANDBOXED)
        dry_run["request"]["dryRun"] = True
        for body in (SANDBOXED, SANDBOXED, UNCHANGED, json.dumps(dry_run), b"{"):
            server.post(body)
        server.post(b"", "/nowhere")
        after = server.metrics()

        def rise(name):
            return after[name] - before[name]

        assert rise(label % ("false", "sandboxed", "supported")) == 2
        assert rise(label % ("true", "sandboxed", "supported")) == 1
        assert rise(label % ("false", "unchanged", "no_target_container")) == 1
        assert rise("admission_duration_seconds_count") == 4
        assert 0 < rise("admission_duration_seconds_sum") < 10
        assert rise("request_duration_seconds_count") == 6
        assert rise("request_duration_seconds_sum") > rise("admission_duration_seconds_sum")
        assert rise('http_responses_total{code="200"}') == 4
        assert rise('http_responses_total{code="400"}') == 1
        assert rise('http_responses_total{code="404"}') == 1
        assert set(before) == set(after)  # every series is there from the start
        assert after["in_flight_requests"] == 0
        assert after['cluster_version_info{git_version="1.34.1"}'] == 1
        connection = server.connect()
        connection.connect()
        wait_until(lambda: server.metrics()["open_connections"] == 1, "the connection is counted")
        connection.close()
        wait_until(lambda: server.metrics()["open_connections"] == 0, "its end is counted")
        client = 'connections_closed_total{cause="client"}'
        wait_until(lambda: server.metrics()[client] > before[client], "its end has a cause")
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            wait_until(lambda: server.metrics()['handshakes_failed_total{cause="not_tls"}'] == 1, "so is a bad start")
        version = subprocess.run([BINARY, "version"], capture_output=True, text=True, check=True)
        build = next(name for name in after if name.startswith("build_info"))
        assert build.split('"')[1] in version.stdout.splitlines()[0]
        expiry = after["certificate_expiry_timestamp_seconds"]
        shown = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in", keys / "tls.crt"],
                               capture_output=True, text=True, check=True).stdout
        assert expiry == ssl.cert_time_to_seconds(shown.strip().removeprefix("notAfter="))


def test_each_review_is_one_line_of_log(server):
    review = json.loads(SANDBOXED)
    review["request"]["uid"] = 'forged"\n{"level":"critical"}\x1e{}'
    server.post(json.dumps(review))
    [line] = wait_until(lambda: [e for e in server.log if e.get("uid") == review["request"]["uid"]],
                        "the review is logged")
    assert (line["level"], line["message"]) == ("info", "review")
    assert (line["outcome"], line["reason"], line["dry_run"]) == ("sandboxed", "supported", "false")
    assert line["namespace"] == review["request"]["namespace"]
    assert 0 < float(line["duration_seconds"]) < 10


def test_the_trace_of_a_review_is_logged_where_there_is_one(server):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    for uid, traceparent in [("traced", f"00-{trace}-00f067aa0ba902b7-01"), ("forged", 'CANARY"}'), ("untraced", None)]:
        review = json.loads(SANDBOXED)
        review["request"]["uid"] = uid
        server.post(json.dumps(review), **({"traceparent": traceparent} if traceparent else {}))
    lines = wait_until(lambda: len(found := {e["uid"]: e for e in server.log if "traced" in e.get("uid", "") or
                                             e.get("uid") == "forged"}) == 3 and found, "the reviews are logged")
    assert lines["traced"]["trace_id"] == trace
    assert "trace_id" not in lines["forged"] and "trace_id" not in lines["untraced"]


def with_canaries(value, counter):
    """`value` with a canary behind every string that no decision is made by, and one added member
    to every object."""
    if isinstance(value, dict):
        changed = {key: with_canaries(member, counter) for key, member in value.items()}
        counter.append(1)
        changed[f"CANARY-{len(counter)}"] = f"CANARY-{len(counter)}"
        return changed
    if isinstance(value, list):
        return [with_canaries(member, counter) for member in value]
    return value


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_secret_of_a_pod_reaches_a_log_or_a_metric(keys, log_format):
    review = with_canaries(json.loads(SANDBOXED), [])
    pod = review["request"]["object"]
    target = pod["spec"]["containers"][0]
    target["env"] = [{"name": "CANARY", "value": "CANARY"}]
    target["args"] = target["command"] = ["CANARY"]
    target["image"] = "CANARY"
    pod["metadata"]["annotations"] = {"CANARY/a": "CANARY"}
    pod["metadata"].setdefault("labels", {})["CANARY"] = "CANARY"
    review["request"]["userInfo"] = {"username": "CANARY"}
    bad = json.loads(json.dumps(review))
    bad["request"]["object"]["spec"]["containers"] = "CANARY"
    denied = json.loads(json.dumps(review))
    denied["request"]["object"]["spec"]["volumes"] = [
        {"name": "seccomp-profile", "secret": {"secretName": "CANARY"}}]
    text = json.dumps(review)
    with WebhookServer(keys, "--log-level", "trace", "--log-format", log_format) as server:
        for body in (text, json.dumps(bad), json.dumps(denied), text[:-9], "CANARY" + text):
            server.post(body)
            server.post(body, "/CANARY?CANARY=CANARY", Authorization="CANARY", Cookie="CANARY")
        page = server.ops("/metrics").body
        server.process.send_signal(signal.SIGABRT)  # as a crash would end it
        server.process.wait(30)
        server._reader.join(30)
        assert "supported" in server.raw_log and "name_conflict" in server.raw_log
        assert "CANARY" not in server.raw_log
        assert b"CANARY" not in page


# Reloading


def test_a_changed_configuration_is_used_and_a_bad_one_is_not(keys, tmp_path):
    path = config(tmp_path)
    with WebhookServer(keys, "--config", path) as server:
        def outcome():
            answer = server.post(SANDBOXED).json()["response"]
            return answer["auditAnnotations"]["outcome"]

        def reload():
            server.process.send_signal(signal.SIGHUP)

        assert outcome() == "sandboxed"
        config(tmp_path, "target: {containerName: another}")
        reload()
        wait_until(lambda: outcome() == "unchanged", "the new configuration is used")
        assert server.metrics()['config_reloads_total{result="success"}'] == 1

        path.write_text("sandbox: {fallback: privilged}")
        reload()
        [entry] = server.wait_for_log("the last good one stays")
        assert "config.yaml:1:21" in entry["message"] and "'privilged'" in entry["message"]
        assert entry["level"] == "warning"
        reload()  # the same mistake again: said once
        assert outcome() == "unchanged"
        assert server.metrics()['config_reloads_total{result="failure"}'] == 1

        path.unlink()
        reload()
        wait_until(lambda: server.metrics()['config_reloads_total{result="failure"}'] == 2,
                   "a file that is gone is counted")
        assert outcome() == "unchanged"

        config(tmp_path)
        reload()
        wait_until(lambda: outcome() == "sandboxed", "a good configuration is used again")
        assert len(server.logged("the last good one stays")) == 2
        config(tmp_path, "log: {format: text}")
        reload()
        server.wait_for_log("wait for a restart")
        assert server.stop() == 0


def test_a_certificate_is_renewed_on_sighup(tmp_path):
    keys = make_certificates(tmp_path / "keys")
    with WebhookServer(keys, "--config", config(tmp_path)) as server:
        def serial():
            return subprocess.run(["openssl", "x509", "-noout", "-serial"], check=True, text=True,
                                  input=ssl.get_server_certificate(("127.0.0.1", server.port)),
                                  capture_output=True).stdout

        kept = server.connect()
        assert server.post(UNCHANGED, connection=kept).status == 200
        before = serial()
        make_certificates(keys, "--force")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: serial() != before, "new connections see the new certificate")
        assert server.post(UNCHANGED, connection=kept).status == 200
        assert server.metrics()['certificate_reloads_total{result="success"}'] == 1


# Starting and stopping


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(keys, tmp_path, sent):
    with WebhookServer(keys, "--config", config(tmp_path, delay="1s")) as server:
        idle, busy = server.connect(), server.connect()
        server.post(UNCHANGED, connection=idle)
        server.post(UNCHANGED, connection=busy)
        server.process.send_signal(sent)
        wait_until(lambda: server.ops("/readyz").status == 503, "it says that it drains")
        assert b"[-]shutdown failed: draining" in server.ops("/readyz").body
        assert server.ops("/livez").status == 200
        kept, fresh = server.post(UNCHANGED, connection=busy), server.post(UNCHANGED)
        assert (kept.status, kept.headers["Connection"]) == (200, "close")
        assert (fresh.status, fresh.headers["Connection"]) == (200, "close")
        assert server.process.wait(30) == 0
        assert idle.sock.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))
        assert server.wait_for_log("stopped")


def test_a_second_signal_ends_it_at_once(keys, tmp_path):
    with WebhookServer(keys, "--config", config(tmp_path, delay="60s")) as server:
        server.process.send_signal(signal.SIGTERM)
        server.wait_for_log("draining")
        began = time.monotonic()
        assert server.stop() == -signal.SIGTERM
        assert time.monotonic() - began < 10


def test_what_keeps_it_from_starting_is_said_in_one_line(keys, tmp_path):
    good = {"--listen": "127.0.0.1:0", "--ops-listen": "127.0.0.1:0", "--kube-version": "1.34",
            "--tls-cert": keys / "tls.crt", "--tls-key": keys / "tls.key"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for flag, value, message in [
                ("--listen", address, f"'{address}': Address already in use"),
                ("--ops-listen", address, f"'{address}': Address already in use"),
                ("--listen", "nonsense", "'nonsense'"),
                ("--tls-cert", tmp_path / "none", str(tmp_path / "none")),
                ("--tls-key", keys / "ca.key", "ca.key"),
                ("--client-ca", keys / "tls.key", "tls.key"),
                ("--config", tmp_path / "none.yaml", "none.yaml"),
                ("--kube-version", "x", "'x'")]:
            flags = [str(word) for pair in {**good, flag: value}.items() for word in pair]
            done = subprocess.run([BINARY, "serve", *flags], capture_output=True, text=True,
                                  timeout=30, check=False)
            assert done.returncode == 1, (flag, value)
            assert message in done.stderr, (flag, value)
            assert done.stderr.count("\n") == 1, (flag, value)


def test_the_log_can_be_text(keys, tmp_path):
    with WebhookServer(keys, "--log-format", "text", "--config", config(tmp_path)) as server:
        server.post(SANDBOXED)
        wait_until(lambda: 'outcome="sandboxed"' in server.raw_log, "the review is logged")
        assert not [line for line in server.raw_log.splitlines() if line.startswith("{")]
        assert server.stop() == 0
