"""A node without an API server: its kubelet takes pods from a directory. They have no ConfigMap, and no events but its log."""

import json
import os
import re
import shutil
import ssl
import urllib.request

from daemons import ADDRESS, KUBELET, Daemons
from node import wait_until
from workloads import READY_WITHIN, Pods

EVENT = re.compile(r'"Event occurred" object="[^"]*/(?P<pod>[^"/]+)-node".* reason="(?P<reason>\w+)" '
                   r'message="(?P<message>(?:[^"\\]|\\.)*)"')


class StaticNode(Daemons):
    """A context manager; `images` is a directory of archives."""

    def __init__(self, state, images, *programs):
        super().__init__(state, *programs)
        self.images = images
        self.manifests = state / "manifests"

    def __enter__(self):
        self.path = os.environ["PATH"]
        self.manifests.mkdir(parents=True)
        self.configure(staticPodPath=str(self.manifests), fileCheckFrequency="1s", logging={"verbosity": 3})
        try:
            self.start_containerd()
            self.import_images(self.images)
            with self.sysctls_kept():
                self.start_kubelet()
                # Once it has started all its parts, sysctls among them.
                wait_until(lambda: self.kubelet.check() or self.pods() is not None, "the kubelet tells of its pods")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # The next node begins as if there had been none.
        self.lose_power()
        for entry in KUBELET.iterdir():
            self.run("rm", "-rf", entry)
        shutil.rmtree(self.state / "containerd", ignore_errors=True)
        os.environ["PATH"] = self.path

    @staticmethod
    def pods():
        """Those of the kubelet, with their states; None while it cannot be asked."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # of a certificate that the kubelet made for itself
        try:
            with urllib.request.urlopen(f"https://{ADDRESS}:10250/pods", timeout=5, context=context) as answer:
                return json.loads(answer.read())["items"] or []
        except OSError:
            return None


class StaticPods(Pods):
    """Its pods. A static pod NAME is called NAME-node by all but the directory."""

    def __init__(self, node):
        super().__init__(node, "default")

    def create(self, document):
        file = self.node.state / f"{document['metadata']['name']}.json"
        file.write_text(json.dumps(document))
        file.rename(self.node.manifests / file.name)  # whole, and under one name

    def get(self, name):
        return next((each for each in self.node.pods() or [] if each["metadata"]["name"] == f"{name}-node"), {})

    def containers(self, name):
        status = self.get(name).get("status", {})
        return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]

    def wait_until_ready(self, name):
        def ready():
            conditions = self.get(name).get("status", {}).get("conditions", [])
            return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        try:
            wait_until(ready, f"{name} is ready", READY_WITHIN)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.shown(name)}, {self.events(name)}, {self.said(name)}") from None

    def shown(self, name):
        return {each["name"]: each["state"] for each in self.containers(name)}

    def events(self, name):
        found = EVENT.finditer(self.node.kubelet.log.read_text(errors="replace"))
        return [f"{each['reason']}: " + each["message"].replace('\\"', '"') for each in found if each["pod"] == name]

    def said(self, name, container="install-seccomp"):
        ids = self.node.run("crictl", "ps", "-a", "-q", "--name", f"^{container}$", "--label",
                            f"io.kubernetes.pod.name={name}-node").stdout.split()
        return self.node.run("crictl", "logs", ids[0], code=None).stdout if ids else ""

    def execute(self, name, *command, code=0):
        return self.node.run("crictl", "exec", self.node.container(self.namespace, f"{name}-node"), *command, code=code)

    def delete(self, *names):
        for name in names:
            (self.node.manifests / f"{name}.json").unlink()
        wait_until(lambda: not any(self.get(name) for name in names), f"{names} are gone", READY_WITHIN)
