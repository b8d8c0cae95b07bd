"""What the checks share: the mutated pod, nodes to run it on, and how to run its containers."""

import copy
import functools
import hashlib
import json
import os
import subprocess

import oci


class Failed(AssertionError):
    """A check that did not hold."""


class Skipped(Exception):
    """A check that cannot be made here, with the reason."""


def expect(holds, what):
    if not holds:
        raise Failed(what)


def describe(result):
    """One line on how a container ended, for messages."""
    said = (result.stderr + result.stdout).strip().replace("\n", " | ")
    return f"exit {result.returncode}: {said[:400] or 'said nothing'}"


def one_line(result, *parts):
    """Expects a container to have said one line, with these parts."""
    lines = (result.stderr + result.stdout).splitlines()
    expect(len(lines) == 1, f"expected one line: {describe(result)}")
    for part in parts:
        expect(part in lines[0], f"expected {part!r}: {lines[0]}")


class Proof:
    def __init__(self, webhook, pod_file, directory, runtime):
        self.webhook = webhook
        self.pod_file = pod_file
        self.directory = directory
        self.runtime = runtime
        self.images = {}
        self.programs = None  # programs.Programs
        self.unit_seccomp = None
        self.races = 0
        self.nodes = 0

    @functools.cache
    def call(self, *args):
        run = subprocess.run([self.webhook, *args], capture_output=True, check=False)
        expect(run.returncode == 0, f"{args[0]}: {run.stderr.decode()}")
        return run.stdout

    def config(self, **seccomp):
        """A configuration file with these members of sandbox.seccomp."""
        text = json.dumps({"sandbox": {"seccomp": seccomp}})
        path = os.path.join(self.directory, f"config-{self.digest(text.encode())}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def mutated(self, delivery="configMap", **seccomp):
        """The pod that `mutate` makes of pod.yaml."""
        config = self.config(delivery=delivery, **seccomp)
        arguments = ["--config", config, "--kube-version", "1.34.3", "-o", "json"]
        return json.loads(self.call("mutate", *arguments, "-f", self.pod_file))

    def mutated_with(self, config_map, profile=None, path=None):
        """The pod of a webhook with a profile and names of its own, and the ConfigMap's {name: data}."""
        data = profile or self.profile().decode()
        file = os.path.join(self.directory, f"{config_map}.json")
        with open(file, "w", encoding="utf-8") as out:
            out.write(data)
        path = path or f"profiles/nsjail-seccomp-{self.digest(data.encode())}.json"
        pod = self.mutated(profileFile=file, localhostProfile=path, configMapName=config_map)
        return pod, {config_map: {"nsjail-seccomp.json": data}}

    def program(self, name):
        """The command of one of the programs in the machine's image."""
        if name in self.programs.missing:
            raise Skipped(self.programs.missing[name])
        return self.programs.commands[name]

    @staticmethod
    def digest(data):
        return hashlib.sha256(data).hexdigest()

    def profile(self):
        """The exact bytes of the profile."""
        return self.call("profile", "-o", "json")

    def node(self, maps_mounts=True):
        """A new node: an empty root directory, and the cluster's ConfigMap."""
        self.nodes += 1
        config_map = json.loads(self.call("profile", "-o", "configmap"))
        root = os.path.join(self.directory, f"node-{self.nodes}")
        return oci.Node(root, {config_map["metadata"]["name"]: config_map["data"]}, maps_mounts)

    def installed(self, node, pod):
        """Where the kubelet and the runtime look for the target's profile."""
        profile = self.target(pod)["securityContext"]["seccompProfile"]["localhostProfile"]
        return node.path(f"/var/lib/kubelet/seccomp/{profile}")

    @staticmethod
    def target(pod):
        """The container that the input has too: the webhook adds no other to this list."""
        (container,) = pod["spec"]["containers"]
        return container

    def install(self, node, pod):
        """Runs the init containers in their order, as a kubelet does."""
        results = []
        for container in pod["spec"].get("initContainers", []):
            config = oci.to_bundle(node, pod, container, self.images["busybox"])
            results.append(self.runtime.run(config))
        return results[-1] if results else None

    def execute(self, node, pod, *command):
        """Runs `command` as the target container's."""
        pod = copy.deepcopy(pod)
        container = self.target(pod)
        container["command"] = list(command)
        config = oci.to_bundle(node, pod, container, self.images["machine"])
        return self.runtime.run(config)

    def ready(self, delivery="configMap"):
        """A pod and a node where its init containers have run."""
        pod, node = self.mutated(delivery), self.node()
        result = self.install(node, pod)
        expect(result is not None and result.returncode == 0, f"init container: {describe(result)}")
        return node, pod

    def succeed(self, *command):
        """What `command` prints in the target container of a new node."""
        node, pod = self.ready()
        result = self.execute(node, pod, *command)
        expect(result.returncode == 0, describe(result))
        return result.stdout
