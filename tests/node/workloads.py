"""Code-executor pods on the node, and what is seen of them: by kubectl, and inside."""

import contextlib
import json
import re
import urllib.error

from images import CODE_EXECUTOR
from node import wait_until

LABEL = {"telemetry.retool.com/service-name": "code-executor"}
READY_WITHIN = 90  # seconds


def pod(name, spec=None, target=None, **metadata):
    """A code-executor pod; `spec` and `target`, its container, are added to."""
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, **metadata, "labels": {**LABEL, **metadata.get("labels", {})}},
        "spec": {"terminationGracePeriodSeconds": 2,
                 "containers": [{"name": "code-executor", "image": CODE_EXECUTOR, **(target or {})}], **(spec or {})}}


def deployment(name, replicas, **strategy):
    made = pod(name)
    container = made["spec"]["containers"][0]
    container["readinessProbe"] = {"httpGet": {"path": "/health", "port": 3004}, "periodSeconds": 1}
    labels = {"app": name, **LABEL}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, **strategy,
                 "template": {"metadata": {"labels": labels}, "spec": made["spec"]}}}


def as_it_is(document):
    """The pod, kept from the webhook: what it has already is what the node gets."""
    labels = {**document["metadata"]["labels"], "code-executor-webhook/mode": "off"}
    return {**document, "metadata": {**document["metadata"], "labels": labels}}


class Pods:
    """Those of a namespace."""

    def __init__(self, node, namespace):
        self.node = node
        self.namespace = namespace

    def kubectl(self, *arguments, **options):
        return self.node.kubectl("-n", self.namespace, *arguments, **options)

    def create(self, document):
        """Until the API server reaches the webhook: after a rollout, kube-proxy is a moment behind."""
        def created():
            done = self.kubectl("create", "-f", "-", stdin=json.dumps(document), code=None)
            assert done.returncode == 0 or "connection refused" in done.stderr, done.stderr
            return done.returncode == 0
        wait_until(created, "the webhook is reached", READY_WITHIN)

    def run(self, document):
        """Creates a pod, and waits until it is ready."""
        name = document["metadata"]["name"]
        self.create(document)
        self.wait_until_ready(name)
        return name

    def wait_until_ready(self, name):
        done = self.kubectl("wait", "--for=condition=Ready", f"pod/{name}", f"--timeout={READY_WITHIN}s", code=None)
        assert done.returncode == 0, f"{name} is not ready: {self.shown(name)}; {self.events(name)}; {self.said(name)}"

    def path(self, kind, name=""):
        return f"/api/v1/namespaces/{self.namespace}/{kind}/{name}"

    def get(self, name):
        return json.loads(self.node.get(self.path("pods", name)))

    def shown(self, name):
        """What `kubectl get pod` shows as STATUS: the API server makes that table."""
        table = json.loads(self.node.get(self.path("pods", name), accept="application/json;as=Table;v=v1;g=meta.k8s.io"))
        titles = [each["name"] for each in table["columnDefinitions"]]
        return table["rows"][0]["cells"][titles.index("Status")]

    def events(self, name):
        """`REASON: message` of each event of a pod, as `kubectl describe` shows them."""
        found = json.loads(self.node.get(self.path("events") + f"?fieldSelector=involvedObject.name={name}"))
        return [f"{each['reason']}: {each['message']}" for each in found["items"]]

    def wait_for_event(self, name, *parts):
        """The event that has all these parts."""
        def found():
            return next((each for each in self.events(name) if all(part in each for part in parts)), None)
        try:
            return wait_until(found, f"event of {name}: {parts}", READY_WITHIN)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.shown(name)}, {self.events(name)}, {self.said(name)}") from None

    def wait_for_status(self, name, *shown):
        try:
            wait_until(lambda: self.shown(name) in shown, f"{name} shows {shown}", READY_WITHIN)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.shown(name)}, {self.events(name)}, {self.said(name)}") from None

    def said(self, name, container="install-seccomp"):
        """What a container logged, in the run before if this one has said nothing yet."""
        logs = self.path("pods", f"{name}/log?container={container}")
        for path in (logs, logs + "&previous=true"):
            with contextlib.suppress(urllib.error.HTTPError):  # it is not there, or not yet
                if text := self.node.get(path).decode():
                    return text
        return ""

    def wait_for_line(self, name, *parts):
        """The one line that install-seccomp says, with all these parts."""
        def found():
            return next((line for line in self.said(name).splitlines() if all(part in line for part in parts)), None)
        try:
            return wait_until(found, f"install-seccomp of {name}: {parts}", READY_WITHIN)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.shown(name)}, {self.events(name)}, {self.said(name)}") from None

    def restarts(self, name):
        return self.get(name)["status"]["containerStatuses"][0]["restartCount"]

    def kill(self, name):
        """SIGKILL to the target's first process; waits until it runs again."""
        before = self.restarts(name)
        self.node.run("kill", "-KILL", self.node.pid_of(self.namespace, name))
        wait_until(lambda: self.restarts(name) > before, f"{name} is started again", READY_WITHIN)

    def execute(self, name, *command, code=0):
        """What a command prints in the target container."""
        return self.kubectl("exec", name, "-c", "code-executor", "--", *command, code=code)

    def status(self, name):
        """/proc/1/status of the target, by its names."""
        lines = self.execute(name, "cat", "/proc/1/status").stdout.splitlines()
        return dict(re.split(r":\s*", line, maxsplit=1) for line in lines if ":" in line)

    def delete(self, *names):
        self.kubectl("delete", "pod", *names, "--wait=true", "--ignore-not-found")


def installed_as(document):
    """The name of the profile's file, of a stored pod, and its digest."""
    target = next(each for each in document["spec"]["containers"] if each["name"] == "code-executor")
    path = target["securityContext"]["seccompProfile"]["localhostProfile"]
    return path.rsplit("/", 1)[1], document["metadata"]["annotations"]["checksum/seccomp"]
