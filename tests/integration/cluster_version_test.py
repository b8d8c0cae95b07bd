#!/usr/bin/python3
"""How the cluster's version is found out: the real binary against an API server of our own.

Needs WEBHOOK_BINARY, the program under test.
"""

import base64
import json
import os
import queue
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
import yaml

from fake_kube_apiserver import FakeApiServer, answer_raw, answer_with, version_info

BINARY = os.environ["WEBHOOK_BINARY"]
TOKEN = "canary-token-1"
DEADLINE = 30  # seconds until a condition that should come true counts as failed

REVIEW = json.dumps({
    "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
    "request": {"uid": "u", "kind": {"group": "", "version": "v1", "kind": "Pod"},
                "resource": {"group": "", "version": "v1", "resource": "pods"},
                "operation": "CREATE", "namespace": "retool",
                "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
                           "spec": {"containers": [{"name": "code-executor", "image": "i"}]}}}})


# Key material


def make_certificates(directory, *flags):
    subprocess.run([BINARY, "certs", "--out", directory, *flags], check=True, capture_output=True)
    return directory


def openssl(*arguments, **options):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, **options)


def make_leaf(keys, directory, name, *extensions, subject="/CN=leaf"):
    """A pair NAME.crt and NAME.key that the CA of `keys` issued with these extensions only."""
    (directory / "extensions").write_text("\n".join(extensions))
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            subject, "-keyout", directory / f"{name}.key", "-out", directory / "request")
    openssl("x509", "-req", "-in", directory / "request", "-CA", keys / "ca.crt", "-CAkey",
            keys / "ca.key", "-CAcreateserial", "-extfile", directory / "extensions", "-out",
            directory / f"{name}.crt")
    return directory / f"{name}.crt", directory / f"{name}.key"


def kubeconfig(path, server, keys, cluster=None, user=None):
    """Writes a kubeconfig for `server`. None as a value in `cluster` takes the default out."""
    content = {
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {
            key: value for key, value in {
                "server": server, "certificate-authority": str(keys / "ca.crt"),
                **(cluster or {})}.items() if value is not None}}],
        "users": [{"name": "u", "user": user or {}}]}
    path.write_text(yaml.safe_dump(content))
    return path


# One question


def review(config, **environment):
    """Runs `review` with a kubeconfig: (the version it decided by or None, stderr)."""
    done = subprocess.run([BINARY, "review", "-f", "-", "--kubeconfig", config], input=REVIEW,
                          capture_output=True, text=True, timeout=DEADLINE,
                          env={**os.environ, **environment}, check=False)
    if done.returncode == 0:
        return json.loads(done.stdout)["response"]["auditAnnotations"]["kubernetes-version"], ""
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return None, done.stderr


@pytest.mark.parametrize("body, want", [
    (version_info("v1.33.5-gke.2019000", minor="33"), "1.33"),
    (version_info("v1.32.9-eks-3025e55", minor="32+"), "1.32"),
    (version_info("v1.33.3+k3s1", minor="33"), "1.33"),
    (version_info("v1.34.0-rc.1", minor="34"), "1.34"),
    (version_info("v1.33.1", minor="33+"), "1.33"),
    (version_info("v1.34.1", emulationMajor="1", emulationMinor="32", minCompatibilityMajor="1",
                  minCompatibilityMinor="31"), "1.32"),
    (version_info("v1.35.0", major="", minor=""), "1.35"),
], ids=["gke", "eks", "k3s", "release candidate", "33+", "emulated", "gitVersion only"])
def test_every_kind_of_api_server_is_understood(keys, tmp_path, body, want):
    with FakeApiServer(keys / "tls.crt", keys / "tls.key", answer_with(body)) as server:
        config = kubeconfig(tmp_path / "config", server.url, keys, user={"token": TOKEN})
        assert review(config) == (want, "")
        request = server.wait_for_request()
        assert request.path == "/version"
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert request.headers["Host"] == f"127.0.0.1:{server.port}"
        assert request.server_name is None  # an address is not sent as a name, RFC 6066


def chunked(*chunks):
    return [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            *(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks), b"0\r\n\r\n"]


def test_an_answer_in_chunks_is_put_together(keys, tmp_path):
    body = version_info("v1.34.1")
    with FakeApiServer(keys / "tls.crt", keys / "tls.key",
                       answer_raw(*chunked(body[:7], body[7:]))) as server:
        assert review(kubeconfig(tmp_path / "config", server.url, keys)) == ("1.34", "")


HANG = "hang"
DRIP = "drip"


@pytest.mark.parametrize("script, why", [
    (answer_with(b"nonsense"), "/version: not a JSON object (expected version.Info)"),
    (answer_with(b"{}"), "/version: neither major and minor nor gitVersion tell a version "
                         "(expected major \"1\", minor \"34\")"),
    (answer_with(b"secret", 401), "status 401 (expected 200: are the credentials valid?)"),
    (answer_with(b"secret", 403), "status 403 (expected 200: are the credentials valid?)"),
    (answer_with(b"secret", 500), "status 500 (expected 200)"),
    (answer_with(b"", 302, [("Location", "https://elsewhere.example.com/")]),
     "status 302 (expected 200)"),
    (answer_with(b" " * (1 << 20) + b"{}"), "the answer is over 1048576 bytes"),
    (answer_raw(*chunked(*[b" " * (1 << 16)] * 17)), "the answer is over 1048576 bytes"),
    (answer_raw(b"HTTP/1.1 200 OK\r\nA: " + b"a" * 1_000_000),
     "the answer's head is over 16 KiB"),
    (answer_raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "not an HTTP answer"),
    (answer_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"), "the answer breaks off"),
    (answer_raw(b"HTTP/1.1 200 OK\r\n\r\n", version_info("v1.34.1"), goodbye=False),
     "the connection was closed"),
    (HANG, "timed out"),
    (DRIP, "timed out"),
], ids=["nonsense", "empty object", "401", "403", "500", "redirect", "oversize", "oversize chunks",
        "oversize head", "not HTTP", "cut off", "cut off by who knows whom", "hang", "drip"])
def test_a_bad_answer_is_refused_in_one_line(keys, tmp_path, script, why):
    with FakeApiServer(keys / "tls.crt", keys / "tls.key") as server:
        def hang(_):
            server.stopping.wait(DEADLINE)

        def drip(handler):  # no single wait is long, all together are
            for byte in b"HTTP/1.1 200 OK\r\nA: " + b"a" * 1_000:
                handler.wfile.write(bytes([byte]))
                if server.stopping.wait(0.2):
                    return

        server.script = {HANG: hang, DRIP: drip}.get(script, script)
        config = kubeconfig(tmp_path / "config", server.url, keys, user={"token": TOKEN})
        begin = time.monotonic()
        version, stderr = review(config)
        assert version is None
        assert stderr.endswith(f"{why}\n"), stderr
        assert server.url in stderr
        assert TOKEN not in stderr and "secret" not in stderr
        # 5 s in all, and what starting a program under sanitizers takes; to drip takes 200 s.
        assert time.monotonic() - begin < 15


def test_a_server_that_never_shakes_hands_is_given_up(keys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = kubeconfig(tmp_path / "config", f"https://127.0.0.1:{listener.getsockname()[1]}",
                            keys)
        begin = time.monotonic()
        _, stderr = review(config)
        assert stderr.endswith(": timed out\n")
        assert 4 < time.monotonic() - begin < 15


def test_no_server_is_said_at_once(keys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    _, stderr = review(kubeconfig(tmp_path / "config", url, keys))
    assert stderr.endswith(": cannot connect: Connection refused\n")


# Who answers


REFUSED = "its certificate is refused: "


def ask_with_certificate(keys, tmp_path, certificate, key, host="127.0.0.1", **cluster):
    """Asks a server that has this certificate. It must see no request unless it is accepted."""
    with FakeApiServer(certificate, key, answer_with(version_info("v1.34.1"))) as server:
        config = kubeconfig(tmp_path / "config", f"https://{host}:{server.port}", keys, cluster,
                            {"token": TOKEN})
        version, stderr = review(config)
        assert (version is None) == (not server._requests), "the token went to a stranger"
        return version or stderr.partition("/version: ")[2].strip()


def test_another_ca_is_refused(keys, tmp_path):
    other = make_certificates(tmp_path / "other", "--ip", "127.0.0.1")
    got = ask_with_certificate(keys, tmp_path, other / "tls.crt", other / "tls.key")
    assert got == REFUSED + "unable to get local issuer certificate"


@pytest.mark.parametrize("names, host, want", [
    ("DNS:localhost", "localhost", "1.34"),
    ("DNS:other.example.com", "localhost", REFUSED + "hostname mismatch"),
    ("DNS:*.localhost", "localhost", REFUSED + "hostname mismatch"),
    ("IP:127.0.0.1", "localhost", REFUSED + "hostname mismatch"),
    ("IP:127.0.0.1", "127.0.0.1", "1.34"),
    ("IP:127.0.0.2", "127.0.0.1", REFUSED + "IP address mismatch"),
    # An address is matched with addresses, whole ones: 16 bytes that begin with 127.0.0.1 are not it.
    ("DNS:127.0.0.1", "127.0.0.1", REFUSED + "IP address mismatch"),
    ("IP:7f00:0001::", "127.0.0.1", REFUSED + "IP address mismatch"),
    ("IP:0.0.0.0", "127.0.0.1", REFUSED + "IP address mismatch"),
])
def test_the_certificate_must_be_for_the_server(keys, tmp_path, names, host, want):
    pair = make_leaf(keys, tmp_path, "leaf", f"subjectAltName={names}")
    assert ask_with_certificate(keys, tmp_path, *pair, host=host) == want


@pytest.mark.parametrize("host, why", [("localhost", "hostname mismatch"),
                                       ("127.0.0.1", "IP address mismatch")])
def test_a_common_name_does_not_count(keys, tmp_path, host, why):
    pair = make_leaf(keys, tmp_path, "leaf", "basicConstraints=CA:FALSE", subject=f"/CN={host}")
    assert ask_with_certificate(keys, tmp_path, *pair, host=host) == REFUSED + why


def test_a_clients_certificate_does_not_serve(keys, tmp_path):
    pair = make_leaf(keys, tmp_path, "leaf", "subjectAltName=IP:127.0.0.1",
                     "extendedKeyUsage=clientAuth")
    got = ask_with_certificate(keys, tmp_path, *pair)
    assert got.startswith(REFUSED + "un") and "purpose" in got


def test_tls_server_name_is_sent_and_expected(keys, tmp_path):
    pair = make_leaf(keys, tmp_path, "leaf", "subjectAltName=DNS:kubernetes.example.com")
    assert ask_with_certificate(keys, tmp_path, *pair) == REFUSED + "IP address mismatch"
    assert ask_with_certificate(
        keys, tmp_path, *pair, **{"tls-server-name": "kubernetes.example.com"}) == "1.34"
    with FakeApiServer(*pair, answer_with(version_info("v1.34.1"))) as server:
        review(kubeconfig(tmp_path / "config", server.url, keys,
                          {"tls-server-name": "kubernetes.example.com"}))
        assert server.wait_for_request().server_name == "kubernetes.example.com"


def test_verification_is_off_only_where_the_kubeconfig_says_so(keys, tmp_path):
    other = make_certificates(tmp_path / "other")
    pair = other / "tls.crt", other / "tls.key"
    assert ask_with_certificate(keys, tmp_path, *pair).startswith(REFUSED)
    assert ask_with_certificate(keys, tmp_path, *pair, **{
        "certificate-authority": None, "insecure-skip-tls-verify": True}) == "1.34"
    # Without a CA the system's roots count, and ours is none of them.
    assert ask_with_certificate(
        keys, tmp_path, *pair, **{"certificate-authority": None}).startswith(REFUSED)


# Who asks, and where


def test_a_client_certificate_is_presented_from_files_and_from_data(keys, tmp_path):
    certificate, key = make_leaf(keys, tmp_path, "client", "extendedKeyUsage=clientAuth",
                                 subject="/CN=admin")
    data = lambda file: base64.b64encode(file.read_bytes()).decode()
    with FakeApiServer(keys / "tls.crt", keys / "tls.key", answer_with(version_info("v1.34.1")),
                       client_ca=keys / "ca.crt") as server:
        for user in ({"client-certificate": "client.crt", "client-key": "client.key"},
                     {"client-certificate-data": data(certificate), "client-key-data": data(key)}):
            config = kubeconfig(tmp_path / "config", server.url, keys, {
                "certificate-authority": None,
                "certificate-authority-data": data(keys / "ca.crt")}, user)
            assert review(config) == ("1.34", "")
            name = server._requests[-1].client_certificate["subject"]
            assert name == ((("commonName", "admin"),),)
        assert review(kubeconfig(tmp_path / "config", server.url, keys))[0] is None


@pytest.mark.parametrize("user, why", [
    ({"client-certificate": "absent", "client-key": "absent"},
     "/absent: cannot be read: No such file or directory"),
    ({"client-certificate-data": "Y2VydA==", "client-key-data": "a2V5"},
     "client certificate: no certificate in it (expected PEM)"),
    ({"tokenFile": "absent"}, "/absent: cannot be read: No such file or directory"),
    ({"token": "two words"}, ": token: not a token (expected one word)"),
    ({"token": "a\r\nX-Remote-User: admin"}, ": token: not a token (expected one word)"),
])
def test_bad_credentials_are_said_before_anyone_is_asked(keys, tmp_path, user, why):
    config = kubeconfig(tmp_path / "config", "https://127.0.0.1:1", keys, user=user)
    _, stderr = review(config)
    assert stderr.endswith(why + "\n"), stderr
    assert "two words" not in stderr and "X-Remote-User" not in stderr


def test_a_key_of_another_certificate_is_refused(keys, tmp_path):
    certificate, _ = make_leaf(keys, tmp_path, "client")
    config = kubeconfig(tmp_path / "config", "https://127.0.0.1:1", keys, user={
        "client-certificate": str(certificate), "client-key": str(keys / "tls.key")})
    _, stderr = review(config)
    assert "not the client certificate's key" in stderr


def test_a_server_behind_a_path_and_over_ipv6(keys, tmp_path):
    try:
        server = FakeApiServer(keys / "tls.crt", keys / "tls.key",
                               answer_with(version_info("v1.34.1")), address="::1")
    except OSError:
        pytest.skip("no IPv6 on the loopback interface")
    with server:
        config = kubeconfig(tmp_path / "config", server.url + "/k8s/clusters/c-1/", keys)
        assert review(config) == ("1.34", "")
        assert server.wait_for_request().path == "/k8s/clusters/c-1/version"
        assert server.wait_for_request().headers["Host"] == f"[::1]:{server.port}"


# The running server


class Serve:
    """`serve` on ports of its own, with its log, until the end of the `with` block."""

    def __init__(self, directory, *flags, before=(), **environment):
        certificates = make_certificates(directory / "serving", "--force")
        config = directory / "config.yaml"
        config.write_text("cluster: {refreshInterval: 1s}\nserver: {shutdownDelay: 0s}\n"
                          "log: {format: text}\n")
        self._process = subprocess.Popen(
            [*before, BINARY, "serve", "--config", config, "--listen", "127.0.0.1:0",
             "--ops-listen", "127.0.0.1:0", "--tls-cert", certificates / "tls.crt", "--tls-key",
             certificates / "tls.key", *flags],
            stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
        self.log = ""
        self._unmatched = []
        self._lines = queue.Queue()
        # A daemon: a test that fails before the `with` block begins must not hang.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        serving = self.wait_for_log("ops_address=")
        self._ops = re.search(r'ops_address="([^"]*)"', serving).group(1)
        self._address = re.search(r' address="([^"]*)"', serving).group(1)

    def _read(self):
        for line in self._process.stderr:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for_log(self, pattern):
        """The first line that has `pattern` and was not returned before."""
        until = time.monotonic() + DEADLINE
        while True:
            for line in self._unmatched:
                if re.search(pattern, line):
                    self._unmatched.remove(line)
                    return line
            line = self._lines.get(timeout=max(0.01, until - time.monotonic()))
            assert line is not None, "serve ended:\n" + self.log
            self.log += line
            self._unmatched.append(line)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://{self._ops}{path}", timeout=DEADLINE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def review(self):
        request = urllib.request.Request(f"https://{self._address}/mutate", REVIEW.encode(),
                                         {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE,
                                        context=ssl._create_unverified_context()) as answer:
                return json.load(answer)["response"]["auditAnnotations"]["kubernetes-version"]
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Retry-After"]

    def metric(self, name):
        found = re.search(rf"^code_executor_webhook_{name} (\S+)$", self.get("/metrics")[1], re.M)
        return found and float(found.group(1))

    def stop(self):
        """Ends it by SIGTERM: (exit code, seconds that took)."""
        begin = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(DEADLINE)
        self._reader.join()
        while (line := self._lines.get()) is not None:
            self.log += line
        return code, time.monotonic() - begin

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            self._reader.join()


def test_until_the_version_is_known_nothing_is_answered(keys, tmp_path):
    with FakeApiServer(keys / "tls.crt", keys / "tls.key", answer_with(b"", 500)) as server:
        config = kubeconfig(tmp_path / "kubeconfig", server.url, keys)
        with Serve(tmp_path, "--kubeconfig", config) as serve:
            serve.wait_for_log(r"status 500 \(expected 200\) \(not known yet\)")
            assert serve.get("/readyz")[0] == 503
            assert serve.review() == (503, "1")
            assert serve.metric("cluster_version_age_seconds") is None
            server.script = answer_with(version_info("v1.34.1"))
            serve.wait_for_log(r'cluster version: 1\.34 \("v1\.34\.1"\)')
            serve.wait_for_log("the API server answers again")
            assert serve.get("/readyz")[0] == 200
            assert serve.review() == "1.34"
            assert serve.stop()[0] == 0


def test_the_last_good_answer_stays_through_an_outage_and_an_upgrade_is_seen(keys, tmp_path):
    pair = keys / "tls.crt", keys / "tls.key"
    server = FakeApiServer(*pair, answer_with(version_info("v1.32.9", minor="32")))
    config = kubeconfig(tmp_path / "kubeconfig", server.url, keys, user={"token": TOKEN})
    try:
        with Serve(tmp_path, "--kubeconfig", config) as serve:
            serve.wait_for_log(r'cluster version: 1\.32')
            assert serve.metric('cluster_version_info{git_version="v1.32.9"}') == 1

            server.script = answer_with(b"", 500)
            serve.wait_for_log(r"status 500 \(expected 200\) \(keeping 1\.32\)")
            server.wait_for_more_requests(2)  # all of one outage
            server.stop()
            assert serve.get("/readyz")[0] == 200
            assert serve.review() == "1.32"
            assert serve.metric("cluster_version_age_seconds") > 1

            server = FakeApiServer(*pair, answer_with(version_info("v1.33.0", minor="33")),
                                   port=server.port)
            serve.wait_for_log(r'cluster version: 1\.33 \("v1\.33\.0"\)')
            serve.wait_for_log("the API server answers again")
            assert serve.review() == "1.33"
            metrics = serve.get("/metrics")[1]
            assert 'git_version="v1.33.0"} 1' in metrics and "v1.32.9" not in metrics
            assert serve.stop()[0] == 0
            assert serve.log.count("(keeping 1.32)") == 1
            assert TOKEN not in serve.log
    finally:
        server.stop()


def test_a_hanging_api_server_does_not_hold_up_the_end(keys, tmp_path):
    with FakeApiServer(keys / "tls.crt", keys / "tls.key") as server:
        server.script = lambda _: server.stopping.wait(DEADLINE)
        config = kubeconfig(tmp_path / "kubeconfig", server.url, keys)
        with Serve(tmp_path, "--kubeconfig", config) as serve:
            server.wait_for_request()
            code, seconds = serve.stop()
            assert code == 0
            assert seconds < 4.5  # the call itself would take 5
            assert "timed out" not in serve.log


def service_account(directory, keys, token):
    """As the kubelet lays it out: what is read is a link into a directory that is swapped."""
    version = directory / f"..{token}"
    version.mkdir(parents=True)
    (version / "ca.crt").write_bytes((keys / "ca.crt").read_bytes())
    (version / "token").write_text(token)
    (directory / "..data_tmp").symlink_to(version.name)
    os.rename(directory / "..data_tmp", directory / "..data")
    for name in ("ca.crt", "token"):
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")


def in_pod(directory):
    """Runs what follows where /var/run has nothing but this service account."""
    as_root = ["--map-root-user"] if os.geteuid() != 0 else []
    target = "/run/secrets/kubernetes.io/serviceaccount"
    command = ["unshare", "--mount", *as_root, "sh", "-ec",
               f"mount -t tmpfs none /run; mkdir -p {target}; mount --bind '{directory}' {target}; "
               'exec "$@"', "sh"]
    tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"mounts of its own cannot be made here: {tried.stderr.strip()}")
    return command


def test_in_a_cluster_the_service_account_is_used_and_its_token_read_anew(keys, tmp_path):
    account = tmp_path / "account"
    service_account(account, keys, TOKEN)
    with FakeApiServer(keys / "tls.crt", keys / "tls.key",
                       answer_with(version_info("v1.34.1"))) as server:
        environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1",
                       "KUBERNETES_SERVICE_PORT": str(server.port), "KUBECONFIG": ""}
        with Serve(tmp_path, before=in_pod(account), **environment) as serve:
            serve.wait_for_log(r'cluster version: 1\.34')
            server.wait_for_request(lambda each: each.headers["Authorization"] == f"Bearer {TOKEN}")
            service_account(account, keys, "canary-token-2")
            server.wait_for_request(
                lambda each: each.headers["Authorization"] == "Bearer canary-token-2")
            assert serve.stop()[0] == 0
            assert "canary" not in serve.log


def test_in_a_cluster_over_ipv6(keys, tmp_path):
    account = tmp_path / "account"
    service_account(account, keys, TOKEN)
    try:
        server = FakeApiServer(keys / "tls.crt", keys / "tls.key",
                               answer_with(version_info("v1.34.1")), address="::1")
    except OSError:
        pytest.skip("no IPv6 on the loopback interface")
    with server, Serve(tmp_path, before=in_pod(account), KUBECONFIG="",
                       KUBERNETES_SERVICE_HOST="::1",
                       KUBERNETES_SERVICE_PORT=str(server.port)) as serve:
        serve.wait_for_log(r'cluster version: 1\.34')


def test_kubeconfig_variable_may_name_several_files(keys, tmp_path):
    with FakeApiServer(keys / "tls.crt", keys / "tls.key",
                       answer_with(version_info("v1.34.1"))) as server:
        whole = kubeconfig(tmp_path / "whole", server.url, keys)
        with Serve(tmp_path, KUBECONFIG=f"{tmp_path}/absent::{whole}") as serve:
            serve.wait_for_log(r'cluster version: 1\.34')


def test_no_way_to_ask_is_an_error_at_the_start(tmp_path):
    certificates = make_certificates(tmp_path / "serving")
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("KUBECONFIG", "KUBERNETES_"))}
    serve = [BINARY, "serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0",
             "--tls-cert", certificates / "tls.crt", "--tls-key", certificates / "tls.key"]
    for environment, why in [
            ({}, "cluster version: no API server to ask (expected to run in a cluster, or "
                 "--kubeconfig FILE, or --kube-version such as v1.34.3)\n"),
            ({"KUBERNETES_SERVICE_HOST": "host/path", "KUBERNETES_SERVICE_PORT": "443"},
             "KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT: not an address: 'host/path', '443' "
             "(expected what the kubelet sets)\n"),
            ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": ""},
             "KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT: not an address: '10.0.0.1', '' "
             "(expected what the kubelet sets)\n")]:
        done = subprocess.run(serve, capture_output=True, text=True, timeout=DEADLINE,
                              env={**clean, **environment}, check=False)
        assert done.returncode == 1
        assert done.stderr.endswith(why), done.stderr
