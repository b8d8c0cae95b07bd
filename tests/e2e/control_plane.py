"""A control plane on loopback: etcd, kube-apiserver and, if asked, kube-controller-manager and kube-scheduler.

ASSETS, a directory, holds the programs. Each is started on free ports, ended by its process id, and keeps what it
writes in a directory of the caller's.
"""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

TOKEN = "e2e-admin"  # of a user in system:masters, on loopback, for as long as the test runs
STARTS_WITHIN = 120  # seconds

AUDIT_POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    resources: [{group: "", resources: [pods]}]
  - level: Metadata
    users: ["system:serviceaccount:code-executor-webhook:code-executor-webhook"]
    resources: [{group: ""}, {group: "admissionregistration.k8s.io"}, {group: "node.k8s.io"}]
  - level: None
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_until(condition, what, deadline=STARTS_WITHIN):
    """What `condition` gives, as soon as that is true."""
    end = time.monotonic() + deadline
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {deadline} s: {what}")
        time.sleep(0.1)
    return value


class Process:
    """A program whose output goes to a file next to its data."""

    def __init__(self, directory, command):
        self.log = directory / f"{pathlib.Path(command[0]).name}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdout=log,
                                            stderr=subprocess.STDOUT, cwd=directory)

    def check(self):
        if self.process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-3000:]
            raise RuntimeError(f"{self.log.stem} ended with {self.process.returncode}:\n{tail}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


class ControlPlane:
    """`assets` decides the release. A context manager; kubectl() talks to it. One `beside` another is a second API
    server of its control plane: the same etcd, the same key of service accounts."""

    def __init__(self, assets, directory, flags=(), emulated=None, beside=None):
        self.beside = beside
        self.assets = pathlib.Path(assets)
        self.directory = pathlib.Path(directory)
        self.flags = list(flags) + ([f"--emulated-version={emulated}"] if emulated else [])
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.audit_log = self.directory / "audit.log"
        self.kubeconfig = self.directory / "kubeconfig"
        self.etcd = self.apiserver = self.controllers = self.scheduler = None

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            if self.beside:
                self.etcd_url = self.beside.etcd_url
            else:
                self._start_etcd()
            self.start_apiserver()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in (self.scheduler, self.controllers, self.apiserver, self.etcd):
            if process:
                process.stop()

    def _start_etcd(self):
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.etcd_url = client
        self.etcd = Process(self.directory, [
            self.assets / "etcd", "--data-dir", self.directory / "etcd", "--unsafe-no-fsync",
            "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"])

    @contextlib.contextmanager
    def _stopped(self):
        """API server and etcd are down inside; both are back, on the data that is there then, afterwards."""
        self.apiserver.stop()
        self.etcd.stop()
        yield self.directory / "etcd"
        self._start_etcd()
        self.start_apiserver()

    def back_up(self):
        with self._stopped() as data:
            shutil.copytree(data, self.directory / "backup")

    def restore(self):
        """As from a backup of etcd: all that was written since back_up() has not been."""
        with self._stopped() as data:
            shutil.rmtree(data)
            (self.directory / "backup").rename(data)

    def start_apiserver(self, assets=None):
        """Starts kube-apiserver, of another release if `assets` says so, on the same address and data."""
        directory = self.directory
        key = (self.beside or self).directory / "service-account.key"
        if not key.exists():
            subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (directory / "tokens.csv").write_text(f"{TOKEN},e2e,e2e,system:masters\n")
        (directory / "audit.yaml").write_text(AUDIT_POLICY)
        self.apiserver = Process(directory, [
            pathlib.Path(assets or self.assets) / "kube-apiserver", "--etcd-servers", self.etcd_url,
            "--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1", "--secure-port", self.port,
            "--endpoint-reconciler-type", "none", "--cert-dir", directory / "certs", "--token-auth-file",
            directory / "tokens.csv", "--authorization-mode", "RBAC", "--service-cluster-ip-range",
            "10.0.0.0/24", "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-key-file", key, "--service-account-signing-key-file", key,
            "--audit-policy-file", directory / "audit.yaml", "--audit-log-path", self.audit_log,
            "--allow-privileged", "--profiling=false",
            *self.flags])
        wait_until(self._is_ready, "kube-apiserver is ready")
        self.kubeconfig.write_text(self.kubeconfig_for(TOKEN))

    def start_controllers(self, *flags):
        self.controllers = Process(self.directory, [
            self.assets / "kube-controller-manager", "--kubeconfig", self.kubeconfig, "--leader-elect=false",
            "--use-service-account-credentials=false", "--service-account-private-key-file",
            self.directory / "service-account.key", "--root-ca-file", self.ca_file, "--secure-port", free_port(),
            "--bind-address", "127.0.0.1", "--cert-dir", self.directory / "controller-certs", *flags])

    def start_scheduler(self):
        self.scheduler = Process(self.directory, [
            self.assets / "kube-scheduler", "--kubeconfig", self.kubeconfig, "--leader-elect=false", "--secure-port",
            free_port(), "--bind-address", "127.0.0.1", "--cert-dir", self.directory / "scheduler-certs"])

    @property
    def ca_file(self):
        return self.directory / "certs" / "apiserver.crt"

    def _is_ready(self):
        self.apiserver.check()
        (self.beside or self).etcd.check()
        try:
            return self.get("/readyz") == b"ok"
        except (OSError, urllib.error.URLError):
            return False

    def get(self, path, token=TOKEN, accept="*/*"):
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {token}", "Accept": accept})
        context = ssl.create_default_context(cafile=self.ca_file)
        context.check_hostname = False  # the server makes its certificate for its own names
        with urllib.request.urlopen(request, timeout=10, context=context) as response:
            return response.read()

    def has_service_accounts(self):
        """In the default namespace, without which no pod can be made: the controllers make them."""
        return self.kubectl("get", "serviceaccount", "default", code=None).returncode == 0

    def send(self, method, path, body=None, token=TOKEN, kind=None):
        """(status, object) of a request; the body of a PATCH is one of RFC 6902 where `kind` says nothing else."""
        kind = kind or ("application/json-patch+json" if method == "PATCH" else "application/json")
        request = urllib.request.Request(
            self.url + path, method=method, data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {token}", "Content-Type": kind})
        context = ssl.create_default_context(cafile=self.ca_file)
        context.check_hostname = False
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def kubeconfig_for(self, token, namespace="default"):
        """A kubeconfig, as JSON, for the user of `token`, in `namespace`."""
        return json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "e2e",
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e", "namespace": namespace}}],
            "clusters": [{"name": "e2e", "cluster": {"server": self.url,
                                                     "certificate-authority": str(self.ca_file)}}],
            "users": [{"name": "e2e", "user": {"token": token}}]})

    def kubectl(self, *arguments, stdin=None, code=0):
        """The finished kubectl; fails unless it exits with `code` (None: whatever it says)."""
        done = subprocess.run(
            [self.assets / "kubectl", "--kubeconfig", self.kubeconfig, *map(str, arguments)], input=stdin,
            capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "HOME": str(self.directory)})
        if code is not None and done.returncode != code:
            raise AssertionError(f"kubectl {' '.join(map(str, arguments))}: exit {done.returncode}: {done.stderr}")
        return done

    def get_json(self, *arguments):
        return json.loads(self.kubectl("get", "-o", "json", *arguments).stdout)

    @property
    def version(self):
        return json.loads(self.get("/version"))
