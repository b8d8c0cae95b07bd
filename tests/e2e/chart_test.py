"""manifests/chart on a real API server, beside a release of a chart like Retool's: install, upgrade, uninstall."""

import base64
import json
import os
import re

import pytest
import yaml

from balancer import Balancer
from control_plane import wait_until
from helm import CHART, Helm
from installed import NAME, ROOT
from pods import create, is_sandboxed, pod
from webhook_server import WebhookServer

TRANSIENT = {"events", "events.events.k8s.io", "leases.coordination.k8s.io", "replicasets.apps", "pods",
             "endpoints", "endpointslices.discovery.k8s.io", "controllerrevisions.apps"}


@pytest.fixture(name="helm", params=["helm", "helm3"])
def use_helm(request, own_plane, tmp_path):
    return Helm(request.param, own_plane, tmp_path)


def write_retool(directory):
    """A chart of the example's Deployment, with the securityContext that Retool's renders."""
    deployment = yaml.safe_load((ROOT / "manifests/examples/deployment-chart-default.yaml").read_text())
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "retool"}}
    (directory / "templates").mkdir(parents=True)
    (directory / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": "retool", "version": "6.0.0"}))
    (directory / "templates/all.yaml").write_text(yaml.safe_dump_all([account, deployment]))
    return directory


def all_objects(plane):
    """{kind/namespace/name} of all that somebody made."""
    kinds = plane.kubectl("api-resources", "--verbs=list", "-o", "name").stdout.split()
    listed = plane.kubectl(
        "get", ",".join(sorted(set(kinds) - TRANSIENT)), "--all-namespaces", "--ignore-not-found", "-o",
        "jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{'\\n'}{end}").stdout
    return set(listed.split())


class Replicas:
    """Two programs with the service account of the release, and a Service that leads to them; a context manager."""

    def __init__(self, plane, namespace, directory):
        self.plane, self.namespace = plane, namespace
        self.kubeconfig = directory / "webhook.kubeconfig"
        self.balancer = Balancer()
        self.running = []

    def __enter__(self):
        self.balancer.__enter__()
        token = self.plane.kubectl("create", "token", NAME, "-n", self.namespace, "--duration=1h").stdout.strip()
        self.kubeconfig.write_text(self.plane.kubeconfig_for(token, self.namespace))
        self.divert()
        for _ in range(2):
            replica = WebhookServer(None, "--kubeconfig", self.kubeconfig, "--config", self.config(),
                                    "--certificate-seconds", "600,200,6,1,5", version=None)
            self.running.append(replica)
            self.balancer.add(replica)
        wait_until(lambda: len(self.balancer.ready()) == 2, "both replicas are ready")
        return self

    def __exit__(self, *_):
        try:
            self.balancer.__exit__()
        finally:
            for replica in self.running:
                replica.__exit__()

    def config(self):
        """The configuration of the release, as a kubelet would bring it."""
        file = self.kubeconfig.with_name("config.yaml")
        file.write_text(self.plane.get_json("configmap", NAME, "-n", self.namespace)["data"]["config.yaml"])
        return file

    def divert(self):
        """The Service leads to loopback, after Helm wrote it."""
        for kind, where, patch in (
                ("service", ["-n", self.namespace],
                 [{"op": "replace", "path": "/spec", "value": {"type": "ExternalName", "externalName": "localhost"}}]),
                ("mutatingwebhookconfiguration", [],
                 [{"op": "replace", "path": "/webhooks/0/clientConfig/service/port", "value": self.balancer.port}])):
            self.plane.kubectl("patch", kind, NAME, *where, "--type=json", "-p", json.dumps(patch))

    def failures(self):
        key = 'managed_certificate_events_total{event="failure"}'
        return [replica.metrics()[key] for replica in self.running]


def written_by_the_webhook(plane, namespace):
    """(certificates of the CA in the Secret, caBundle); each None where there is none."""
    secret = plane.get_json("secret", f"{NAME}-ca", "-n", namespace)
    client = plane.get_json("mutatingwebhookconfiguration", NAME)["webhooks"][0]["clientConfig"]
    kept = json.loads(base64.b64decode(secret.get("data", {}).get("authorities.json", "W10=")))
    return [each["certificate"] for each in kept] or None, client.get("caBundle")


def test_install_upgrade_uninstall(helm, tmp_path):
    plane = helm.plane
    minor = int(re.match(r"\d+", plane.version["minor"]).group())
    tool = re.match(r"\w+", os.path.basename(helm.program)).group()
    ours, theirs = f"{tool}-webhook", f"{tool}-retool"
    for namespace in (ours, theirs):
        plane.kubectl("create", "namespace", namespace)
        wait_until(lambda: plane.kubectl("get", "serviceaccount", "default", "-n", namespace, code=None).returncode == 0,
                   "its service account is there")
    before = wait_until(lambda: f"ConfigMap/{theirs}/kube-root-ca.crt" in (seen := all_objects(plane)) and seen,
                        "the namespaces are as new ones are")

    # Of the version before there is no chart: it is this one with another number, and values of its own.
    values = {"profile": {"namespaces": [theirs]}, "finalStatePolicy": {"enabled": minor >= 33, "validationActions": ["Warn"]},
              "config": {"server": {"shutdownDelay": "1s"}}}
    helm("install", NAME, helm.package(CHART, "0.0.1"), "-n", ours, values=values)
    assert written_by_the_webhook(plane, ours) == (None, None)
    with Replicas(plane, ours, tmp_path) as replicas:
        written = wait_until(lambda: all(seen := written_by_the_webhook(plane, ours)) and seen, "the webhook wrote its CA")
        assert b"BEGIN CERTIFICATE" in base64.b64decode(written[1])

        # The chart's privileged: true stays, until the upgrade lets the webhook replace it.
        helm("install", "retool", write_retool(tmp_path / "retool"), "-n", theirs)

        def theirs_made():
            found = plane.get_json("pods", "-n", theirs, "-l", "retoolService=retool-code-executor")["items"]
            return [each for each in found if "deletionTimestamp" not in each["metadata"]]
        (made,) = wait_until(theirs_made, "the ReplicaSet made its pod")
        assert not is_sandboxed(made)

        values["config"]["sandbox"] = {"replaceChartDefault": True}
        values |= {"replicas": 3, "webhook": {"timeoutSeconds": 9}}
        helm("upgrade", NAME, CHART, "-n", ours, *helm.forced, values=values)
        assert written_by_the_webhook(plane, ours) == written
        deployment = plane.get_json("deployment", NAME, "-n", ours)
        assert deployment["spec"]["replicas"] == 3
        assert deployment["metadata"]["labels"]["app.kubernetes.io/version"] != "0.0.1"
        assert plane.get_json("mutatingwebhookconfiguration", NAME)["webhooks"][0]["timeoutSeconds"] == 9
        replicas.divert()
        replicas.config()
        for replica in replicas.running:
            replica.process.send_signal(1)
            wait_until(lambda: replica.metrics()['config_reloads_total{result="success"}'] >= 1, "it has the new values")

        if minor >= 33:
            stored = json.loads(create(plane, theirs, pod("sandboxed", target={"securityContext": {"privileged": True}})).stdout)
            assert is_sandboxed(stored)
            (profile,) = (each["configMap"]["name"] for each in stored["spec"]["volumes"] if each["name"] == "seccomp-profile")
            assert plane.get_json("configmap", profile, "-n", theirs)["data"].keys() == {"nsjail-seccomp.json"}

        # While replicas run, which would put back what is theirs.
        failed = replicas.failures()
        helm("uninstall", NAME, "-n", ours)
        wait_until(lambda: all(now > then for now, then in zip(replicas.failures(), failed)), "they looked, and may not any more")
    helm("uninstall", "retool", "-n", theirs)
    left = wait_until(lambda: (seen := all_objects(plane) - before) is not None and not any(
        each.startswith("Deployment/") for each in seen) and seen, "the Deployments are gone")
    assert {each.rsplit("-", 1)[0] for each in left} == {f"ConfigMap/{theirs}/code-executor-seccomp"}

    (command,) = re.findall(r"^\$ kubectl (delete configmap .*)$", (CHART / "README.md").read_text(), re.M)
    plane.kubectl(*command.split())
    assert all_objects(plane) == before


def test_what_kubectl_installed_becomes_a_release(helm):
    plane = helm.plane
    namespace = NAME  # as manifests/base has it
    plane.kubectl("apply", "-f", ROOT / "manifests/install.yaml")
    plane.kubectl("create", "secret", "generic", f"{NAME}-ca", "-n", namespace, "--from-literal=authorities.json=[]")
    identity = plane.get_json("deployment", NAME, "-n", namespace)["metadata"]["uid"]
    helm("install", NAME, CHART, "-n", namespace, "--take-ownership", *helm.forced)
    assert plane.get_json("deployment", NAME, "-n", namespace)["metadata"]["uid"] == identity
    assert plane.get_json("secret", f"{NAME}-ca", "-n", namespace)["data"] == {"authorities.json": "W10="}
    helm("uninstall", NAME, "-n", namespace, "--wait")
    plane.kubectl("delete", "namespace", namespace)
    assert not [each for each in all_objects(plane) if NAME in each]
