"""Replicas that make their own certificates, behind a Service, and API servers that call it."""

import base64
import contextlib
import http.client
import json
import os
import signal
import ssl
import threading
import time

from balancer import Balancer
from control_plane import TOKEN, wait_until
from installed import NAME, ROOT
from pods import pod
from webhook_server import WebhookServer

SECRET = f"{NAME}-ca"
# Life of CA and leaf, trust delay, poll, clock tolerance.
SECONDS = {"life": 60, "leaf": 20, "trust": 6, "poll": 1, "clock": 5}

KUSTOMIZATION = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [{base}]
patches:
  - target: {{kind: Service}}
    patch: '[{{"op": "replace", "path": "/spec", "value": {{"type": "ExternalName", "externalName": "localhost"}}}}]'
  - target: {{kind: MutatingWebhookConfiguration}}
    patch: '[{{"op": "replace", "path": "/webhooks/0/clientConfig/service/port", "value": {port}}}]'
"""


def apply_behind(plane, directory, port):
    """`kubectl apply -k manifests/base`; the Service leads to `port` on loopback."""
    directory.mkdir(exist_ok=True)
    relative = os.path.relpath(ROOT / "manifests/base", directory.resolve())
    (directory / "kustomization.yaml").write_text(KUSTOMIZATION.format(base=relative, port=port))
    return plane.kubectl("apply", "-k", directory)


class Fleet:
    """Replicas of the program with the service account of the manifests; a context manager that ends them."""

    def __init__(self, plane, directory, seconds=None):
        self.plane = plane
        self.directory = directory
        self.seconds = {**SECONDS, **(seconds or {})}
        self.balancer = Balancer()
        self.replicas = []

    def __enter__(self):
        self.directory.mkdir(exist_ok=True)
        self.balancer.__enter__()
        apply_behind(self.plane, self.directory / "kustomization", self.balancer.port)
        # What an earlier fleet left.
        self.plane.kubectl("delete", "secret", SECRET, "-n", NAME, "--ignore-not-found")
        if self.bundle():
            self.set_bundle([])
        token = self.plane.kubectl("create", "token", NAME, "-n", NAME, "--duration=24h").stdout.strip()
        self.kubeconfig = self.directory / "kubeconfig"
        self.kubeconfig.write_text(self.plane.kubeconfig_for(token, NAME))
        self.token = token
        return self

    def __exit__(self, *_):
        try:
            self.balancer.__exit__()
        finally:
            for replica in list(self.replicas):
                self.end(replica)

    def start(self, command=(), keys=None):
        times = ",".join(str(self.seconds[key]) for key in ("life", "leaf", "trust", "poll", "clock"))
        flags = [] if keys else ["--certificate-seconds", times]
        replica = WebhookServer(keys, "--kubeconfig", self.kubeconfig, *flags, version=None, command=command)
        self.replicas.append(replica)
        self.balancer.add(replica)
        return replica

    def end(self, replica):
        self.balancer.remove(replica)
        self.replicas.remove(replica)
        with contextlib.suppress(ProcessLookupError):
            replica.process.send_signal(signal.SIGCONT)
        replica.__exit__()

    def retire(self, replica):
        """Ends it as a kubelet does: its endpoint goes, then it drains."""
        self.balancer.remove(replica)
        assert replica.stop() == 0
        self.end(replica)

    def wait_until_ready(self, count, deadline=60):
        try:
            wait_until(lambda: len(self.balancer.ready()) >= count, f"{count} replicas are ready", deadline)
        except TimeoutError as error:
            said = [each.ops("/readyz?verbose").body.decode() for each in self.replicas]
            raise TimeoutError(f"{error}, but: {said}") from error

    def event(self, name):
        """How often it happened, over all replicas."""
        key = f'managed_certificate_events_total{{event="{name}"}}'
        return sum(replica.metrics()[key] for replica in self.replicas)

    # The objects

    def authorities(self):
        """What the Secret holds; None without one."""
        done = self.plane.kubectl("get", "secret", SECRET, "-n", NAME, "-o", "json", code=None)
        if done.returncode:
            return None
        data = json.loads(done.stdout).get("data", {})
        return json.loads(base64.b64decode(data.get("authorities.json", "W10=")))

    def bundle(self):
        """The certificates of caBundle."""
        configuration = self.plane.get_json("mutatingwebhookconfiguration", NAME)
        pem = base64.b64decode(configuration["webhooks"][0]["clientConfig"].get("caBundle", "")).decode()
        end = "-----END CERTIFICATE-----\n"
        return [part + end for part in pem.split(end) if part.strip()]

    def set_bundle(self, certificates):
        value = base64.b64encode("".join(certificates).encode()).decode()
        operation = ({"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": value} if certificates
                     else {"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"})
        self.plane.kubectl("patch", "mutatingwebhookconfiguration", NAME, "--type=json", "-p", json.dumps([operation]))

    def holds_ours(self):
        """The bundle has every CA of the Secret that issues."""
        ours = [each["certificate"] for each in self.authorities() or [] if "key" in each]
        return bool(ours) and set(ours) <= set(self.bundle())


class PodLoad:
    """Clients that create pods by dry run without pause; a context manager. `failures` has (time, what was said)."""

    def __init__(self, plane, namespace, clients=50):
        self.plane, self.namespace = plane, namespace
        self.count = 0
        self.failures = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(clients)]

    def _run(self, number):
        context = ssl.create_default_context(cafile=self.plane.ca_file)
        context.check_hostname = False
        connection = None
        while not self._stopping.is_set():
            connection = connection or http.client.HTTPSConnection("127.0.0.1", self.plane.port, context=context,
                                                                   timeout=60)
            try:
                connection.request(
                    "POST", f"/api/v1/namespaces/{self.namespace}/pods?dryRun=All", json.dumps(pod(f"load-{number}")),
                    {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"})
                response = connection.getresponse()
                body = response.read()
                failure = None if response.status == 201 else body.decode(errors="replace")
            except OSError as error:  # of the API server itself, which a test may have stopped
                connection.close()
                connection, failure = None, f"API server: {error}"
            except http.client.HTTPException as error:
                connection.close()
                connection, failure = None, f"API server: {error!r}"
            with self._lock:
                self.count += 1
                if failure:
                    self.failures.append((time.monotonic(), failure))
            if failure:
                self._stopping.wait(0.1)
        if connection:
            connection.close()

    def failed_since(self, when):
        with self._lock:
            return [what for at, what in self.failures if at >= when]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join(70)
