"""The webhook on the node, as its users install it: `kubectl apply -k` of an overlay, with our image."""

import json
import os
import subprocess

from images import BUSYBOX, PAUSE, TAGS, WEBHOOK
from node import ROOT, wait_until

BINARY = os.environ["WEBHOOK_BINARY"]
NAME = "code-executor-webhook"
MANIFESTS = ROOT / "manifests"


def answer(*arguments, stdin=None, code=0):
    """What the program prints; fails unless it exits with `code` (None: whatever it says)."""
    done = subprocess.run([BINARY, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60,
                          check=False)
    assert code in (None, done.returncode), f"{arguments[0]}: exit {done.returncode}: {done.stderr}"
    return done.stdout


# components/cert-manager without cert-manager, whose work is the test's.
FILES = {
    "components": [os.path.join(MANIFESTS, "components/cert-manager")],
    "patches": [{"target": {"kind": kind, "group": "cert-manager.io"},
                 "patch": json.dumps({"$patch": "delete", "apiVersion": "cert-manager.io/v1", "kind": kind,
                                      "metadata": {"name": "each"}})} for kind in ("Issuer", "Certificate")]}


def with_arguments(*arguments):
    """A kustomization's part that adds arguments to the program's."""
    return {"patches": [{"target": {"kind": "Deployment", "name": NAME}, "patch": json.dumps([
        {"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": each} for each in arguments])}]}


class Installation:
    """The webhook of manifests/base. configure() gives it another configuration or image."""

    def __init__(self, node, directory):
        self.node = node
        self.directory = directory
        self.config = directory / "config.yaml"
        self.profile = None
        directory.mkdir()

    def configure(self, tag=TAGS[0], profile=None, wait=True, **sandbox):
        """Applies the manifests with `sandbox` in the configuration and, if given, another seccomp profile, and waits until
        no replica has another. Takes the same way as an upgrade: the pods are replaced."""
        files = [self.config.name]
        seccomp = dict(sandbox.pop("seccomp", {}))
        self.profile = None
        if profile:
            self.profile = self.directory / "profile.json"
            self.profile.write_text(profile)
            files.append(self.profile.name)
            seccomp["profileFile"] = f"/etc/{NAME}/config/{self.profile.name}"
        self.write_config(seccomp=seccomp, **sandbox)
        self.apply(tag, files)
        if wait:
            self.node.kubectl("-n", NAME, "rollout", "restart", "deployment", NAME)
            self.wait_until_current()

    def write_config(self, seccomp=None, server=None, **sandbox):
        """The configuration: the default's, but for images, and for how long a replica serves on."""
        self.config.write_text(json.dumps({
            "sandbox": {"installer": {"image": BUSYBOX}, "seccomp": seccomp or {}, **sandbox},
            "server": {"shutdownDelay": "3s", **(server or {})}}))

    def apply(self, tag, files=("config.yaml",), **more):
        """`more` is added to the kustomization."""
        (self.directory / "kustomization.yaml").write_text(json.dumps({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "resources": [self.relative(MANIFESTS / "base")],
            "configMapGenerator": [{"name": NAME, "namespace": NAME, "behavior": "replace", "files": list(files),
                                    "options": {"disableNameSuffixHash": True}}],
            "images": [{"name": NAME, "newName": WEBHOOK, "newTag": tag}],
            **more, "components": [self.relative(each) for each in more.get("components", [])]}))
        self.node.kubectl("apply", "-k", self.directory)

    def relative(self, path):
        return os.path.relpath(path, self.directory)

    def replicas(self):
        found = self.node.get(f"/api/v1/namespaces/{NAME}/pods?labelSelector=app.kubernetes.io/name={NAME}")
        return json.loads(found)["items"]

    def wait_until_current(self):
        self.node.kubectl("-n", NAME, "rollout", "status", "deployment", NAME, "--timeout=90s")
        wait_until(lambda: len(self.replicas()) == 2, "the old replicas are gone")

    def local(self, *arguments, stdin=None):
        """What the program on this machine prints, by the configuration of the installed one."""
        flags = ["--profile", self.profile] if self.profile else []
        return answer(*arguments, *flags, "--config", self.config, stdin=stdin)

    def config_map(self, namespace):
        """The ConfigMap that a namespace with code-executor pods needs."""
        return json.loads(self.local("profile", "-o", "configmap", "-n", namespace))

    def give_profile(self, namespace):
        self.node.kubectl("apply", "-f", "-", stdin=json.dumps(self.config_map(namespace)))


def apply_doctor(node, directory):
    """manifests/doctor with our images."""
    directory.mkdir(exist_ok=True)
    (directory / "kustomization.yaml").write_text(json.dumps({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [os.path.relpath(MANIFESTS / "doctor", directory)],
        "images": [{"name": NAME, "newName": WEBHOOK, "newTag": TAGS[0]},
                   {"name": "registry.k8s.io/pause", "newName": PAUSE.split(":")[0], "newTag": "1", "digest": ""}]}))
    node.kubectl("apply", "-k", directory)
